"""Wilcoxon's signed-rank test of paired differences, exactly, and the estimate by it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from equipoise.audit import Estimate

Array = NDArray[np.float64]

# Figures are shares of the same rows, and so are many of their differences the same; they are not
# to be told apart by how they were rounded.
_SAME = 12


def exact_p(differences: ArrayLike) -> float:
    """Two-sided p-value of Wilcoxon's signed-rank test, without approximation.

    It is the share of all 2^n choices of signs that are as far from an even one as what was seen,
    of these very absolute values: exact with ties, which share the mean of their ranks, and with
    differences of 0, which are ranked with the others and then left out (Pratt 1959, JASA 54). What
    is tested is that differences are symmetric around 0.

    Parameters
    ----------
    differences : array-like, shape (n,)
        One a pair. What differs by less than 1e-12 of the largest counts as equal.

    Returns
    -------
    float
        At least 2^(1 - m), where m differences are not 0; 1 if there are none.

    Raises
    ------
    ValueError
        If there are no differences, or one is not finite.
    """
    values = _rounded(as_differences(differences))
    # Of ties, ranks are halves.
    ranks = np.rint(2 * stats.rankdata(np.abs(values))).astype(np.int64)
    signed = values != 0
    chances = _null(ranks[signed])
    seen = int(ranks[values > 0].sum())
    tail = min(chances[: seen + 1].sum(), chances[seen:].sum())
    return float(min(1.0, 2 * tail))


def smallest_p(n: int) -> float:
    """The least p-value that so many pairs can have, 2^(1 - n).

    Parameters
    ----------
    n : int

    Returns
    -------
    float
        At most 1.
    """
    return min(1.0, 2.0 ** (1 - n))


def typical_difference(differences: ArrayLike, confidence: float = 0.95) -> Estimate:
    """Hodges' and Lehmann's estimate: the median of the means of all pairs of differences.

    Its interval holds the shifts that the exact signed-rank test does not reject (Hodges, Lehmann
    1963, Annals of Mathematical Statistics 34). Of symmetric differences it covers at least as
    often as it says, ties or not.

    Parameters
    ----------
    differences : array-like, shape (n,)
        Each is paired with itself too.
    confidence : float

    Returns
    -------
    Estimate
        Its interval is infinite where n is so small that no shift can be rejected, up to 5 at 0.95.

    Raises
    ------
    ValueError
        If there are no differences, one is not finite, or the confidence is not between 0 and 1.
    """
    values = as_differences(differences)
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, not {confidence}.")
    n = len(values)
    first, second = np.triu_indices(n)
    means = np.sort((values[first] + values[second]) / 2)
    below = np.cumsum(_null(np.arange(1, n + 1)))
    # How many of the means may lie outside on each side; a tail of exactly the half is rejected.
    cut = int(np.searchsorted(below, (1 - confidence) / 2 * (1 + 1e-12), side="right"))
    middle = float(np.median(means))
    if cut == 0:
        return Estimate(middle, -np.inf, np.inf)
    return Estimate(middle, float(means[cut - 1]), float(means[-cut]))


def as_differences(differences: ArrayLike) -> Array:
    """Differences of pairs as numbers.

    Parameters
    ----------
    differences : array-like, shape (n,)

    Returns
    -------
    ndarray of float64, shape (n,)

    Raises
    ------
    ValueError
        If there are none, or one is not finite.
    """
    values = np.asarray(differences, np.float64)
    if values.ndim != 1 or not len(values):
        raise ValueError(
            f"differences must be one number a pair, shape (n,), not of shape {values.shape}."
        )
    if not np.isfinite(values).all():
        where = np.flatnonzero(~np.isfinite(values)).tolist()
        raise ValueError(
            f"differences are not finite for the pairs {where[:5]}: leave out the seeds that "
            "failed in both, and give a run that failed alone the worst figure there is."
        )
    return values


def _rounded(values: Array) -> Array:
    largest = np.abs(values).max()
    return values if largest == 0 else np.round(values / largest, _SAME)


def _null(ranks: NDArray[np.int64]) -> Array:
    """How likely each sum of ranks is where every rank counts with probability one half."""
    chances = np.zeros(int(ranks.sum()) + 1)
    chances[0] = 1.0
    for rank in ranks:
        with_it = np.zeros_like(chances)
        with_it[rank:] = chances[: len(chances) - rank]
        # Halves and sums of up to 53 binary digits: there is no rounding up to 52 pairs.
        chances = (chances + with_it) / 2
    return chances
