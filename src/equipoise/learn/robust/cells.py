"""Whose losses are weighed: the groups that a promise compares, or those of each label apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from equipoise.constraints import Constraint
from equipoise.groups import Groups
from equipoise.learn.problem import Rows


def labels_matter(promises: Sequence[Constraint], n_classes: int) -> bool:
    """Whether a promise looks at the rows of some labels apart from those of others.

    Parameters
    ----------
    promises : sequence of Constraint
    n_classes : int
        k.

    Returns
    -------
    bool
        True of the rates of true or false positives and of equalized odds, say; False of
        selection, accuracy, loss, and what is a share of those who are decided alike.
    """
    rates = [one.disparity.rate for one in promises]
    looked_at = [one.cells(n_classes).denominator.any(-1) for one in rates if not one.of_loss]
    return any(not one.all() for one in looked_at)


def by_group_and_label(parts: Sequence[Rows], n_classes: int) -> list[Rows]:
    """The same rows with the cells of group and label for groups.

    Parameters
    ----------
    parts : sequence of Rows
        Of the same groups, which may overlap.
    n_classes : int
        k.

    Returns
    -------
    list of Rows
        Their groups are the cells that any part has a row of: nobody can learn from the others.
    """
    groups = parts[0].groups
    assert groups is not None
    names = [f"{name}, label {label}" for name in groups.names for label in range(n_classes)]
    if groups.disjoint:
        codes = [_codes(rows, n_classes) for rows in parts]
        present, kept = np.unique(np.concatenate(codes), return_inverse=True)
        bounds = np.cumsum([len(one) for one in codes])[:-1]
        cells = [
            Groups.from_codes(one, [names[cell] for cell in present])
            for one in np.split(kept, bounds)
        ]
    else:
        members = [_membership(rows, n_classes) for rows in parts]
        present = np.flatnonzero(np.any([one.any(0) for one in members], axis=0))
        cells = [
            Groups.from_membership(one[:, present], [names[cell] for cell in present])
            for one in members
        ]
    return [replace(rows, groups=own) for rows, own in zip(parts, cells, strict=True)]


def _codes(rows: Rows, n_classes: int) -> NDArray[np.int64]:
    assert rows.groups is not None
    assert rows.groups.codes is not None
    codes: NDArray[np.int64] = rows.groups.codes * n_classes + rows.label.cpu().numpy()
    return codes


def _membership(rows: Rows, n_classes: int) -> NDArray[np.bool_]:
    assert rows.groups is not None
    of_group = rows.groups.matrix() > 0
    of_label = rows.label.cpu().numpy()[:, None] == np.arange(n_classes)
    return (of_group[:, :, None] & of_label[:, None]).reshape(len(rows), -1)
