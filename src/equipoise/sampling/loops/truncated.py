"""Exact draws from normal and exponential distributions between two bounds, compiled.

By rejection, not by inverting the distribution function: no accuracy is lost however far out both
bounds lie, no special function is called, and a draw costs a fraction of one.
"""

from __future__ import annotations

import numba
import numpy as np

WIDE = 2.5066282746310002  # sqrt(2 pi): beyond, normal proposals are accepted oftener than uniform
FAR = 0.5  # of the nearer bound: beyond, exponential proposals are accepted oftener than normal


@numba.njit(cache=True, nogil=True)
def exponential_between(low: float, high: float, rate: float, rng: np.random.Generator) -> float:
    """Draw from the density proportional to exp(rate t) on [low, high].

    Parameters
    ----------
    low, high : float
        Finite.
    rate : float
        Of either sign; uniform where it is zero.
    rng : numpy.random.Generator

    Returns
    -------
    float
    """
    width = high - low
    share = rng.random()
    steep = abs(rate)
    # Uniform too where the product of infinity and zero is no number.
    if not steep * width >= 1e-12:
        return low + share * width
    # From the end where the density is largest.
    away = min(-np.log1p(share * np.expm1(-steep * width)) / steep, width)
    return high - away if rate > 0 else low + away


@numba.njit(cache=True, nogil=True)
def normal_between(low: float, high: float, rng: np.random.Generator) -> float:
    """Draw a standard normal variable given that it lies in [low, high].

    Four kinds of proposals (Robert, "Simulation of truncated normal variables", Statistics and
    Computing 5, 1995), chosen so that none is accepted less often than about two times in five.

    Parameters
    ----------
    low, high : float
    rng : numpy.random.Generator

    Returns
    -------
    float
    """
    if high < 0.0:
        return max(high - _beyond(-high, high - low, rng), low)
    if low > 0.0:
        return min(low + _beyond(low, high - low, rng), high)
    if high - low > WIDE:
        while True:
            x = rng.standard_normal()
            if low <= x <= high:
                return x
    while True:
        x = low + rng.random() * (high - low)
        if rng.random() < np.exp(-0.5 * x * x):
            return x


@numba.njit(cache=True, nogil=True)
def _beyond(low: float, width: float, rng: np.random.Generator) -> float:
    """How far beyond low, which is above zero, a normal variable is on [low, low + width]."""
    if low < FAR and width > WIDE:
        while True:
            y = abs(rng.standard_normal()) - low
            if 0.0 <= y <= width:
                return y
    # The density falls from its value at low as exp(-low y - y^2 / 2).
    while True:
        y = exponential_between(0.0, width, -low, rng)
        if rng.random() < np.exp(-0.5 * y * y):
            return y


@numba.njit(cache=True, nogil=True)
def conditional(
    low: float, high: float, mean: float, deviation: float, rate: float, rng: np.random.Generator
) -> float:
    """Draw from exp(-(t - mean)^2 / (2 deviation^2) + rate t) on [low, high].

    Parameters
    ----------
    low, high, mean : float
    deviation : float
        Infinity for no Gaussian factor.
    rate : float
    rng : numpy.random.Generator

    Returns
    -------
    float
        Between the bounds, whatever rounding does.
    """
    if deviation == np.inf:
        return exponential_between(low, high, rate, rng)
    # From the mode if it is between the bounds, or else from the nearer one: a mode that is far
    # away, as of a wide Gaussian with a tilt, has no digits left for what is between them.
    tilted = deviation * rate
    left, right = (low - mean) / deviation - tilted, (high - mean) / deviation - tilted
    if left > 0.0:
        t = low + deviation * _beyond(left, (high - low) / deviation, rng)
    elif right < 0.0:
        t = high - deviation * _beyond(-right, (high - low) / deviation, rng)
    else:
        t = mean + deviation * (tilted + normal_between(left, right, rng))
    return min(max(t, low), high)
