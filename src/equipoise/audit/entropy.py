"""Inequality of what people get, and how much of it lies between the groups.

A benefit of 0, 1 or 2 is what a decision makes of a person's due: a miss, what is right, or more
than is due (Speicher et al. 2018, KDD, "A unified approach to quantifying algorithmic
unfairness"). Generalised entropy of benefits is a sum of that within groups and that between their
means; only the latter is about groups.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def generalized_entropy(benefits: Array, counts: Array, alpha: float) -> Array:
    """Generalised entropy of benefits that so many people each have.

    Parameters
    ----------
    benefits : ndarray, shape (..., b)
        Not negative.
    counts : ndarray, shape (..., b)
    alpha : float
        0 is the mean logarithmic deviation, 1 Theil's index, 2 half the squared coefficient of
        variation; the larger, the more it is about those who get much.

    Returns
    -------
    ndarray, shape (...)
        NaN where nobody has a benefit, or with ``alpha=0`` somebody has none.
    """
    total = counts.sum(-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = (benefits * counts).sum(-1) / total
        relative = benefits / mean[..., None]
        if alpha == 1:
            terms = np.where(relative > 0, relative * np.log(relative), 0.0)
        elif alpha == 0:
            terms = -np.log(relative)
        else:
            terms = (relative**alpha - 1) / (alpha * (alpha - 1))
        terms = np.where(counts > 0, terms * counts, 0.0)
        found = terms.sum(-1) / total
    return np.where(np.isfinite(found) & (mean > 0), found, np.nan)


def entropy_of(table: NDArray[np.number], alpha: float) -> Array:
    """Generalised entropy of all people's benefits.

    Parameters
    ----------
    table : ndarray, shape (..., g, 2, 2)
        Rows by disjoint group, label and decision.
    alpha : float

    Returns
    -------
    ndarray, shape (...)
    """
    counts, benefits = _benefits(np.asarray(table, np.float64))
    every = counts.sum(-2)
    return generalized_entropy(np.broadcast_to(benefits, every.shape), every, alpha)


def entropy_between(table: NDArray[np.number], alpha: float) -> Array:
    """The part of it that lies between groups: everybody has the mean of the group.

    Parameters
    ----------
    table : ndarray, shape (..., g, 2, 2)
    alpha : float

    Returns
    -------
    ndarray, shape (...)
        NaN where a group has no rows.
    """
    counts, benefits = _benefits(np.asarray(table, np.float64))
    sizes = counts.sum(-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = (counts * benefits).sum(-1) / sizes
    found = generalized_entropy(np.nan_to_num(means), sizes, alpha)
    return np.where((sizes > 0).all(-1), found, np.nan)


def _benefits(table: Array) -> tuple[Array, Array]:
    # Decision less label plus one: a miss is 0, a false alarm 2.
    misses, alarms = table[..., 1, 0], table[..., 0, 1]
    right = table[..., 0, 0] + table[..., 1, 1]
    return np.stack([misses, right, alarms], axis=-1), np.array([0.0, 1.0, 2.0])
