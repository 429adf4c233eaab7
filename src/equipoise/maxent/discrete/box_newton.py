"""The published solver: Newton steps in a small box, of which a part is taken."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

from equipoise.maxent.discrete.dual import Dual
from equipoise.maxent.discrete.solve import Descent

_ROBUSTNESS = 4.0
_RADIUS = 700.0


def box_newton(dual: Dual, tolerance: float, max_steps: int) -> Descent:
    """Minimise by the box-constrained second-order method of the paper, for comparison.

    Each step minimises the model ``g y + y'Hy / (2 e)`` in the box ``|y| <= 1/4`` and moves by
    ``y / e^2``, as the code published with arXiv 1906.02164 does after Cohen, Madry, Tsipras and
    Vladu (FOCS 2017). Near the minimum that is 1/e of Newton's step: the error shrinks by 0.632 in
    each.

    Parameters
    ----------
    dual : Dual
        In the statistics' own coordinates, which the box speaks of.
    tolerance : float
        For every coordinate of the gradient. (The published code stops where the value decreases
        by no more than a given amount, which leaves a gradient of the root of it.)
    max_steps : int

    Returns
    -------
    Descent
    """
    state = dual.at(np.zeros(dual.size))
    ridge = tolerance / (dual.size * _RADIUS**2)
    residuals = [float(np.abs(state.gradient).max())]
    while residuals[-1] > tolerance and len(residuals) <= max_steps:
        gradient = state.gradient
        hessian = dual.hessian(state, exact=True) + ridge * np.eye(dual.size)
        # A quadratic's minimum does not depend on its scale, which a solver's tolerances do.
        scale = residuals[-1]
        bounds = [
            (max(-1 / _ROBUSTNESS, -_RADIUS - x) / scale, min(1 / _ROBUSTNESS, _RADIUS - x) / scale)
            for x in state.multipliers
        ]
        found = minimize(
            lambda y, g=gradient / scale, h=hessian / np.e: (g @ y + y @ h @ y / 2, g + h @ y),
            np.zeros(dual.size),
            jac=True,
            method="L-BFGS-B",
            bounds=bounds,
            options={"ftol": 1e-14, "gtol": 1e-8, "maxiter": 1000},
        )
        state = dual.at(state.multipliers + np.exp(-2) * scale * found.x)
        residuals.append(float(np.abs(state.gradient).max()))
    return Descent(state, tuple(residuals), residuals[-1] <= tolerance)
