"""By how much linearised constraints must be relaxed so that a step can meet them.

The least violation that a step within a box can reach is a linear program with a variable for
each parameter, but its dual has one for each constraint, ::

    min_{|d|_inf <= rho} max_i [c_i + J_i d]_+ = max_{w >= 0, sum w <= 1} w^T c - rho |J^T w|_1 .

The right side grows in proportion to w, so it is the positive part of the maximum over the
simplex.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog, nnls

Array = NDArray[np.float64]
Parts = tuple[Array, Array, Array]

_GAP = 1e-9
# Where rounding keeps the two sides apart: any level that a step reaches makes the sub-problem
# feasible, so that one a little above the least does no harm.
_GAP_AT_WORST = 1e-6
_ROUNDING = 1e-14
_MOST_ITERATIONS = 50
_REGULAR = 1e-15
_PIVOTS = 30
_SORTED_AT_ONCE = 4096


def relaxation(constraints: Array, jacobian: Array, lambda_: float, rho: float) -> float:
    r"""kappa, the right side that the linearised constraints of the sub-problem get.

    It is (1 - lambda) max_i [c_i]_+ + lambda min_{|d|_inf <= rho} max_i [c_i + J_i d]_+ : between
    the violation where we are and the least that a step of size rho is promised to leave. With
    lambda < 1 the linearised constraints can be met with room to spare wherever a step can lessen
    the violation at all (Facchinei and Kungurtsev 2023, arXiv 2307.02943, equation 4).

    Parameters
    ----------
    constraints : array, shape (m,)
        c, in units of the constraints.
    jacobian : array, shape (m, n)
        J, the gradient of each constraint.
    lambda_ : float
        Between 0 and 1.
    rho : float
        In units of the parameters.

    Returns
    -------
    float
        At least 0, in units of the constraints.

    Raises
    ------
    FloatingPointError
        As :func:`least_violation`.
    """
    violation = float(constraints.max(initial=0.0))
    if violation == 0:
        return 0.0
    undone = lambda_ * (violation - least_violation(constraints, jacobian, rho))
    # Upwards by what may have been rounded away: a gradient of all but nothing could not make
    # good for it.
    return violation * (1 + _ROUNDING) - undone


def least_violation(constraints: Array, jacobian: Array, rho: float) -> float:
    r"""The minimum of max_i [c_i + J_i d]_+ over steps with |d|_inf <= rho.

    One and two constraints are solved in closed form, up to rounding. From three on both
    sides of the duality are solved: what is returned is reached by a step, and exceeds what no
    step can go below by at most 1e-9 max_i c_i, and rounding errors of 1e-14 rho max_i |J_i|_1;
    or, where rounding lets no solver come as close, by at most 1e-6 max_i c_i.

    Parameters
    ----------
    constraints : array, shape (m,)
    jacobian : array, shape (m, n)
    rho : float

    Returns
    -------
    float

    Raises
    ------
    FloatingPointError
        If the two sides do not come as close as that.
    """
    if constraints.max(initial=0.0) == 0:
        return 0.0
    if len(constraints) == 1:
        return max(float(constraints[0] - rho * np.abs(jacobian[0]).sum()), 0.0)
    if _worst_is_undone_without_harm(constraints, jacobian, rho):
        return 0.0
    if len(constraints) == 2:
        return _of_two(constraints, jacobian, rho)
    return _of_many(constraints, jacobian, rho)


def _worst_is_undone_without_harm(c: Array, J: Array, rho: float) -> bool:
    """Whether the smallest step that undoes the largest violation leaves none: mostly it does."""
    worst = int(c.argmax())
    along = J @ np.sign(J[worst])
    if c[worst] > rho * along[worst]:
        return False
    left = c - c[worst] / along[worst] * along
    left[worst] = 0.0
    return bool(left.max() <= 0)


def _of_two(c: Array, J: Array, rho: float) -> float:
    """The maximum of a concave, piecewise linear function of w_2 = t between 0 and 1."""
    first, second = np.abs(J)
    # |(1 - t) a + t b| has a kink inside only where the signs differ.
    turns = J[0] * J[1] < 0
    sums = first + second
    at_first, at_second = first.sum(), second.sum()
    jumps = sums[turns]
    rise = float(c[1] - c[0])
    # Slopes of w^T c - rho |J^T w|_1 where t leaves 0 and where it comes to 1.
    leaving = rise - rho * float(at_second - at_first - 2 * second[turns].sum())
    coming = leaving - 2 * rho * float(jumps.sum())
    ends = float(c[0] - rho * at_first), float(c[1] - rho * at_second)
    if leaving <= 0 or coming >= 0:
        return max(*ends, 0.0)
    # The tangents at both ends meet above the maximum.
    meet = (ends[1] - ends[0] - coming) / (leaving - coming)
    if ends[0] + leaving * meet <= 0:
        return 0.0
    t = _quantile(first[turns] / jumps, jumps, leaving / (2 * rho))
    best = float((1 - t) * c[0] + t * c[1] - rho * np.abs((1 - t) * J[0] + t * J[1]).sum())
    return max(*ends, best, 0.0)


def _quantile(points: Array, weights: Array, mass: float) -> float:
    """The first of some points up to which the weights sum up to a mass, in linear time."""
    while len(points) > _SORTED_AT_ONCE:
        middle = np.partition(points, len(points) // 2)[len(points) // 2]
        low = points <= middle
        below = weights[low].sum()
        if below < mass:
            mass -= below
            low = ~low
        elif low.all():
            return float(middle)
        points, weights = points[low], weights[low]
    order = np.argsort(points)
    place = int(np.searchsorted(np.cumsum(weights[order]), mass))
    return float(points[order[min(place, len(points) - 1)]])


def _of_many(c: Array, J: Array, rho: float) -> float:
    scale = float(c.max())
    c, A = c / scale, J * (rho / scale)
    tolerance = _GAP + _ROUNDING * float(np.abs(A).sum(1).max())
    least, most = 0.0, 1.0
    for reached, bound in _both_sides(c, A):
        least, most = max(least, bound), min(most, reached)
        if most - least <= tolerance:
            return max(scale * most, 0.0)
    if most - least <= _GAP_AT_WORST:
        return max(scale * most, 0.0)
    raise FloatingPointError(
        f"the least violation of {len(c)} linearised constraints is known only to be between "
        f"{scale * least:g} and {scale * most:g}; constraints of similar magnitude may cure it."
    )


def _both_sides(c: Array, A: Array) -> Iterator[tuple[float, float]]:
    """What ever better steps reach, and what none goes below."""
    yield _after_shortest(c, A), 0.0
    iterate = _Interior(c, A)
    for _ in range(_MOST_ITERATIONS):
        yield iterate.reached(), iterate.bound()
        try:
            iterate.advance()
        except np.linalg.LinAlgError:
            break
    # More active constraints than parameters, at very different scales, make the matrices of the
    # interior-point method singular: a simplex method takes longer, and is not troubled.
    m, n = A.shape
    program = linprog(
        np.r_[1, np.zeros(n)],
        A_ub=np.column_stack([-np.ones(m), A]),
        b_ub=-c,
        bounds=[(0, None)] + [(-1, 1)] * n,
        method="highs",
    )
    if program.status == 0:
        w = np.maximum(-program.ineqlin.marginals, 0)
        w /= max(float(w.sum()), 1.0)
        reached = float((c + A @ np.clip(program.x[1:], -1, 1)).max())
        yield reached, float(w @ c - np.abs(A.T @ w).sum())


def _after_shortest(c: Array, A: Array) -> float:
    """What is left after the shortest step that undoes all, cut off where it leaves the box.

    It is mostly 0, and costs little: the step is -A^T x, where x >= 0 maximises
    c^T x - |A^T x|^2 / 2.
    """
    gram = A @ A.T
    lengths = np.sqrt(gram.diagonal())
    unit = np.divide(1, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    gram *= unit * unit[:, None]
    gram.flat[:: len(c) + 1] += _REGULAR * len(c) ** 2
    factor = np.linalg.cholesky(gram)
    right = np.linalg.solve(factor, unit * c)
    x = unit * nnls(factor.T, right, maxiter=_PIVOTS * len(c))[0]
    return float((c - A @ np.clip(A.T @ x, -1, 1)).max())


class _Interior:
    """Strictly feasible points of min t, c + A u + s = t, s >= 0, |u|_inf <= 1 and of its dual.

    The steps u are in units of rho. Mehrotra's predictor and corrector (Nocedal and Wright,
    Numerical Optimization, section 14.2), whose linear systems are m by m. All equations are
    linear and hold from the start, so that only the products of the positive variables with
    their multipliers, which add up to the gap between the two sides, are left to be lowered.
    """

    def __init__(self, c: Array, A: Array) -> None:
        m, n = A.shape
        self.c, self.A = c, A
        slack = float(c.max()) + 1.0 - c
        v = A.T @ np.full(m, 1 / m)
        lower = np.maximum(v, 0) + 1 / n
        # The slacks, 1 + u and 1 - u, each apart, since u close to 1 would lose the difference;
        # and the multipliers of each, of which the last two differ by A^T w.
        self.room = slack, np.ones(n), np.ones(n)
        self.pull = np.full(m, 1 / m), lower, lower - v

    def reached(self) -> float:
        """What the step u leaves of the largest constraint."""
        _, below, above = self.room
        u = np.clip((below - above) / 2, -1, 1)
        return float((self.c + self.A @ u).max())

    def bound(self) -> float:
        """What no step can go below."""
        w = self.pull[0] / self.pull[0].sum()
        return float(w @ self.c - np.abs(self.A.T @ w).sum())

    @np.errstate(divide="ignore", over="ignore", invalid="ignore")
    def advance(self) -> None:
        """Take one step; where it leaves the finite numbers, nothing is reached any more."""
        (s, below, above), (w, lower, upper) = self.room, self.pull
        size = len(s) + 2 * len(below)
        products = tuple(x * y for x, y in zip(self.room, self.pull, strict=True))
        curvature = 1 / (lower / below + upper / above)
        scaled = self.A * curvature
        normal = scaled @ self.A.T
        normal[np.diag_indices_from(normal)] += s / w
        # Rows of very different units, or twice the same: to a diagonal of 1, and a little more.
        unit = 1 / np.sqrt(normal.diagonal())
        normal = normal * unit * unit[:, None] + _REGULAR * np.eye(len(w))

        def newton(slack: Array, low: Array, up: Array) -> tuple[Parts, Parts]:
            # The changes by which the products change as asked, to first order.
            q = low / below - up / above
            right = np.stack([slack / w + scaled @ q, np.ones_like(w)], 1)
            towards, ones = unit * np.linalg.solve(normal, right * unit[:, None]).T
            dt = towards.sum() / ones.sum()
            dw = towards - dt * ones
            du = curvature * (q - self.A.T @ dw)
            room = dt - self.A @ du, du, -du
            return room, (dw, (low - lower * du) / below, (up + upper * du) / above)

        room, pull = newton(*(-p for p in products))
        primal, dual = _longest(self.room, room), _longest(self.pull, pull)
        left = sum(
            float((x + primal * dx) @ (y + dual * dy))
            for x, y, dx, dy in zip(self.room, self.pull, room, pull, strict=True)
        )
        now = sum(float(p.sum()) for p in products)
        target = (left / now) ** 3 * now / size
        bent = zip(products, room, pull, strict=True)
        trust = primal * dual  # of a second-order term that is right for a full step
        room, pull = newton(*(target - p - trust * dx * dy for p, dx, dy in bent))
        primal, dual = _longest(self.room, room, 0.995), _longest(self.pull, pull, 0.995)
        self.room = _moved(self.room, room, primal)
        self.pull = _moved(self.pull, pull, dual)


def _longest(values: Parts, changes: Parts, share: float = 1.0) -> float:
    """The longest step up to 1 that goes no more than a share of the way to 0."""
    rate = max(float((-dx / x).max()) for x, dx in zip(values, changes, strict=True))
    return min(share / rate, 1.0) if rate > 0 else 1.0


def _moved(values: Parts, changes: Parts, length: float) -> Parts:
    first, second, third = (x + length * dx for x, dx in zip(values, changes, strict=True))
    return first, second, third
