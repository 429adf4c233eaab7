"""Whether scores mean the same in every group: of rows with score s, a share s is positive."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from equipoise.audit.intervals import share_interval
from equipoise.audit.score_counts import ScoreCounts
from equipoise.rates import divide

Array = NDArray[np.float64]


class Calibration(NamedTuple):
    """Predicted probabilities beside what came true, by group.

    Attributes
    ----------
    support : ndarray of int64, shape (g, k)
        Rows by group and bin; bins hold about as many rows of all groups each.
    predicted : ndarray, shape (g, k)
        Their mean score; NaN, as what follows, where there are no rows.
    observed, low, high : ndarray, shape (g, k)
        The share of them that is positive, with Wilson's interval.
    error : ndarray, shape (g,)
        Expected calibration error: the mean distance of observed from predicted, over rows.
    error_low, error_high : ndarray, shape (g,)
        Its interval: the true deviations are taken to be a multiple of those observed, and the
        multiples are those with which, chance added, such an error would not be seen rarely.
    by_chance : ndarray, shape (g,)
        What the error would be on average if the scores were right.
    p_value : ndarray, shape (g,)
        Of that: how often the error would be as large as here or larger.
    """

    support: NDArray[np.int64]
    predicted: Array
    observed: Array
    low: Array
    high: Array
    error: Array
    error_low: Array
    error_high: Array
    by_chance: Array
    p_value: Array


def calibration(
    counts: ScoreCounts,
    confidence: float,
    bins: int,
    n_draws: int,
    random: np.random.Generator,
) -> Calibration:
    """Compare predicted probabilities with what came true.

    Parameters
    ----------
    counts : ScoreCounts
        Of probabilities.
    confidence : float
    bins : int
        k, at most.
    n_draws : int
    random : numpy.random.Generator

    Returns
    -------
    Calibration

    Raises
    ------
    ValueError
        If scores are no probabilities.
    """
    if counts.limits != (0.0, 1.0):
        raise ValueError(
            f"calibration is of probabilities, and these scores lie between {counts.limits[0]:g} "
            f"and {counts.limits[1]:g}."
        )
    table = counts.by_group
    starts = _equal_shares(counts.table.sum(axis=(0, 1)), bins)
    support = np.add.reduceat(table.sum(1), starts, axis=-1)
    positive = np.add.reduceat(table[:, 1], starts, axis=-1)
    scores = np.add.reduceat(table.sum(1) * counts.middles, starts, axis=-1)
    predicted, observed = divide(scores, support), divide(positive, support)
    low, high = share_interval(positive, support, confidence)

    def error(share: Array) -> Array:
        apart = np.nan_to_num(np.abs(share - predicted)) * support
        return divide(apart.sum(-1), np.broadcast_to(support.sum(-1), apart.shape[:-1]))

    right = np.nan_to_num(predicted)
    chance = error(random.binomial(support, right, (n_draws, *support.shape)) / _some(support))
    found = error(observed)
    at_least = (chance >= found * (1 - 1e-12)).sum(0)
    p_value = np.where(np.isnan(found), np.nan, (1 + at_least) / (1 + n_draws))
    noise = _noise(positive, support, n_draws, random)
    apart = np.nan_to_num(observed - predicted)
    weight = support / _some(support.sum(-1, keepdims=True))
    ends = [
        _scale(apart, noise, weight, np.nan_to_num(found), share)
        for share in ((1 - confidence) / 2, (1 + confidence) / 2)
    ]
    # One end alone has all of the error where the scores are right.
    error_low = np.where(p_value >= 1 - confidence, 0.0, np.minimum(ends[0], 1.0) * found)
    return Calibration(
        support,
        predicted,
        observed,
        low,
        high,
        found,
        error_low,
        np.maximum(ends[1], 1.0) * found,
        chance.mean(0),
        p_value,
    )


def _noise(
    positive: NDArray[np.int64],
    support: NDArray[np.int64],
    n_draws: int,
    random: np.random.Generator,
) -> Array:
    """What chance adds to the observed shares, in draws, shape (n_draws, g, k)."""
    share = (positive + 1) / (support + 2)
    spread = np.sqrt(share * (1 - share) / _some(support))
    return random.normal(size=(n_draws, *support.shape)) * spread


def _scale(apart: Array, noise: Array, weight: Array, found: Array, share: float) -> Array:
    """How many times the deviations must be what they seem for the error to be seen so rarely.

    With the true deviations a multiple of those observed, the error seen is larger than the one
    found with probability ``share``; by halving, since it grows with the multiple.
    """
    low, high = np.zeros(len(found)), np.full(len(found), 2.0)

    def larger(multiple: Array) -> Array:
        seen = (np.abs(multiple[:, None] * apart + noise) * weight).sum(-1)
        return np.asarray((seen >= found).mean(0))

    while True:
        short = (larger(high) < share) & (high < 1e6)
        if not short.any():
            break
        high = np.where(short, 2 * high, high)
    for _ in range(20):
        middle = (low + high) / 2
        short = larger(middle) < share
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    return high


def _equal_shares(rows: NDArray[np.int64], bins: int) -> NDArray[np.intp]:
    """Where bins of about equally many rows begin."""
    below = np.concatenate([[0], np.cumsum(rows)[:-1]])
    wanted = np.arange(1, bins) / bins * rows.sum()
    after = np.searchsorted(below, wanted).clip(1, len(rows) - 1)
    # Many rows may have one score: of the cuts before and after them, the one that is nearer.
    nearer = wanted - below[after - 1] < below[after] - wanted
    return np.unique(np.concatenate([[0], after - nearer]))


def _some(support: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.maximum(support, 1)
