"""Where the product of the distances to all rows is largest, and the ellipsoid around it."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

Array = NDArray[Any]

_MOST_STEPS = 200
_QUADRATIC = 0.25  # of the decrement: below, full Newton steps stay inside and converge
_NEAR_ENOUGH = 1e-6
_STALLED = 5  # steps in which the decrement has not halved
_ROUGHLY = 0.02  # ellipsoids there differ from those at the centre by as much
_SHORTEST = 1e-12
_TRUSTED = 1e-4  # smallest pivot of a product of unit columns that has eight digits left


class NoCentreError(RuntimeError):
    """The set has no analytic centre, or none that can be found."""


def analytic_centre(A: Array, b: Array, inside: Array) -> tuple[Array, Array]:
    """Minimise -sum log(b - A z) by Newton steps with a search along each.

    Parameters
    ----------
    A : ndarray, shape (m, d)
    b : ndarray, shape (m,)
        Of a bounded set.
    inside : ndarray, shape (d,)
        Strictly.

    Returns
    -------
    centre : ndarray, shape (d,)
    factor : ndarray, shape (d, d)
        Lower Cholesky factor of the Hessian there. The ellipsoid |factor'(z - centre)| <= 1 lies
        within the set, and m times as large it holds the set (Nesterov and Nemirovskii 1994).

    Raises
    ------
    NoCentreError
        If there is none, since the set is unbounded, or the set is thinner than floating-point
        numbers allow. Where one is returned it proves the set bounded: the decrement of a barrier
        without a minimum is never below one.
    """
    z = inside.copy()
    best, since = np.inf, 0
    for _ in range(_MOST_STEPS):
        slack = b - A @ z
        scaled = A / slack[:, None]
        factor = _factor(scaled)
        step = scipy.linalg.cho_solve((factor, True), -scaled.sum(axis=0))
        decrement = float(np.linalg.norm(factor.T @ step))
        since = 0 if decrement < best / 2 else since + 1
        best = min(best, decrement)
        # Where rounding sets the limit, the centre is as near as it will come.
        if decrement < _NEAR_ENOUGH or (since >= _STALLED and decrement < _ROUGHLY):
            return z, factor
        length = 1.0 if decrement < _QUADRATIC else _best_length((A @ step) / slack)
        # Beside a wall, rounding can put outside what the search has put inside.
        while length > _SHORTEST and not (b - A @ (z + length * step) > 0).all():
            length /= 2
        if length <= _SHORTEST:
            break
        z = z + length * step
    raise NoCentreError("the analytic centre was not found: rescale, so that widths are alike")


def _best_length(rates: Array) -> float:
    """Minimise -sum log(1 - t rates) over t > 0, by halving: the derivative rises.

    Damped steps of 1 / (1 + decrement) would do, and take hundreds where a start is near a wall.
    """
    if rates.max() <= 0:
        raise NoCentreError("the set goes on for ever along a Newton step")
    low, high = 0.0, 1 / float(rates.max())
    for _ in range(40):
        middle = (low + high) / 2
        if (rates / (1 - middle * rates)).sum() < 0:
            low = middle
        else:
            high = middle
    return low


def _factor(scaled: Array) -> Array:
    """Lower triangular L with L L' = scaled' scaled.

    Columns are first scaled to length one, since sides may differ by many powers of ten. Where
    that is not enough for the product, whose condition is the square, the rows are factored.
    """
    lengths = np.linalg.norm(scaled, axis=0)
    if not lengths.all() or len(scaled) < scaled.shape[1]:
        raise NoCentreError("the rows do not span")
    unit = scaled / lengths
    try:
        factor = scipy.linalg.cholesky(unit.T @ unit, lower=True)
    except scipy.linalg.LinAlgError:
        factor = np.zeros((1, 1))
    if np.diag(factor).min() < _TRUSTED:
        upper = scipy.linalg.qr(unit, mode="r")[0][: unit.shape[1]]
        signs = np.where(np.diag(upper) < 0, -1.0, 1.0)
        factor = (signs[:, None] * upper).T
        if np.diag(factor).min() < np.finfo(float).eps:
            raise NoCentreError("the body is too thin to be rounded: rescale the constraints")
    return lengths[:, None] * factor
