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


def analytic_centre(A: Array, b: Array, inside: Array) -> tuple[Array, Array]:
    """Minimise -sum log(b - A z) by damped Newton steps.

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
        factor = _cholesky(scaled.T @ scaled)
        step = linalg.cho_solve((factor, True), -scaled.sum(axis=0))
        decrement = float(np.linalg.norm(factor.T @ step))
        if decrement < _NEAR_ENOUGH:
            return z, factor
        length = 1.0 if decrement < _QUADRATIC else 1 / (1 + decrement)
        new = z + length * step
        if not (b - A @ new > 0).all():  # rounding alone can do this
            return z, factor
        z = new
    raise RuntimeError(
        "the analytic centre was not found: rescale the constraints so that widths are alike"
    )


def _cholesky(hessian: Array) -> Array:
    # Scaled to a unit diagonal, since sides may differ by many powers of ten.
    scale = np.sqrt(np.diag(hessian))
    try:
        return scale[:, None] * linalg.cholesky(hessian / np.outer(scale, scale), lower=True)
    except linalg.LinAlgError as error:
        raise RuntimeError(
            "the Hessian at a point inside is singular: the body is too thin to be rounded"
        ) from error
