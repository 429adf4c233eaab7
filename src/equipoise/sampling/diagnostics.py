"""How far draws from several chains can be trusted: R-hat, effective sizes, standard errors.

All of it follows Vehtari, Gelman, Simpson, Carpenter, Burkner, "Rank-normalization, folding, and
localization: an improved R-hat", Bayesian Analysis 16(2), 2021. Every function takes draws of
shape (chains, draws, ...) and gives one value for each trailing place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

Array = NDArray[Any]

_AT_ONCE = 2_000_000  # numbers, so that the transforms of a wide body stay within some 100 MB
_FEWEST = 4  # draws of a chain: below that no half of it has a variance


def rhat(draws: ArrayLike) -> Array:
    """Rank-normalised split R-hat: the larger of the bulk's and the tails'.

    Parameters
    ----------
    draws : array_like, shape (chains, draws, ...)

    Returns
    -------
    ndarray, shape (...)
        Near 1 when the chains agree; above 1.01 they do not yet. NaN for fewer than 4 draws a
        chain and for values that never change.

    Raises
    ------
    ValueError
        If there are no two leading axes, or a value is not finite.
    """

    def both(split: Array) -> Array:
        folded = np.abs(split - np.median(split, axis=(0, 1)))
        return np.maximum(_plain_rhat(_normal_scores(split)), _plain_rhat(_normal_scores(folded)))

    return _by_column(draws, lambda values: both(_split(values)))


def ess_bulk(draws: ArrayLike) -> Array:
    """Effective number of draws for where the bulk lies: of rank-normalised split chains.

    Parameters
    ----------
    draws : array_like, shape (chains, draws, ...)

    Returns
    -------
    ndarray, shape (...)
        NaN for fewer than 4 draws a chain; the number of draws for values that never change.

    Raises
    ------
    ValueError
        If there are no two leading axes, or a value is not finite.
    """
    return _by_column(draws, lambda values: _effective(_normal_scores(_split(values))))


def ess_mean(draws: ArrayLike) -> Array:
    """Effective number of draws for the mean: of split chains as they are.

    Parameters
    ----------
    draws : array_like, shape (chains, draws, ...)

    Returns
    -------
    ndarray, shape (...)

    Raises
    ------
    ValueError
        If there are no two leading axes, or a value is not finite.
    """
    return _by_column(draws, lambda values: _effective(_split(values)))


def ess_quantile(draws: ArrayLike, probability: float) -> Array:
    """Effective number of draws for a quantile: of the indicator of lying at or below it.

    Parameters
    ----------
    draws : array_like, shape (chains, draws, ...)
    probability : float
        In (0, 1).

    Returns
    -------
    ndarray, shape (...)

    Raises
    ------
    ValueError
        If there are no two leading axes, or a value is not finite, or the probability is not
        inside (0, 1).
    """
    _must_be_probability(probability)

    def below(values: Array) -> Array:
        level = np.quantile(values, probability, axis=(0, 1))
        return _effective(_split((values <= level).astype(float)))

    return _by_column(draws, below)


def ess_tail(draws: ArrayLike) -> Array:
    """Effective number of draws for the tails: the smaller of the 5 % and the 95 % quantile's.

    Parameters
    ----------
    draws : array_like, shape (chains, draws, ...)

    Returns
    -------
    ndarray, shape (...)

    Raises
    ------
    ValueError
        If there are no two leading axes, or a value is not finite.
    """
    return np.minimum(ess_quantile(draws, 0.05), ess_quantile(draws, 0.95))


def mcse_mean(draws: ArrayLike) -> Array:
    """Monte Carlo standard error of the mean.

    Parameters
    ----------
    draws : array_like, shape (chains, draws, ...)

    Returns
    -------
    ndarray, shape (...)

    Raises
    ------
    ValueError
        If there are no two leading axes, or a value is not finite.
    """
    values = _checked(draws)
    return np.std(values, axis=(0, 1), ddof=1) / np.sqrt(ess_mean(values))


def mcse_sd(draws: ArrayLike) -> Array:
    """Monte Carlo standard error of the standard deviation, by the delta method.

    Parameters
    ----------
    draws : array_like, shape (chains, draws, ...)

    Returns
    -------
    ndarray, shape (...)

    Raises
    ------
    ValueError
        If there are no two leading axes, or a value is not finite.
    """

    def error(values: Array) -> Array:
        squares = (values - values.mean(axis=(0, 1))) ** 2
        variance = squares.mean(axis=(0, 1))
        spread = (squares**2).mean(axis=(0, 1)) - variance**2
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.sqrt(spread / _effective(_split(squares)) / variance / 4)

    return _by_column(draws, error)


def mcse_quantile(draws: ArrayLike, probability: float) -> Array:
    """Monte Carlo standard error of a quantile, read off the draws around it.

    Parameters
    ----------
    draws : array_like, shape (chains, draws, ...)
    probability : float
        In (0, 1).

    Returns
    -------
    ndarray, shape (...)

    Raises
    ------
    ValueError
        If there are no two leading axes, or a value is not finite, or the probability is not
        inside (0, 1).
    """
    values = _checked(draws)
    size = ess_quantile(values, probability)
    n = values.shape[0] * values.shape[1]
    in_order = np.sort(values.reshape(n, *values.shape[2:]), axis=0)
    one_sigma = scipy.special.ndtr(np.array([-1.0, 1.0]))
    around = scipy.special.betaincinv(
        size * probability + 1,
        size * (1 - probability) + 1,
        one_sigma.reshape(2, *(1,) * size.ndim),
    )
    known = np.isfinite(around).all(axis=0)
    places = np.where(known, around, 0.5) * n - 1
    low = np.floor(np.maximum(places[0], 0)).astype(int)
    high = np.ceil(np.minimum(places[1], n - 1)).astype(int)
    width = _at(in_order, high) - _at(in_order, low)
    return np.where(known, width / 2, np.nan)


def _at(in_order: Array, places: Array) -> Array:
    return np.take_along_axis(in_order, places[None], axis=0)[0]


def _checked(draws: ArrayLike) -> Array:
    values = np.asarray(draws, dtype=float)
    if values.ndim < 2 or 0 in values.shape[:2]:
        raise ValueError(
            f"draws have shape (chains, draws, ...) with one of each at least, not {values.shape}"
        )
    if not np.isfinite(values).all():
        raise ValueError("draws have NaN or infinite values: nothing can be said of them")
    return values


def _must_be_probability(probability: float) -> None:
    if not 0 < probability < 1:
        raise ValueError(f"probability lies inside (0, 1), not {probability!r}")


def _by_column(draws: ArrayLike, measure: Callable[[Array], Array]) -> Array:
    values = _checked(draws)
    chains, length, *rest = values.shape
    if length < _FEWEST:
        return np.full(rest, np.nan)
    flat = values.reshape(chains, length, -1)
    columns = max(1, _AT_ONCE // (chains * length))
    parts = [
        measure(flat[:, :, first : first + columns]) for first in range(0, flat.shape[2], columns)
    ]
    return np.concatenate([np.empty(0), *parts]).reshape(rest)


def _split(values: Array) -> Array:
    half = values.shape[1] // 2
    return np.concatenate([values[:, :half], values[:, -half:]])


def _normal_scores(values: Array) -> Array:
    flat = values.reshape(-1, values.shape[2])
    ranks = np.stack([_midranks(column) for column in flat.T], axis=1)
    # Blom's offsets, as in the paper's equation 14.
    return scipy.special.ndtri((ranks - 0.375) / (flat.shape[0] + 0.25)).reshape(values.shape)


def _midranks(column: Array) -> Array:
    """Ranks from one on, equal values sharing the mean of theirs."""
    in_order = np.sort(column)
    below = np.searchsorted(in_order, column, side="left")
    return (below + np.searchsorted(in_order, column, side="right") + 1) / 2


def _plain_rhat(values: Array) -> Array:
    length = values.shape[1]
    within = values.var(axis=1, ddof=1).mean(axis=0)
    between = values.mean(axis=1).var(axis=0, ddof=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.sqrt(between / within + (length - 1) / length)


def _effective(values: Array) -> Array:
    """Chains times draws over the autocorrelation time of Geyer's initial monotone sequence."""
    chains, length, _ = values.shape
    covariance = _autocovariance(values).mean(axis=1)  # over chains: (length, columns)
    within = covariance[0] * length / (length - 1)
    total = covariance[0].copy()
    if chains > 1:
        total += values.mean(axis=1).var(axis=0, ddof=1)
    moves = np.ptp(values, axis=(0, 1)) >= np.finfo(float).resolution
    correlation = 1 - (within - covariance) / np.where(moves, total, 1)
    correlation[0] = 1
    # The last lags rest on a draw or two; the paper's software leaves them out, and so we do.
    pairs = max(1, (length - 4 + 1) // 2 + 1)
    even, odd = correlation[0 : 2 * pairs : 2], correlation[1 : 2 * pairs : 2]
    sums = even[: len(odd)] + odd
    positive = np.logical_and.accumulate(sums > 0, axis=0)
    # The pair at which the sequence ends counts with its even lag only.
    ends = np.minimum(positive.sum(axis=0), len(sums) - 1)
    counted = np.arange(len(sums))[:, None] < ends
    falling = np.minimum.accumulate(sums, axis=0)
    last = even[ends, np.arange(values.shape[2])]
    time = -1 + 2 * np.where(counted, falling, 0).sum(axis=0) + np.maximum(last, 0)
    size = chains * length
    effective = size / np.maximum(time, 1 / np.log10(size))
    return np.where(moves, effective, float(size))


def _autocovariance(values: Array) -> Array:
    """Of each chain, divided by its length; shape (draws, chains, columns)."""
    length = values.shape[1]
    centred = np.moveaxis(values - values.mean(axis=1, keepdims=True), 1, -1)
    padded = scipy.fft.next_fast_len(2 * length, real=True)
    spectrum = scipy.fft.rfft(centred, padded)
    power = scipy.fft.irfft(spectrum.real**2 + spectrum.imag**2, padded)
    return np.moveaxis(power[..., :length] / length, -1, 0)
