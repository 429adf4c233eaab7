"""A data set made ready: groups, parts, and features that the training part alone decides."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.compare.contender import Contender
from equipoise.compare.corrected import observed, true_groups
from equipoise.compare.settings import PARTS, Settings
from equipoise.data import Dataset, split
from equipoise.groups import Groups
from equipoise.learn import TableEncoder, require_support
from equipoise.noise import FlipMatrix, NoisyGroups

_FEWEST_ROWS = 50


@dataclass(frozen=True, eq=False)
class Part:
    """Some rows of the data.

    Attributes
    ----------
    features : ndarray of float32, shape (n, d)
    label : ndarray of int64, shape (n,)
    groups : Groups or NoisyGroups of n rows
    weights : ndarray of float64, shape (n,), or None
    """

    features: NDArray[np.float32]
    label: NDArray[np.int64]
    groups: Groups | NoisyGroups
    weights: NDArray[np.float64] | None

    def __len__(self) -> int:
        return len(self.label)


@dataclass(frozen=True, eq=False)
class Prepared:
    """A data set, ready to train and judge on.

    Attributes
    ----------
    classes : tuple, length k
    encoder : TableEncoder
        Learnt on the training part.
    parts : dict of Part
        By the names in :data:`equipoise.compare.settings.PARTS`.
    flips : FlipMatrix or None
        Where groups are observed with errors: how often who is observed as whom.
    """

    classes: tuple[object, ...]
    encoder: TableEncoder
    parts: dict[str, Part]
    flips: FlipMatrix | None = None


def prepare(dataset: Dataset, settings: Settings, noise: Any = None) -> Prepared:
    """Split and encode a data set.

    Parameters
    ----------
    dataset : Dataset
    settings : Settings
    noise : optional
        Flips of the sensitive columns, as :func:`equipoise.compare` takes them.

    Returns
    -------
    Prepared

    Raises
    ------
    ValueError
        If some part could say nothing of a promise: a group without rows, or without rows of
        the labels that its rate needs. With noise, if something that is asked for cannot be
        corrected for it.
    """
    if len(dataset) < _FEWEST_ROWS:
        raise ValueError(
            f"the table has only {len(dataset)} rows: too few to train on some, choose on others "
            f"and judge on the rest (at least {_FEWEST_ROWS})."
        )
    groups: Groups | NoisyGroups
    if noise is None:
        groups = _known_groups(dataset, settings)
    else:
        groups = true_groups(dataset, settings, noise)
    methods = {name: Contender.parse(name).method for name in settings.methods}
    apart = [name for name, method in methods.items() if method.disjoint_groups]
    if apart and not observed(groups).disjoint:
        raise ValueError(
            f"the method {apart[0]!r} needs groups of which no row belongs to two: take "
            "how='crossed' (--how crossed), or another method."
        )
    for method in methods.values():
        if method.require is not None:
            method.require(settings.constraints, len(dataset.classes))
    patterns, _ = observed(groups).patterns()
    rows = split(patterns * len(dataset.classes) + dataset.target, PARTS, settings.seed)
    for name, constraint in product(PARTS, settings.constraints):
        require_support(
            constraint,
            dataset.target[rows[name]],
            groups.take(rows[name]),
            dataset.classes,
            f"the {name} rows",
        )
    encoder = TableEncoder.fit(dataset.features[rows["train"]])
    features = encoder.transform(dataset.features)
    parts = {
        name: Part(
            features[chosen],
            dataset.target[chosen],
            groups.take(chosen),
            None if dataset.weights is None else dataset.weights[chosen],
        )
        for name, chosen in rows.items()
    }
    flips = groups.flips if isinstance(groups, NoisyGroups) else None
    return Prepared(dataset.classes, encoder, parts, flips)


def _known_groups(dataset: Dataset, settings: Settings) -> Groups:
    columns = {name: dataset.sensitive[name].to_numpy() for name in dataset.sensitive.columns}
    groups = Groups.of(columns, settings.how)
    small = groups.join_rare if groups.disjoint else groups.drop_rare
    groups = small(settings.min_group)
    others = int(groups.sizes.min())
    if 0 < others < settings.min_group:
        raise ValueError(
            f"the groups with fewer than {settings.min_group} rows have {others} rows together: "
            "too few for a group of their own. A larger min_group (--min-group) joins more."
        )
    return groups
