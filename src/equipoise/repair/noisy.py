"""Weights for groups that are observed with errors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from equipoise.noise import NoisyGroups

Array = NDArray[np.float64]

_ROUNDING = 1e-9


def true_table(
    label: NDArray[np.integer], groups: NoisyGroups, n_classes: int, weights: Array | None
) -> Array:
    """How much each label weighs in each true group, as the flips tell.

    Parameters
    ----------
    label : ndarray of int, shape (n,)
    groups : NoisyGroups
    n_classes : int
    weights : ndarray, shape (n,), or None

    Returns
    -------
    ndarray, shape (p, k)

    Raises
    ------
    ValueError
        If an estimate is negative.
    """
    table = groups.tabulate(label, n_classes, weights)
    rounding = _ROUNDING * max(float(np.abs(table).sum()), 1.0)
    if (table < -rounding).any():
        group, of = (int(i) for i in np.unravel_index(int(np.argmin(table)), table.shape))
        raise ValueError(
            f"of group {groups.names[group]!r} and label {of} (counted from 0) there would be "
            f"{table[group, of]:.1f} rows, by the flips: they are larger than errors are, or rows "
            "are too few to correct. Check p_flip, from true to observed; or join groups."
        )
    return np.where(table <= rounding, 0.0, table)


def true_given_observed(
    label: NDArray[np.integer], groups: NoisyGroups, n_classes: int, weights: Array
) -> Array:
    """How likely each true group is, given what is observed and the label.

    Weights of rows by observed group and label do not change it, and so neither do laws that have
    rows of the data as they are.

    Parameters
    ----------
    label : ndarray of int, shape (n,)
    groups : NoisyGroups
    n_classes : int
    weights : ndarray, shape (n,)

    Returns
    -------
    ndarray, shape (p, p, k)
        True group, observed group, label; 0 where nothing is observed.
    """
    p = len(groups)
    codes, patterns = groups.patterns()
    observed = np.bincount(codes * n_classes + label, weights, len(patterns) * n_classes)
    by_stratum = observed.reshape(-1, p, n_classes)
    together = np.zeros((p, p, n_classes))
    for flips, seen in zip(groups.by_stratum, by_stratum, strict=True):
        true = flips.inverse.T @ seen
        together += flips.p_flip[:, :, None] * true[:, None]
    total = by_stratum.sum(axis=0)
    return np.divide(together, total, out=np.zeros(together.shape), where=total > 0)


def noisy_weights(
    label: NDArray[np.integer],
    groups: NoisyGroups,
    table: Array,
    wanted: Array,
    weights: Array | None,
) -> Array:
    """The weights under which true groups and labels have a wanted joint law.

    With factors f(z, y) = wanted / table a row whose true group were known would weigh f(z, y). It
    weighs the sum of these over its row of the signed membership matrix, whose expectation given
    true group and label is just that, where errors do not depend on the label. So all rows of one
    observed group and label weigh alike, and no other weights by observed group and label will do:
    the equations have one solution, as the flips can be undone.

    Parameters
    ----------
    label : ndarray of int, shape (n,)
    groups : NoisyGroups
    table, wanted : ndarray, shape (p, k)
        Of true groups.
    weights : ndarray, shape (n,), or None

    Returns
    -------
    ndarray of float64, shape (n,)
        Of mean 1.

    Raises
    ------
    ValueError
        If a weight would be negative.
    """
    factor = np.divide(wanted, table, out=np.zeros(table.shape), where=table > 0)
    codes, patterns = groups.patterns()
    weighed = (patterns @ factor)[codes, label]
    if (weighed < 0).any():
        row = int(np.argmin(weighed))
        observed = groups.names[codes[row] % len(groups)]
        raise ValueError(
            f"rows observed in group {observed!r} with label {label[row]} (counted from 0) would "
            "get a negative weight: with these flips no weights by observed group and label do "
            "what is asked of the true groups. Ask for less: a looser bound, or shares of groups "
            "nearer to the data's (representation)."
        )
    if weights is not None:
        weighed = weighed * weights
    return np.asarray(weighed / weighed.mean())
