r"""A disparity beside what chance alone would make of it.

The largest of several rates less the smallest is positive even where all groups are treated alike,
and the more so the more and the smaller they are. So a gap is judged against parity: what it would
be in groups of these sizes if their rates were one and the same. Of two groups the difference has
a score, of several groups the largest score of any pair is taken (Tukey and Kramer's studentised
range, on scores), and its distribution under parity is drawn, not approximated. The interval
follows from the same test: it is at one with the p-value, so that it excludes parity just where
that falls below one less the confidence.

- The near end is the farthest that any pair's own bound reaches with that critical value, which
  holds for all pairs at once. A percentile bootstrap has no such end: it takes the data's gap for
  the truth and adds chance to it a second time.
- The far end is the largest of the pairs' upper bounds, each at half the error. That a gap is below
  b is claimed only where each pair's test says so, and so no correction is due (Berger 1982).
"""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from equipoise.audit.score_test import parity_score, score_bound
from equipoise.audit.words import number_or_none
from equipoise.constraints import Disparity

Array = NDArray[np.float64]

# Of many groups so many at either end are paired: the pair that is sought is nearly always among
# them, and whatever is done to the data is done to the draws.
_ENDS = 8
_FAR_ENDS = 64
_ROUNDING = 1e-12
# A p-value is no less than one over the number of draws, so that the surer one wants to be, the
# more there must be.
_BEYOND = 20
_MOST_DRAWS = 200_000


def draws_for(confidence: float, n_draws: int) -> int:
    """How many draws can tell whether parity is excluded with that confidence.

    Parameters
    ----------
    confidence : float
    n_draws : int
        At least.

    Returns
    -------
    int
    """
    return max(n_draws, min(math.ceil(_BEYOND / (1 - confidence)), _MOST_DRAWS))


class Parity(NamedTuple):
    """A disparity with its interval, beside what chance would make of it under parity.

    Attributes
    ----------
    value : float
        On the data; NaN, as all else, where a rate is undefined.
    low, high : float
        Its interval.
    corrected : float
        The disparity of the rates shrunk towards each other by what chance added to their spread.
    expected : float
        The mean disparity of groups of these sizes under parity.
    limit : float
        What the disparity reaches under parity with probability one less the confidence.
    p_value : float
        Of parity: how often the largest score of a pair would be as large as here or larger.
    """

    value: float
    low: float
    high: float
    corrected: float
    expected: float
    limit: float
    p_value: float

    def to_dict(self) -> dict[str, float | None]:
        """The figures as JSON can hold them; None for what is undefined."""
        return {name: number_or_none(value) for name, value in self._asdict().items()}


UNKNOWN = Parity(*[np.nan] * 7)


def parity_of_shares(
    success: NDArray[Any],
    trials: NDArray[Any],
    disparity: Disparity,
    confidence: float,
    n_draws: int,
    random: np.random.Generator,
) -> Parity:
    """Judge a gap or ratio of shares of groups that have no row in common.

    Parameters
    ----------
    success, trials : ndarray, shape (c, g)
        Of each component of a rate and each group; of weighted rows the effective ones.
    disparity : Disparity
        A gap or a ratio.
    confidence : float
    n_draws : int
        Of the distribution under parity, where each component has its pooled share everywhere.
    random : numpy.random.Generator

    Returns
    -------
    Parity
    """
    if not (trials > 0).all():
        return UNKNOWN
    rates = success / trials
    pooled = success.sum(-1, keepdims=True) / trials.sum(-1, keepdims=True)
    # Effective trials are no whole numbers, and what is drawn must be.
    whole = np.maximum(np.rint(trials), 1).astype(np.int64)
    drawn = random.binomial(whole, pooled, (draws_for(confidence, n_draws), *whole.shape))

    def score(x: NDArray[Any], trials: NDArray[Any]) -> Array:
        middle = x.sum(-1, keepdims=True) / trials.sum(-1, keepdims=True)
        low, high = _ends((x / trials - middle) * np.sqrt(trials), _ENDS)
        n = np.broadcast_to(trials, x.shape)
        return _largest(
            parity_score(
                _take(x, high)[..., :, None],
                _take(n, high)[..., :, None],
                _take(x, low)[..., None, :],
                _take(n, low)[..., None, :],
            )
        )

    critical, p_value = _critical(score(success, trials), score(drawn, whole), confidence)
    side: Literal["gap", "ratio"] = "ratio" if disparity.kind == "ratio" else "gap"

    def bounds(z: float, ends: int, which: Literal["upper", "lower"]) -> Array:
        # Of the high group less the low one, or of the low one over the high one.
        at = (success + 1) / (trials + 2)
        error = z * np.sqrt(at * (1 - at) / trials)
        # For the near bound the pairs that are surely apart, for the far one those that may be.
        error = error if ends == _FAR_ENDS else -error
        low, high = _ends(at - error, ends)[0], _ends(at + error, ends)[1]
        where, a, b = _pairs(low, high)
        if side == "ratio":
            a, b = b, a
        x, n = success[where], trials[where]
        rows = np.arange(len(where))
        return score_bound(x[rows, a], n[rows, a], x[rows, b], n[rows, b], z, side, which)

    one_sided = float(stats.norm.isf((1 - confidence) / 2))
    if side == "gap":
        low = max(0.0, bounds(critical, _ENDS, "lower").max(initial=0.0))
        high = bounds(one_sided, _FAR_ENDS, "upper").max(initial=0.0)
    else:
        high = min(1.0, bounds(critical, _ENDS, "upper").min(initial=1.0))
        low = bounds(one_sided, _FAR_ENDS, "lower").min(initial=1.0)
    value = float(disparity.value(rates))
    corrected = disparity.value(shrunken(rates, pooled * (1 - pooled) / trials))
    chance = disparity.value(drawn / whole)
    if np.isnan(value):
        return UNKNOWN
    return _parity(disparity, value, low, high, corrected, chance, p_value, confidence)


def parity_of_estimates(
    values: Array,
    draws: Array,
    disparity: Disparity,
    confidence: float,
    freedom: Array | None = None,
) -> Parity:
    """Judge a gap or ratio of any figures, from resamples of the rows.

    Under parity figures are taken to vary around one value as they do around their own. Groups may
    have rows in common, since what the resamples say of pairs is used.

    Parameters
    ----------
    values : ndarray, shape (c, g)
    draws : ndarray, shape (b, c, g)
        The figures on resamples.
    disparity : Disparity
        A gap or a ratio; of a ratio all figures must be positive.
    confidence : float
    freedom : ndarray, shape (c, g), optional
        Degrees of freedom of each figure's error, where these are few: differences are then
        judged by Student's distribution, with Welch's degrees of freedom for a pair.

    Returns
    -------
    Parity
    """
    draws = draws[np.isfinite(draws).all(axis=(1, 2))]
    by_ratio = disparity.kind == "ratio"
    usable = np.isfinite(values).all() and len(draws) >= 100
    if by_ratio:
        usable = bool(usable and (values > 0).all())
        draws = draws[(draws > 0).all(axis=(1, 2))]
    if not usable:
        return UNKNOWN
    at, noise = (np.log(values), np.log(draws)) if by_ratio else (values, draws)
    noise = noise - noise.mean(0)
    covariance = np.einsum("bci,bcj->cij", noise, noise) / len(noise)
    variance = np.diagonal(covariance, axis1=1, axis2=2)
    error = np.sqrt(np.maximum(variance[:, :, None] + variance[:, None, :] - 2 * covariance, 0.0))
    single = np.sqrt(np.maximum(variance, 1e-300))
    scale = np.abs(at).max()
    welch = np.inf if freedom is None else _welch(variance, freedom)

    def in_errors(difference: Array, of_pair: Array) -> Array:
        # Without spread any difference, but for rounding, is one that chance does not make.
        sure = np.where(np.abs(difference) > _ROUNDING * scale, np.inf, 0.0) * np.sign(difference)
        return np.asarray(np.divide(difference, of_pair, out=sure, where=of_pair > 0))

    def score(x: Array) -> Array:
        low, high = _ends((x - np.median(x, -1, keepdims=True)) / single, _ENDS)
        difference = _take(x, high)[..., :, None] - _take(x, low)[..., None, :]
        component = np.arange(x.shape[-2])[:, None, None]
        return _largest(
            in_errors(difference, error[component, high[..., :, None], low[..., None, :]])
        )

    difference = at[:, :, None] - at[:, None, :]
    observed = score(at)
    if freedom is not None:
        # As many normal standard errors as Student's are as rare.
        observed = _largest(stats.norm.isf(stats.t.sf(in_errors(difference, error), welch)))
    critical, p_value = _critical(observed, score(noise), confidence)
    z = float(stats.norm.isf((1 - confidence) / 2))
    near, far = (stats.t.isf(stats.norm.sf(x), welch) for x in (critical, z))
    low = max(0.0, float((difference - near * error).max()))
    high = max(0.0, float((difference + far * error).max()))
    if by_ratio:
        low, high = float(np.exp(-high)), float(np.exp(-low))
    corrected = shrunken(at, variance)
    chance = disparity.value(np.exp(noise) if by_ratio else noise)
    return _parity(
        disparity,
        float(disparity.value(values)),
        low,
        high,
        disparity.value(np.exp(corrected) if by_ratio else corrected),
        chance,
        p_value,
        confidence,
    )


def _welch(variance: Array, freedom: Array) -> Array:
    # Degrees of freedom of the difference of each pair (Welch 1947, Satterthwaite 1946).
    v, of_each = variance, variance**2 / freedom
    total = (v[:, :, None] + v[:, None, :]) ** 2
    parts = of_each[:, :, None] + of_each[:, None, :]
    return np.divide(total, parts, out=np.full_like(total, np.inf), where=parts > 0)


def shrunken(values: Array, variances: Array) -> Array:
    """Figures shrunk towards their mean until they spread as much as the truth seems to.

    Each of the figures is the truth and an error, so they spread more than the truth does. The
    truth's variance is DerSimonian and Laird's estimate, and figures are shrunk by the root of the
    share it has in theirs: shrunk by the share itself, as is best for each alone, they would spread
    less than the truth (Louis 1984, JASA 79, 393; Ghosh 1992, JASA 87, 533).

    Parameters
    ----------
    values, variances : ndarray, shape (..., g)
        Figures, and the variances of their errors.

    Returns
    -------
    ndarray, shape (..., g)
    """
    if values.shape[-1] < 2:
        return values
    # A figure without any error would outweigh all others beyond the digits of a number.
    some = np.maximum(variances, np.maximum(1e-6 * variances.max(-1, keepdims=True), 1e-24))
    weight = 1 / some
    total = weight.sum(-1, keepdims=True)
    mean = (weight * values).sum(-1, keepdims=True) / total
    excess = (weight * (values - mean) ** 2).sum(-1, keepdims=True) - (values.shape[-1] - 1)
    room = total - (weight**2).sum(-1, keepdims=True) / total
    truth = np.divide(excess, room, out=np.zeros_like(excess), where=room > 0).clip(min=0.0)
    return mean + np.sqrt(truth / (truth + some)) * (values - mean)


def _parity(
    disparity: Disparity,
    value: float,
    low: float,
    high: float,
    corrected: NDArray[Any],
    chance: Array,
    p_value: float,
    confidence: float,
) -> Parity:
    tail = 1 - confidence if disparity.kind == "ratio" else confidence
    known = chance[~np.isnan(chance)]
    expected, limit = np.nan, np.nan
    if len(known):
        expected, limit = float(known.mean()), float(np.quantile(known, tail))
    # Rounding must not put the figure outside its own interval.
    low, high = min(float(low), value), max(float(high), value)
    return Parity(value, low, high, float(corrected), expected, limit, p_value)


def _critical(observed: Array, drawn: Array, confidence: float) -> tuple[float, float]:
    # Draws no less than what is observed, itself among them: a p-value is never 0.
    at_least = np.count_nonzero(drawn >= float(observed) * (1 - 1e-12))
    p_value = float(1 + at_least) / (1 + len(drawn))
    with_observed = np.sort(np.append(drawn, observed))
    # The largest score at which the p-value, counted so, is not below one less the confidence.
    rank = len(with_observed) - int(np.ceil((1 - confidence) * len(with_observed) - 1e-9))
    return float(with_observed[rank]), p_value


def _ends(x: Array, most: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Which are the lowest and the highest along the last axis, so many of each."""
    k = min(most, x.shape[-1])
    if k == x.shape[-1]:
        every = np.broadcast_to(np.arange(k), x.shape)
        return every, every
    order = np.argpartition(x, [k - 1, x.shape[-1] - k], axis=-1)
    return order[..., :k], order[..., -k:]


def _take(x: NDArray[Any], at: NDArray[np.intp]) -> NDArray[Any]:
    return np.take_along_axis(x, at, axis=-1)


def _largest(scores: Array) -> Array:
    # Over components and pairs.
    return scores.max(axis=(-3, -2, -1))


def _pairs(
    low: NDArray[np.intp], high: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Component, high and low group of every pair of two groups."""
    shape = (*high.shape, low.shape[-1])
    a = np.broadcast_to(high[..., :, None], shape)
    b = np.broadcast_to(low[..., None, :], shape)
    component = np.broadcast_to(np.arange(len(high))[:, None, None], shape)
    apart = a != b
    return component[apart], a[apart], b[apart]
