"""The best random choice among the points of a run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import OptimizeResult, linprog

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Mixture:
    """A distribution over points, and what it is worth.

    Attributes
    ----------
    weights : array, shape (T,)
        Probabilities of the points. At most m + 1 of them are not 0.
    objective : float
        Its expectation.
    constraints : array, shape (m,)
        Their expectations.
    feasible : bool
        Whether any mixture of the points keeps the constraints in expectation. If none does,
        this is the one whose largest violation is the smallest, and among several of those the
        one with the lowest objective.
    """

    weights: Array
    objective: float
    constraints: Array
    feasible: bool


def shrink(objective: ArrayLike, constraints: ArrayLike) -> Mixture:
    r"""Find the best random choice among the points of a run.

    ::

        minimise p^T f   subject to   p^T c <= 0 ,   sum p = 1 ,   p >= 0 .

    Where the problem is not convex there may be no saddle point for the iterates to converge to,
    but there is always a mixture of points that is as good; and a vertex of the programme mixes
    m + 1 points at most, however many the run went through (Cotter, Jiang, Sridharan 2019,
    arXiv 1804.06500, lemma 3). Expectations are over the choice of the point: a single one drawn
    from it may violate a constraint.

    The lemma lets the constraints be violated by a given epsilon. Here epsilon is 0 where that
    is possible, and otherwise the least that is possible, which a second programme finds exactly
    instead of by bisection.

    Parameters
    ----------
    objective : array-like, shape (T,)
        At each of the points, measured on all rows, or best on rows that were not trained on.
    constraints : array-like, shape (T, m)
        Values that are to be at most 0. An equation is two of them, with opposite signs.

    Returns
    -------
    Mixture
        Feasible is what keeps each constraint up to 1e-7 of its largest absolute value at any
        point, the accuracy of the solver.

    Raises
    ------
    ValueError
        If there is no point, shapes do not go together, or a value is not finite: leave out the
        points at which a run has diverged.
    RuntimeError
        If the solver fails, which is not expected of such programmes.
    """
    f, c = np.asarray(objective, dtype=np.float64), np.asarray(constraints, dtype=np.float64)
    if f.ndim != 1 or not len(f):
        raise ValueError(f"objective must have shape (T,) with T > 0, not {f.shape}.")
    if c.ndim != 2 or len(c) != len(f):
        raise ValueError(f"constraints must have shape ({len(f)}, m), not {c.shape}.")
    bad = np.flatnonzero(~(np.isfinite(f) & np.isfinite(c).all(1)))
    if len(bad):
        raise ValueError(
            f"objective and constraints must be finite, but are not at {len(bad)} points, such as "
            f"{bad[:5].tolist()}."
        )
    # The solver's tolerances are absolute; neither shift nor scale changes the answer.
    cost = (f - f.min()) / _largest(f - f.min())
    best = _solve(cost, c / _largest(c, axis=0), np.zeros(c.shape[1]))
    feasible = best is not None
    if best is None:
        at = c / _largest(c)  # one scale for all, among which the largest is sought
        best = _solve(cost, at, np.full(c.shape[1], _least_violation(at)))
    if best is None:
        raise RuntimeError("no mixture attains the least violation that the solver has found.")
    weights = np.maximum(best, 0.0)
    weights /= weights.sum()
    return Mixture(weights, float(weights @ f), weights @ c, feasible)


def _largest(x: Array, axis: int | None = None) -> Array:
    size = np.abs(x).max(axis, initial=0.0)
    return np.where(size > 0, size, 1.0)


def _solve(cost: Array, constraints: Array, upper: Array) -> Array | None:
    """The cheapest mixture with expectations up to the upper ones, or None if there is none."""
    found = _simplex(cost, constraints, upper, np.ones((1, len(cost))), lower=0.0)
    return None if found.status == 2 else found.x


def _least_violation(constraints: Array) -> float:
    """How much the most violated constraint of the best mixture is violated."""
    n, m = constraints.shape
    found = _simplex(
        np.append(np.zeros(n), 1.0),
        np.vstack([constraints, np.full(m, -1.0)]),
        np.zeros(m),
        np.append(np.ones(n), 0.0)[None],
        lower=np.append(np.zeros(n), -np.inf),
    )
    return float(found.x[-1])


def _simplex(
    cost: Array, constraints: Array, upper: Array, total: Array, lower: float | Array
) -> OptimizeResult:
    # The simplex method ends at a vertex, where an interior-point method ends amid a face.
    bounds = np.stack(np.broadcast_arrays(lower, np.inf), -1)
    bounds = np.broadcast_to(bounds, (len(cost), 2))
    found = linprog(cost, constraints.T, upper, total, np.ones(1), bounds=bounds, method="highs-ds")
    if found.status not in (0, 2):
        raise RuntimeError(f"the linear programme was not solved: {found.message}")
    return found
