"""Intervals for a share and for whatever is derived from a table of counts."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

IntervalMethod = Literal["wilson", "jeffreys", "exact"]


def share_interval(
    successes: ArrayLike,
    trials: ArrayLike,
    confidence: float = 0.95,
    method: IntervalMethod = "wilson",
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Two-sided confidence interval for a share, element by element.

    Parameters
    ----------
    successes, trials : array-like of int, equal shape
    confidence : float
        Between 0 and 1.
    method : {"wilson", "jeffreys", "exact"}
        Wilson's score interval, Jeffreys' equal-tailed posterior interval (with its ends at 0
        and 1), or Clopper and Pearson's, which covers at least as often as it says (Brown, Cai,
        DasGupta 2001, Statistical Science 16, compare the three).

    Returns
    -------
    low, high : ndarray
        NaN where there are no trials.

    Raises
    ------
    ValueError
        If the confidence is not between 0 and 1, or the method is unknown.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, not {confidence}.")
    x, n = np.broadcast_arrays(np.asarray(successes, float), np.asarray(trials, float))
    tail = (1 - confidence) / 2
    if method == "wilson":
        low, high = _wilson(x, n, stats.norm.isf(tail))
    elif method == "jeffreys":
        low = np.where(x > 0, stats.beta.ppf(tail, x + 0.5, n - x + 0.5), 0.0)
        high = np.where(x < n, stats.beta.isf(tail, x + 0.5, n - x + 0.5), 1.0)
    elif method == "exact":
        low = np.where(x > 0, stats.beta.ppf(tail, np.where(x > 0, x, 1), n - x + 1), 0.0)
        high = np.where(x < n, stats.beta.isf(tail, x + 1, np.where(x < n, n - x, 1)), 1.0)
    else:
        raise ValueError(f"method must be 'wilson', 'jeffreys' or 'exact', not {method!r}.")
    return np.where(n > 0, low, np.nan), np.where(n > 0, high, np.nan)


def _wilson(
    x: NDArray[np.float64], n: NDArray[np.float64], z: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    some = np.maximum(n, 1)
    share = x / some
    middle = (share + z**2 / (2 * some)) / (1 + z**2 / some)
    half = z / (1 + z**2 / some) * np.sqrt(share * (1 - share) / some + z**2 / (4 * some**2))
    # At the ends the interval reaches 0 or 1 exactly; rounding must not stop short of it, nor of
    # the share itself.
    return (
        np.where(x > 0, np.clip(middle - half, 0, share), 0.0),
        np.where(x < n, np.clip(middle + half, share, 1), 1.0),
    )


def basic_interval(
    estimate: float,
    draws: NDArray[Any],
    confidence: float,
    limits: tuple[float, float] = (-np.inf, np.inf),
) -> tuple[float, float]:
    """Basic (reverse percentile) bootstrap interval.

    A largest-minus-smallest gap is biased upwards, on the data and once more on every resample;
    the percentile interval would keep the bias twice, the basic one reflects it away (Davison and
    Hinkley 1997, section 5.2).

    Parameters
    ----------
    estimate : float
        On the data.
    draws : ndarray, shape (b,)
        On resamples; those undefined are left out, and the interval is undefined if they are
        more than one in twenty.
    confidence : float
    limits : (float, float)
        The range of the figure, to which the interval is cut.

    Returns
    -------
    low, high : float
    """
    defined = draws[~np.isnan(draws)]
    if np.isnan(estimate) or len(defined) < 0.95 * len(draws):
        return np.nan, np.nan
    tail = (1 - confidence) / 2
    lower, upper = np.quantile(defined, [tail, 1 - tail])
    low, high = np.clip([2 * estimate - upper, 2 * estimate - lower], *limits)
    return float(min(low, estimate)), float(max(high, estimate))
