"""The direction of a step that lowers the objective and meets relaxed linearised constraints.

The sub-problem is strictly convex with a variable for each parameter, ::

    min_d g^T d + (tau / 2) |d|^2   subject to   c + J d <= kappa ,  |d|_inf <= beta ,

and given multipliers y >= 0 of the linearised constraints its solution is, coordinate by
coordinate, d = clip(-(g + J^T y) / tau, -beta, beta). What is left is a concave problem in y,
with a variable for each constraint.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import nnls

from equipoise.optim.constrained.ghost_relaxation import Array, relaxation

_SOUGHT = 1e-9
_PROMISED = 1e-8
_FIRST_PROXIMITY = 1e-13
_LEAST_PROXIMITY = 1e-9
_PROXIMITY = 1e-8
_MOST_ITERATIONS = 100
_MOST_TRIALS = 60
_PIVOTS = 30


def ghost_direction(
    gradient: Array,
    constraints: Array,
    jacobian: Array,
    *,
    lambda_: float,
    rho: float,
    beta: float,
    tau: float,
) -> Array:
    """d, the direction of the Stochastic Ghost method for one batch.

    Facchinei and Kungurtsev (2023, arXiv 2307.02943), equations 3 and 4.

    Parameters
    ----------
    gradient : array, shape (n,)
        g, of the objective.
    constraints : array, shape (m,)
        c.
    jacobian : array, shape (m, n)
        J, the gradient of each constraint.
    lambda_ : float
        Between 0 and 1: how much of the violation that a step can undo is to be undone.
    rho : float
        The largest coordinate of the steps by which that is judged.
    beta : float
        Larger than rho, the largest coordinate of the direction.
    tau : float
        Curvature of the model, in units of the objective per squared unit of the parameters.

    Returns
    -------
    array, shape (n,)

    Raises
    ------
    FloatingPointError
        As :func:`least_violation` and :func:`direction`.
    """
    kappa = relaxation(constraints, jacobian, lambda_, rho)
    return direction(gradient, constraints, jacobian, kappa, beta, tau)[0]


def direction(
    gradient: Array,
    constraints: Array,
    jacobian: Array,
    kappa: float,
    beta: float,
    tau: float,
) -> tuple[Array, Array]:
    r"""The minimum of g^T d + (tau / 2) |d|^2 subject to c + J d <= kappa and |d|_inf <= beta.

    The result is checked. With d_0 for the minimum without constraints, with the constraints in
    units of length, v_i = (c_i + (J d)_i - kappa) / |J_i|, and so their multipliers,
    x_i = y_i |J_i| / tau: all |min(x_i, -v_i)| are at most 1e-8 (|d_0| + max_i [v_i(0)]_+), and d
    is the minimum of the Lagrangian at y.

    Parameters
    ----------
    gradient : array, shape (n,)
    constraints : array, shape (m,)
    jacobian : array, shape (m, n)
    kappa : float
        Such that the constraints can be met, as :func:`relaxation` gives it.
    beta : float
    tau : float

    Returns
    -------
    d : array, shape (n,)
    y : array, shape (m,)
        The multipliers.

    Raises
    ------
    FloatingPointError
        If no such d is found, as where the constraints cannot be met.
    """
    room = kappa - constraints
    # Constraints that hold whatever the step, and would only blur the others with their size.
    within = np.abs(jacobian).sum(1) * beta > room
    if not within.all():
        room, jacobian = room[within], jacobian[within]
    norms = np.sqrt(np.einsum("ij,ij->i", jacobian, jacobian))
    error = np.inf
    if norms.all():
        dual = _Dual(gradient / -tau, -room / norms, jacobian / norms[:, None], beta)
        for _ in range(_MOST_ITERATIONS):
            error = dual.error()
            if error <= _SOUGHT:
                break
            dual.advance()
    if not error <= _PROMISED:
        raise FloatingPointError(
            f"no step with |d|_inf <= {beta:g} was found that brings the linearised constraints "
            f"down to {kappa:g}: the optimality conditions are off by {error:.1g}."
        )
    multipliers = np.zeros(len(within))
    multipliers[within] = dual.x * tau / norms
    return dual.d, multipliers


class _Dual:
    """The concave problem in the multipliers x of b + A d <= 0, whose rows have length 1.

    It is to maximise the minimum over |d|_inf <= beta of |d - d_0|^2 / 2 + x^T (b + A d), whose
    gradient b + A clip(d_0 - A^T x) is continuous and piecewise linear: a semismooth Newton
    method. Each step solves the piece at hand subject to x >= 0, with a little of a proximal term
    since rows may depend on each other, and looks for the maximum on the way there.
    """

    def __init__(self, free: Array, b: Array, A: Array, bound: float) -> None:
        self.free, self.b, self.A, self.bound = free, b, A, bound
        self._go(np.zeros(len(b)), free)
        self.size = float(np.sqrt(self.d @ self.d)) + float(b.max(initial=0.0))
        # Away from all bounds there is one piece, and with next to no proximal term the first step
        # is the last if rows are independent.
        away = bool((np.abs(free) < bound).all())
        self._proximity = _FIRST_PROXIMITY * len(b) ** 2 if away else _PROXIMITY

    def _go(self, x: Array, z: Array) -> None:
        self.x, self.z, self.d = x, z, self._clip(z)
        self.violation = self.b + self.A @ self.d

    def _clip(self, z: Array) -> Array:
        return np.minimum(np.maximum(z, -self.bound), self.bound)

    def error(self) -> float:
        """By how much the optimality conditions are missed, relative to the problem's size."""
        missed = np.abs(np.minimum(self.x, -self.violation)).max(initial=0.0)
        return float(missed / self.size) if missed != 0 else 0.0

    def advance(self) -> None:
        """Take one step."""
        x, z, violation = self.x, self.z, self.violation
        inside = np.abs(z) < self.bound
        A, proximity = self.A, self._proximity
        if not inside.all():
            A = A[:, inside]
        hessian = A @ A.T
        hessian.flat[:: len(x) + 1] += proximity
        # max v^T p - p^T H p / 2 over x + p >= 0 as a nonnegative least-squares problem.
        factor = np.linalg.cholesky(hessian)
        right = np.linalg.solve(factor, hessian @ x + violation)
        p = nnls(factor.T, right, maxiter=_PIVOTS * len(x))[0] - x
        self._go(x + p, self.free - self.A.T @ (x + p))
        at_high = float(p @ self.violation)
        if at_high >= 0:
            # On a piece where all coordinates are at their bounds this alone limits the steps.
            self._proximity = max(0.1 * proximity, _LEAST_PROXIMITY)
            return
        moves = self.z - z
        length = self._length(p, z, moves, float(p @ violation), at_high)
        self._go(x + length * p, z + length * moves)
        self._proximity = max(proximity, _PROXIMITY) if length > 0 else 1e3 * proximity

    def _length(self, p: Array, z: Array, moves: Array, at_low: float, at_high: float) -> float:
        """How far the maximum on the way along p is, roughly: rather too short than too long.

        Beyond it all coordinates may be at their bounds, and steps back would be small ones.
        """
        ahead = p @ self.b
        along = p @ self.A
        low, high = 0.0, 1.0
        enough = 0.1 * at_low
        for trial in range(_MOST_TRIALS):
            if at_low <= 0 or (low > 0 and (at_low <= enough or high - low <= 0.1 * high)):
                break
            # By turns where a line through both ends is level, and half way, or much closer.
            share = at_low / (at_low - at_high) if trial % 2 == 0 else 0.5 if low > 0 else 0.1
            t = low + share * (high - low)
            at_t = float(ahead + along @ self._clip(z + t * moves))
            if at_t >= 0:
                low, at_low = t, at_t
            else:
                high, at_high = t, at_t
        return low
