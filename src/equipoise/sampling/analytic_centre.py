"""Where the product of the distances to all rows is largest, and the ellipsoid around it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

Array = NDArray[Any]

_MOST_STEPS = 200
_QUADRATIC = 0.25  # of the decrement: below, full Newton steps stay inside and converge
_NEAR_ENOUGH = 1e-8
_TRUSTED = 1e-4  # smallest pivot of a product of unit columns that has eight digits left


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
    RuntimeError
        If the steps do not converge: the set is thinner than floating-point numbers allow.
    """
    z = inside.copy()
    for _ in range(_MOST_STEPS):
        slack = b - A @ z
        scaled = A / slack[:, None]
        factor = _factor(scaled)
        step = linalg.cho_solve((factor, True), -scaled.sum(axis=0))
        decrement = float(np.linalg.norm(factor.T @ step))
        if decrement < _NEAR_ENOUGH:
            return z, factor
        length = 1.0 if decrement < _QUADRATIC else _best_length((A @ step) / slack)
        new = z + length * step
        if not (b - A @ new > 0).all():  # rounding alone can do this
            return z, factor
        z = new
    raise RuntimeError(
        "the analytic centre was not found: rescale the constraints so that widths are alike"
    )


def _best_length(rates: Array) -> float:
    """Minimise -sum log(1 - t rates) over t > 0, by halving: the derivative rises.

    Damped steps of 1 / (1 + decrement) would do, and take hundreds where a start is near a wall.
    """
    low, high = 0.0, 1 / max(float(rates.max()), 1e-300)
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
    unit = scaled / lengths
    try:
        factor = linalg.cholesky(unit.T @ unit, lower=True)
    except linalg.LinAlgError:
        factor = np.zeros((1, 1))
    if np.diag(factor).min() < _TRUSTED:
        upper = linalg.qr(unit, mode="r")[0][: unit.shape[1]]
        signs = np.where(np.diag(upper) < 0, -1.0, 1.0)
        factor = (signs[:, None] * upper).T
        if np.diag(factor).min() < np.finfo(float).eps:
            raise RuntimeError("the body is too thin to be rounded: rescale the constraints")
    return lengths[:, None] * factor
