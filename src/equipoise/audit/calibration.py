"""Whether scores mean the same in every group: of rows with score s, a share s is positive."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import stats

from equipoise.audit.intervals import share_interval
from equipoise.audit.score_counts import ScoreCounts
from equipoise.audit.weights import effective_shares
from equipoise.rates import divide

Array = NDArray[np.float64]


class Calibration(NamedTuple):
    """Predicted probabilities beside what came true, by group.

    Attributes
    ----------
    support : ndarray, shape (g, k)
        Rows by group and bin (of weighted rows, as many equal ones as tell as much); bins hold
        about as many rows of all groups each.
    predicted : ndarray, shape (g, k)
        Their mean score; NaN, as what follows, where there are no rows.
    observed, low, high : ndarray, shape (g, k)
        The share of them that is positive, with Wilson's interval.
    error : ndarray, shape (g,)
        Expected calibration error: the mean distance of observed from predicted, over rows.
    error_low, error_high : ndarray, shape (g,)
        Its interval, which holds the truth at least as often as the confidence says. The sum of
        the deviations with their true signs is never more than the error found and has the truth
        as its mean, so that its normal bound serves above; below, chance adds no more to the error
        than the sum of what it adds to the bins.
    by_chance : ndarray, shape (g,)
        What the error would be on average if the scores were right.
    p_value : ndarray, shape (g,)
        Of that: how often the error would be as large as here or larger.
    """

    support: NDArray[Any]
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
    random: Generator,
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
    starts = _equal_shares(counts.by_bin, bins)
    table, squares = (
        np.add.reduceat(x, starts, axis=-1) for x in (counts.by_group, counts.squares_by_group)
    )
    whole = table.sum(1)
    positive, support = effective_shares(table[:, 1], whole, (squares[:, 1], squares.sum(1)))
    scores = np.add.reduceat(counts.by_group.sum(1) * counts.middles, starts, axis=-1)
    predicted, observed = divide(scores, whole), divide(positive, support)
    low, high = share_interval(positive, support, confidence)
    weight = divide(whole, np.broadcast_to(whole.sum(-1, keepdims=True), whole.shape))
    noise = _noise(positive, support, weight)
    found = np.nansum(np.abs(observed - predicted) * weight, axis=-1)
    found[np.isnan(weight).all(-1)] = np.nan
    right, trials = np.nan_to_num(predicted), np.maximum(np.rint(support), 1).astype(np.int64)
    apart = np.abs(random.binomial(trials, right, (n_draws, *trials.shape)) / trials - right)
    chance = (apart * weight).sum(-1)
    at_least = (chance >= found * (1 - 1e-12)).sum(0)
    p_value = np.where(np.isnan(found), np.nan, (1 + at_least) / (1 + n_draws))
    tail = (1 - confidence) / 2
    above = stats.norm.isf(tail) * np.sqrt((noise**2).sum(-1))
    below = _excess(np.abs(observed - predicted) * weight, noise, tail, n_draws, random)
    # One end alone has all of the error where the scores are right.
    error_low = np.where(p_value >= 1 - confidence, 0.0, np.maximum(found - below, 0.0))
    return Calibration(
        whole if counts.weight is None else support,
        predicted,
        observed,
        low,
        high,
        found,
        error_low,
        np.minimum(found + above, 1.0),
        chance.mean(0),
        p_value,
    )


def _noise(positive: Array, support: Array, weight: Array) -> Array:
    """The standard error that each bin's part of the error has, shape (g, k)."""
    share = (positive + 1) / (support + 2)
    some = np.where(support > 0, support, 1.0)
    return np.nan_to_num(weight * np.sqrt(share * (1 - share) / some))


def _excess(apart: Array, noise: Array, tail: float, n_draws: int, random: Generator) -> Array:
    """How much larger than the truth the error is found to be, rarely.

    Of a bin whose deviation is surely of the sign that it shows, chance moves the error either way;
    of any other by no more than its own absolute value. A tenth of the tail goes to the signs.
    """
    spent = tail / 10
    sure = apart > stats.norm.isf(spent / max(1, apart.shape[-1])) * noise
    drawn = random.normal(size=(n_draws, *noise.shape)) * noise
    moved = np.where(sure, drawn, np.abs(drawn)).sum(-1)
    return np.asarray(np.quantile(moved, 1 - tail + spent, axis=0))


def _equal_shares(rows: NDArray[Any], bins: int) -> NDArray[np.intp]:
    """Where bins of about equally many rows begin."""
    below = np.concatenate([[0], np.cumsum(rows)[:-1]])
    wanted = np.arange(1, bins) / bins * rows.sum()
    after = np.searchsorted(below, wanted).clip(1, len(rows) - 1)
    # Many rows may have one score: of the cuts before and after them, the one that is nearer.
    nearer = wanted - below[after - 1] < below[after] - wanted
    return np.unique(np.concatenate([[0], after - nearer]))
