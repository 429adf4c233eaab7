"""The direction of a step that lowers the objective and meets relaxed linearised constraints.

The sub-problem is strictly convex with a variable for each parameter, ::

    min_d g^T d + (tau / 2) |d|^2   subject to   c + J d <= kappa ,  |d|_inf <= beta ,

and given multipliers y >= 0 of the linearised constraints its solution is, coordinate by
coordinate, d = clip(-(g + J^T y) / tau, -beta, beta). What is left is a concave problem in y,
with a variable for each constraint.
"""

from __future__ import annotations

import math

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
    gram = jacobian @ jacobian.copy().T  # BLAS takes longer where it sees that they are the same
    norms = np.sqrt(gram.diagonal())
    within = norms * beta > room  # some step of this length, which is within the bounds, misses it
    if not within.all():
        # Constraints that hold whatever the step, and would only blur the others with their size.
        within = np.abs(jacobian).sum(1) * beta > room
        room, jacobian, norms = room[within], jacobian[within], norms[within]
        gram = gram[within][:, within]
    error = np.inf
    if norms.all():
        dual = _Dual(gradient / -tau, -room / norms, jacobian, gram, norms, beta)
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

    Rows are given as they are, with their lengths and products. Where multipliers are too small
    to bring any coordinate to its bound, these say everything, and nothing is computed for each
    coordinate.
    """

    def __init__(
        self, free: Array, b: Array, rows: Array, gram: Array, norms: Array, bound: float
    ) -> None:
        self.free, self.b, self.bound = free, b, bound
        self._rows, self._norms = rows, norms
        self._gram = gram / (norms * norms[:, None])
        self._at_free = self._along(free)
        self._largest = float(np.abs(free).max())
        self._go(np.zeros(len(b)))
        self.size = math.sqrt(self.d @ self.d) + float(b.max(initial=0.0))
        # Away from all bounds there is one piece, and with next to no proximal term the first step
        # is the last if rows are independent.
        self._proximity = _FIRST_PROXIMITY * len(b) ** 2 if self._away else _PROXIMITY

    def _along(self, d: Array) -> Array:
        return self._rows @ d / self._norms

    def _back(self, x: Array) -> Array:
        return (x / self._norms) @ self._rows

    def _go(self, x: Array) -> None:
        self.x = x
        # Rows of length 1 move no coordinate by more than the sum of their multipliers.
        self._away = self._largest + float(x.sum()) < self.bound
        if self._away:
            self.violation = self.b + (self._at_free - self._gram @ x)
        else:
            self.violation = self.b + self._along(self.d)

    @property
    def z(self) -> Array:
        """The minimum without bounds."""
        return self.free - self._back(self.x) if self.x.any() else self.free

    @property
    def d(self) -> Array:
        """The minimum within them."""
        return self.z if self._away else self._clip(self.z)

    def _clip(self, z: Array) -> Array:
        return np.minimum(np.maximum(z, -self.bound), self.bound)

    def error(self) -> float:
        """By how much the optimality conditions are missed, relative to the problem's size."""
        missed = float(np.abs(np.minimum(self.x, -self.violation)).max(initial=0.0))
        return missed / self.size if missed != 0 else 0.0

    def advance(self) -> None:
        """Take one step."""
        x, violation, proximity = self.x, self.violation, self._proximity
        z = None if self._away else self.z
        hessian = self._gram.copy() if z is None else self._gram_within(z)
        hessian.flat[:: len(x) + 1] += proximity
        # max v^T p - p^T H p / 2 over x + p >= 0.
        p = _nonnegative(hessian, hessian @ x + violation) - x
        self._go(x + p)
        at_high = float(p @ self.violation)
        if at_high >= 0:
            # On a piece where all coordinates are at their bounds this alone limits the steps.
            self._proximity = max(0.1 * proximity, _LEAST_PROXIMITY)
            return
        if z is None:
            z = self.free - self._back(x)
        length = self._length(p, z, self.z - z, float(p @ violation), at_high)
        self._go(x + length * p)
        self._proximity = max(proximity, _PROXIMITY) if length > 0 else 1e3 * proximity

    def _gram_within(self, z: Array) -> Array:
        inside = np.abs(z) < self.bound
        if inside.all():
            return self._gram.copy()
        rows = self._rows[:, inside] / self._norms[:, None]
        return rows @ rows.T

    def _length(self, p: Array, z: Array, moves: Array, at_low: float, at_high: float) -> float:
        """How far the maximum on the way along p is, roughly: rather too short than too long.

        Beyond it all coordinates may be at their bounds, and steps back would be small ones.
        """
        ahead = p @ self.b
        along = self._back(p)
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


def _nonnegative(H: Array, r: Array) -> Array:
    """The minimum of x^T H x / 2 - r^T x over x >= 0, for a positive definite H."""
    if len(r) == 2:
        (a, b), (_, c) = H.tolist()
        return _of_two(a, b, c, *r.tolist())
    # As a least-squares problem.
    factor = np.linalg.cholesky(H)
    return nnls(factor.T, np.linalg.solve(factor, r), maxiter=_PIVOTS * len(r))[0]


def _of_two(a: float, b: float, c: float, r: float, s: float) -> Array:
    """For H = [[a, b], [b, c]] and (r, s), in a small part of the time that many take."""
    first, second = max(r, 0.0) / a, max(s, 0.0) / c
    if b * first >= s:
        second = 0.0
    elif b * second >= r:
        first = 0.0
    elif a * c <= b * b:
        raise np.linalg.LinAlgError("not positive definite")
    else:
        second = (a * s - b * r) / (a * c - b * b)
        first = (r - b * second) / a
    return np.array([max(first, 0.0), max(second, 0.0)])
