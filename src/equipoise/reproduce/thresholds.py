"""A threshold for each group, chosen afterwards: the promise kept with no say in training.

The rule needs the group of everybody it decides on, which is more than the trained networks are
told, and in many places more than the law allows.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray

from equipoise.constraints import Constraint
from equipoise.groups import Groups
from equipoise.rates import divide

Array = NDArray[np.float64]

_THRESHOLDS = 100
_WINDOWS = 41


def choose_thresholds(
    score: Array, label: NDArray[np.int64], groups: Groups, constraint: Constraint
) -> Array:
    """The thresholds with the fewest errors that keep a bounded gap on these rows.

    All rates lie in some window as wide as the bound, so windows are gone through on a grid, and
    in each a group takes the threshold with the fewest errors among those whose rates lie there.

    Parameters
    ----------
    score : ndarray, shape (n,)
        Probability of the positive of two classes.
    label : ndarray of int, shape (n,)
    groups : Groups of n rows, disjoint
    constraint : Constraint
        An upper bound of a gap of a counted rate.

    Returns
    -------
    ndarray, shape (g,)
        Who is above the own group's is decided positive. If no window has a threshold of every
        group, half for all.

    Raises
    ------
    ValueError
        If the promise is another.
    """
    rate = constraint.disparity.rate
    if constraint.disparity.kind != "gap" or rate.of_loss:
        raise ValueError(f"no thresholds are chosen for {constraint}, but for gaps of shares.")
    tried, errors, rates = [], [], []
    for number in range(len(groups)):
        own = groups.codes == number
        each, table = _tables(score[own], label[own])
        tried.append(each)
        errors.append(table[:, 0, 1] + table[:, 1, 0])
        rates.append(divide(*rate.fractions(table[:, None]))[..., 0])  # (thresholds, c)
    best, fewest = np.full(len(groups), 0.5), np.inf
    starts = np.linspace(0, 1, _WINDOWS)
    for low in product(starts, repeat=rate.n_components(2)):
        total, chosen = 0.0, []
        for each, wrong, at in zip(tried, errors, rates, strict=True):
            inside = ((at >= low) & (at <= np.add(low, constraint.bound))).all(axis=1)
            if not inside.any():
                break
            where = int(np.argmin(np.where(inside, wrong, np.inf)))
            chosen.append(each[where])
            total += float(wrong[where])
        else:
            if total < fewest:
                best, fewest = np.array(chosen), total
    return best


def decide(score: Array, groups: Groups, thresholds: Array) -> NDArray[np.int64]:
    """Who is above the threshold of the own group.

    Parameters
    ----------
    score : ndarray, shape (n,)
    groups : Groups of n rows, disjoint
    thresholds : ndarray, shape (g,)

    Returns
    -------
    ndarray of int64, shape (n,)
    """
    assert groups.codes is not None
    return (score > thresholds[groups.codes]).astype(np.int64)


def _tables(score: Array, label: NDArray[np.int64]) -> tuple[Array, NDArray[np.int64]]:
    # Thresholds to try, and rows by label and decision at each.
    quantiles = np.quantile(score, np.linspace(0, 1, _THRESHOLDS)) if len(score) else np.empty(0)
    tried = np.unique(np.concatenate([[-np.inf, 0.5, np.inf], quantiles]))
    counts = []
    for value in (0, 1):
        own = np.sort(score[label == value])
        rejected = np.searchsorted(own, tried, side="right")
        counts.append(np.stack([rejected, len(own) - rejected], axis=1))
    return tried, np.stack(counts, axis=1)
