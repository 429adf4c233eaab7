"""Integrals over a parabola through a saddle point, where nothing cancels.

The exponential integrals of this package are (1 / 2 pi i) times a contour integral of
exp(z) times a product of powers, singular on the real axis at 0 and to the left of it. Summing
their residues loses every digit when singularities are close to each other. Along a path
through the saddle point s, upright there and bent to the left, the integrand is a bump without
oscillation whatever the singularities are, and the trapezoid rule converges geometrically.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_NEGLIGIBLE = -40.0  # log of what is left of the integrand where the path ends
_STEP = 0.18  # times the distance of the nearest singularity, in units of the width
_LARGEST_STEP = 0.4  # in units of the width, of a Gaussian
_FARTHEST = 200.0  # in units of the width


class Contour(NamedTuple):
    """Nodes on the upper half of the path, and weights: the integral of a function against it.

    Attributes
    ----------
    move : ndarray of complex, shape (m,)
        From the saddle.
    weight : ndarray of complex, shape (m,)
        The integral of a function real on the real axis is Re sum weight f(s + move).
    log_scale : float
        Log of the factor that was taken out of the weights.
    """

    move: Array
    weight: Array
    log_scale: float


def parabola(
    log_ratio: Callable[[Array], Array],
    saddle: float,
    width: float,
    log_scale: float,
    *,
    degree: int = 0,
    fine: float = 1.0,
) -> Contour:
    """Trapezoid rule on z(t) = s + i w t - (w t)^2 / 4s = s (1 + i w t / 2s)^2.

    Parameters
    ----------
    log_ratio : callable
        Log of the integrand over its value at the saddle, of moves from there, which keep the
        digits that positions would lose. Singular only for z <= 0.
    saddle : float
        s, positive.
    width : float
        w: minus one half of the second derivative of the log-integrand along the path.
    log_scale : float
        Log of the integrand at the saddle.
    degree : int
        Of polynomials that will be integrated: the path ends only where they are negligible too.
    fine : float
        How many times more nodes than integrals of moderate functions need.

    Returns
    -------
    Contour
    """

    def path(t: Array) -> Array:
        return 1j * width * t - (width * t) ** 2 / (4 * saddle)

    coarse = np.geomspace(3.0, _FARTHEST, 24)
    left = log_ratio(path(coarse)).real + degree * np.log(coarse)
    over = np.flatnonzero(left < _NEGLIGIBLE)
    end = float(coarse[over[0]]) if len(over) else _FARTHEST
    # All singularities lie at a height of 2 s / w or more above the real line of t.
    step = min(_STEP * saddle / width, _LARGEST_STEP) / fine
    t = step * np.arange(int(np.ceil(end / step)) + 1)
    move = path(t)
    weight = np.exp(log_ratio(move)) * (1 + 0.5j * width * t / saddle) * (width * step / np.pi)
    weight[0] /= 2
    return Contour(move, weight, log_scale)


def paired(weight: Array, values: Array) -> Array:
    """Re sum over nodes of weight times value times value, for all pairs of functions.

    By two real products, which is half the work of a complex one.

    Parameters
    ----------
    weight : ndarray of complex, shape (m,)
    values : ndarray of complex, shape (m, n)

    Returns
    -------
    ndarray, shape (n, n)
    """
    rooted = np.sqrt(weight)[:, None] * values
    real, imaginary = rooted.real.copy(), rooted.imag.copy()
    return real.T @ real - imaginary.T @ imaginary


def saddles(gaps: Array, power: float = 1.0) -> Array:
    """Where power times the sum of 1 / (s + gap) is one.

    The reciprocal of that sum is concave and increasing in s, so Newton's method on it converges
    from the left without safeguards.

    Parameters
    ----------
    gaps : ndarray, shape (..., n)
        Not negative; zero at the largest node.
    power : float

    Returns
    -------
    ndarray, shape (...)
    """
    s = np.full(gaps.shape[:-1], power)
    for _ in range(60):
        inverse = 1 / (s[..., None] + gaps)
        total = power * inverse.sum(axis=-1)
        move = (total - 1) * total / (power * (inverse**2).sum(axis=-1))
        s = s + move
        if (np.abs(move) <= 1e-14 * s).all():
            break
    return s
