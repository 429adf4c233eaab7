"""Areas under ROC curves by group, with DeLong's intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

Array = NDArray[np.float64]


def auc(table: NDArray[Any], squares: NDArray[Any] | None = None) -> tuple[Array, Array]:
    """Areas under ROC curves and the variances of their estimates.

    The area is the probability that a positive row has a higher score than a negative one, ties
    counted half. Its variance is that of DeLong, DeLong and Clarke-Pearson (1988, Biometrics 44,
    837): of the shares of negatives below each positive, and of positives above each negative.

    Parameters
    ----------
    table : ndarray, shape (..., 2, b)
        Rows, or the sum of their weights, by label and by bins of increasing score.
    squares : ndarray, shape (..., 2, b), optional
        Of weighted rows the sums of the squares of the weights.

    Returns
    -------
    area, variance : ndarray, shape (...)
        NaN where a label is missing; the variance where it has one row.
    """
    squares = table if squares is None else squares
    negative, positive = (table[..., label, :].astype(np.float64) for label in (0, 1))
    n, m = negative.sum(-1), positive.sum(-1)
    defined = (n > 0) & (m > 0)
    below = np.cumsum(negative, -1) - negative / 2
    above = m[..., None] - np.cumsum(positive, -1) + positive / 2
    unknown = np.full(np.shape(n), np.nan)
    area = np.divide((positive * below).sum(-1), n * m, out=unknown.copy(), where=defined)
    variance = np.zeros(np.shape(n))
    for label, size, placed, others in ((1, m, below, n), (0, n, above, m)):
        share = placed / np.where(others > 0, others, 1)[..., None]
        square = squares[..., label, :]
        spread = (square * (share - area[..., None]) ** 2).sum(-1)
        # Of as many equal rows as tell as much, n, the spread is divided by n (n - 1).
        over = size**2 - square.sum(-1)
        enough = defined & (over > 1e-9 * size**2)
        variance += np.divide(spread, over, out=unknown.copy(), where=enough)
    return area, variance


def auc_interval(
    area: Array, variance: Array, sizes: Array, confidence: float
) -> tuple[Array, Array]:
    """Interval of an area, symmetric in its logit.

    Parameters
    ----------
    area, variance : ndarray, shape (...)
    sizes : ndarray, shape (2, ...)
        Rows of each label.
    confidence : float

    Returns
    -------
    low, high : ndarray, shape (...)
        Where all positives lie above all negatives, or the reverse, the data have no spread to
        go by; the area is then taken to be short of its end by half a pair, and its variance to
        be that of a share of the smaller class's rows.
    """
    inner = _inner(area, sizes)
    spread = np.sqrt(floored(area, variance, sizes)) / (inner * (1 - inner))
    half = stats.norm.isf((1 - confidence) / 2) * spread
    return special.expit(special.logit(inner) - half), special.expit(special.logit(inner) + half)


def floored(area: Array, variance: Array, sizes: Array) -> Array:
    """The variance, where the data have none to go by that of a share of the smaller class's rows.

    Parameters
    ----------
    area, variance : ndarray, shape (...)
    sizes : ndarray, shape (2, ...)

    Returns
    -------
    ndarray, shape (...)
    """
    inner = _inner(area, sizes)
    least = inner * (1 - inner) / np.maximum(sizes.min(0), 1)
    flat = (area == 0) | (area == 1)
    return np.where(flat, np.fmax(variance, least), variance)


def _inner(area: Array, sizes: Array) -> Array:
    pairs = np.maximum(sizes.prod(0), 1)
    return np.clip(area, 0.5 / (pairs + 1), 1 - 0.5 / (pairs + 1))
