"""Weights of rows under which labels and groups have a wanted joint law."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from equipoise.constraints import Constraint
from equipoise.groups import Groups
from equipoise.noise import NoisyGroups
from equipoise.repair.noisy import noisy_weights, true_table
from equipoise.repair.wanted import (
    Representation,
    group_shares,
    joint_law,
    require_selection,
    strength,
)

Array = NDArray[np.float64]

Lacking = Literal["refuse", "leave"]


def reweight(
    label: NDArray[np.integer],
    groups: Groups | NoisyGroups,
    n_classes: int,
    promises: Sequence[Constraint] = (),
    *,
    representation: Representation = None,
    weights: Array | None = None,
    at_strength: float | None = None,
    lacking: Lacking = "refuse",
) -> Array:
    """Weigh rows so that labels are as often in each group as promised.

    Algorithm 1 of Celis, Keswani and Vishnoi (ICML 2020, arXiv 1906.02164) for any number of groups
    and labels, with its two bounds apart: its tau, which is of the groups' shares, and a bound on
    how the rates of labels differ, for which the algorithm knows only independence. All rows of one
    group and label get one factor.

    Parameters
    ----------
    label : ndarray of int, shape (n,)
        Class codes.
    groups : Groups or NoisyGroups
        Of groups that overlap every combination is one group: what is promised of those holds of
        any of their unions. Of noisy groups the promise is of the true ones, and all rows of one
        observed group and label get one factor: see :func:`equipoise.repair.noisy.noisy_weights`.
    n_classes : int
        k; of two, the rate of the second is what is promised.
    promises : sequence of Constraint
        Gaps and ratios of selection, the decisions being the labels.
    representation : float, mapping or None
        Of the groups' shares, as :func:`equipoise.repair.wanted.group_shares` takes it.
    weights : ndarray, shape (n,), optional
        What each row counts in the data.
    at_strength : float, optional
        Which part of the way the rates go to their common mean, in place of what the promises need.
    lacking : {"refuse", "leave"}
        What becomes of a group without rows of a label that it is to have: an error, or the group
        goes without that label.

    Returns
    -------
    ndarray of float64, shape (n,)
        Of mean 1.

    Raises
    ------
    ValueError
        If a promise is another, or a group has no rows of a label that it is to have. Of noisy
        groups also if an estimate or a weight would be negative.
    """
    if isinstance(groups, NoisyGroups):
        estimated = true_table(label, groups, n_classes, weights)
        wanted = wanted_law(estimated, groups.names, promises, representation, at_strength, lacking)
        return noisy_weights(label, groups, estimated, wanted, weights)
    codes, names = disjoint(groups)
    n_groups = len(names)
    cell = codes * n_classes + label
    flat = np.bincount(cell, weights, n_groups * n_classes).astype(np.float64)
    table = flat.reshape(n_groups, n_classes)
    wanted = wanted_law(table, names, promises, representation, at_strength, lacking)
    return row_weights(table, wanted, cell, weights)


def wanted_law(
    table: Array,
    names: Sequence[str],
    promises: Sequence[Constraint],
    representation: Representation,
    at_strength: float | None = None,
    lacking: Lacking = "refuse",
    labels: Sequence[object] | None = None,
) -> Array:
    """The joint law of group and label that promises ask for.

    Parameters
    ----------
    table : ndarray, shape (g, k)
        How much each label weighs in each group.
    names : sequence of str, length g
    promises : sequence of Constraint
    representation : float, mapping or None
    at_strength : float, optional
    lacking : {"refuse", "leave"}
    labels : sequence of length k, optional
        What they are called in errors.

    Returns
    -------
    ndarray, shape (g, k)

    Raises
    ------
    ValueError
    """
    require_selection(promises)
    if promises and len(names) < 2:
        raise ValueError(f"{promises[0]} compares groups, but there is only {names[0]!r}.")
    total = table.sum(axis=1)
    if not (total > 0).all():
        empty = names[int(np.argmin(total))]
        raise ValueError(f"group {empty!r} has no rows that weigh anything; leave it out.")
    shares = group_shares(total / total.sum(), names, representation)
    t = strength(table, promises) if at_strength is None else at_strength
    wanted = joint_law(table, shares, t)
    impossible = (wanted > 0) & (table <= 0)
    if impossible.any() and lacking == "leave":
        possible = np.where(impossible, 0.0, wanted)
        return np.asarray(shares[:, None] * possible / possible.sum(axis=1, keepdims=True))
    if impossible.any():
        group, label = map(int, np.argwhere(impossible)[0])
        called = f"{label} (counted from 0)" if labels is None else repr(labels[label])
        raise ValueError(
            f"group {names[group]!r} has no rows of label {called}, so that no weights let it have "
            "any: join it with another group, or ask for less."
        )
    return wanted


def row_weights(
    table: Array, wanted: Array, cell: NDArray[np.integer], weights: Array | None
) -> Array:
    """The weights that give rows a wanted joint law.

    Parameters
    ----------
    table, wanted : ndarray, shape (g, k)
    cell : ndarray of int, shape (n,)
        Group times k plus label.
    weights : ndarray, shape (n,), or None

    Returns
    -------
    ndarray of float64, shape (n,)
        Of mean 1.
    """
    factor = np.divide(wanted, table, out=np.zeros(table.shape), where=table > 0).ravel()
    weighed = factor[cell] if weights is None else factor[cell] * weights
    return np.asarray(weighed / weighed.mean())


def disjoint(groups: Groups) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Groups of which every row has one: those given, or the combinations that occur.

    Parameters
    ----------
    groups : Groups

    Returns
    -------
    codes : ndarray of int64, shape (n,)
    names : tuple of str
    """
    codes, patterns = groups.patterns()
    if groups.disjoint:
        return codes, groups.names
    names = tuple(
        " & ".join(name for name, of in zip(groups.names, pattern, strict=True) if of) or "none"
        for pattern in patterns
    )
    return codes, names
