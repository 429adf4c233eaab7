"""Score tests of two shares, and the bounds of their difference or ratio that invert them.

Under the hypothesis p_a - p_b = d, or p_a = t p_b, the shares are estimated by maximum likelihood
and the variance at these (Mee 1984, Biometrics 40, 1175, whose variance Miettinen and Nurminen 1985
multiply by N / (N - 1); Koopman 1984, Biometrics 40, 513, whose chi-square is the square of the
score for the ratio). Unlike Wald's, such bounds are defined and of about the right level where a
share is 0 or 1. At d = 0 and at t = 1 both scores are the same, that of the pooled share, so that
both bounds exclude parity together.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Kind = Literal["gap", "ratio"]
Array = NDArray[np.float64]

_HALVINGS = 32


def parity_score(
    x_a: NDArray[Any], n_a: NDArray[Any], x_b: NDArray[Any], n_b: NDArray[Any]
) -> Array:
    """The score of p_a = p_b, in standard normal units.

    Parameters
    ----------
    x_a, n_a, x_b, n_b : ndarray
        Successes and trials of the two samples; they broadcast.

    Returns
    -------
    ndarray of float64
        Positive where the share of a is the larger; 0 where both are 0 or both 1.
    """
    pooled = (x_a + x_b) / (n_a + n_b)
    variance = pooled * (1 - pooled) * (1 / n_a + 1 / n_b)
    difference = x_a / n_a - x_b / n_b
    return np.divide(
        difference, np.sqrt(variance), out=np.zeros_like(difference), where=variance > 0
    )


def score_bound(
    x_a: NDArray[Any],
    n_a: NDArray[Any],
    x_b: NDArray[Any],
    n_b: NDArray[Any],
    critical: float,
    kind: Kind,
    side: Literal["upper", "lower"],
) -> Array:
    """Bound of the difference, or the ratio, of two shares, pair by pair.

    Parameters
    ----------
    x_a, n_a, x_b, n_b : ndarray, shape (p,)
        Successes and trials (at least 1) of the two samples of each pair.
    critical : float
        How large a score is not believed, such as 1.96.
    kind : {"gap", "ratio"}
        Of p_a - p_b, or of p_a / p_b.
    side : {"upper", "lower"}

    Returns
    -------
    ndarray of float64, shape (p,)
        The upper bound of a ratio is infinite where b has no success.
    """
    if side == "lower":
        flipped = score_bound(x_b, n_b, x_a, n_a, critical, kind, "upper")
        return -flipped if kind == "gap" else 1 / flipped
    x_a, n_a, x_b, n_b = (np.asarray(x, np.float64) for x in (x_a, n_a, x_b, n_b))
    # Halving begins at the estimate, whose score is 0, and ends where the score is too low. A
    # ratio t is sought as t / (1 + t), which is bounded.
    estimate = x_a / n_a - x_b / n_b
    if kind == "ratio":
        total = x_a * n_b + x_b * n_a
        estimate = np.divide(x_a * n_b, total, out=np.zeros_like(total), where=total > 0)
    inside, outside = estimate, np.ones_like(estimate)
    for _ in range(_HALVINGS):
        middle = (inside + outside) / 2
        if kind == "gap":
            score = _score_of_difference(x_a, n_a, x_b, n_b, middle)
        else:
            score = _score_of_ratio(x_a, n_a, x_b, n_b, middle / np.maximum(1 - middle, 1e-15))
        believed = score >= -critical
        inside = np.where(believed, middle, inside)
        outside = np.where(believed, outside, middle)
    if kind == "gap":
        return outside
    with np.errstate(divide="ignore"):
        return np.where(x_b > 0, outside / (1 - outside), np.inf)


def _score_of_difference(x_a: Array, n_a: Array, x_b: Array, n_b: Array, d: Array) -> Array:
    # p_b solves a cubic, of which the trigonometric solution is the one between the bounds.
    n, x = n_a + n_b, x_a + x_b
    c2 = (n_a + 2 * n_b) * d - n - x
    c1 = (n_b * d - n - 2 * x_b) * d + x
    c0 = x_b * d * (1 - d)
    v = (c2 / (3 * n)) ** 3 - c1 * c2 / (6 * n**2) + c0 / (2 * n)
    u = np.copysign(np.sqrt(np.maximum((c2 / (3 * n)) ** 2 - c1 / (3 * n), 0)), v)
    cosine = np.divide(v, u**3, out=np.zeros_like(v), where=u != 0)
    angle = (np.pi + np.arccos(np.clip(cosine, -1, 1))) / 3
    p_b = np.clip(2 * u * np.cos(angle) - c2 / (3 * n), np.maximum(-d, 0), np.minimum(1 - d, 1))
    return _standardised(x_a / n_a - x_b / n_b - d, p_b + d, n_a, p_b, n_b)


def _score_of_ratio(x_a: Array, n_a: Array, x_b: Array, n_b: Array, t: Array) -> Array:
    # p_b solves a quadratic; the smaller root is the one that is a share.
    a = (n_a + n_b) * t
    b = -((x_b + n_a) * t + x_a + n_b)
    c = x_a + x_b
    root = np.sqrt(np.maximum(b * b - 4 * a * c, 0))
    p_b = np.clip(2 * c / (root - b), 0, np.minimum(1, 1 / np.maximum(t, 1e-300)))
    variance = t**2 * p_b * (1 - p_b) / n_b
    return _standardised(x_a / n_a - t * x_b / n_b, t * p_b, n_a, p_b, n_b, variance)


def _standardised(
    difference: Array,
    p_a: Array,
    n_a: Array,
    p_b: Array,
    n_b: Array,
    variance_b: Array | None = None,
) -> Array:
    variance = p_a * (1 - p_a) / n_a
    variance = variance + (p_b * (1 - p_b) / n_b if variance_b is None else variance_b)
    # Without variance any difference is one that could not have been observed.
    certain = np.where(difference > 0, np.inf, np.where(difference < 0, -np.inf, 0.0))
    return np.divide(difference, np.sqrt(np.maximum(variance, 0)), out=certain, where=variance > 0)
