"""k centres for weighted points whose clusters keep bounds on groups."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.cluster.bounds import ShareBounds
from equipoise.cluster.solve import Search, Solved, children, distinct, from_centres, from_seeds
from equipoise.coresets.assignment import Assignment, assign_within
from equipoise.coresets.distances import all_costs
from equipoise.coresets.lloyd import move_centres

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

# How near to the best an assignment is while centres still move, and at the end.
_MOVING, _AT_END = 1e-4, 1e-6
# Starts without bounds for each with them, and rounds that each of these goes.
_WITHOUT, _FIRST = 4, 3


@dataclass(frozen=True, eq=False)
class FairSolved:
    """Centres that were found, and which has what.

    Attributes
    ----------
    centres : ndarray, shape (k, d)
    assignment : Assignment
        Of the points at these centres, within the bounds. Its prices are by collection.
    n_iter : int
        Rounds of the start that found them.
    plain : Solved
        The best centres if nothing is asked: of all starts, and from where the search with bounds
        ended.
    """

    centres: Array
    assignment: Assignment
    n_iter: int
    plain: Solved


def solve_fair(
    points: Array,
    weights: Array,
    collections: Integers,
    members: NDArray[np.bool_],
    bounds: ShareBounds,
    search: Search,
    seed: np.random.SeedSequence,
    told: Callable[[int], None] | None = None,
) -> FairSolved:
    """The best centres of several starts, by turns of assignment and moves.

    Each start is Lloyd's algorithm twice: first without the bounds, and from where it ends with
    them. There points are assigned within the bounds at the least cost (a linear program: a point
    may be divided), then centres move to where what they have costs least. Neither step makes it
    worse, so it ends at a local optimum. Rounds without bounds take hardly any time, so that of
    four times as many starts the best go three rounds with the bounds, and the best of these goes
    on.

    Parameters
    ----------
    points : ndarray, shape (m, d)
    weights : ndarray, shape (m,)
        Positive.
    collections : ndarray of int64, shape (m,)
    members : ndarray of bool, shape (collections, l)
    bounds : ShareBounds
        Of the l groups.
    search : Search
    seed : SeedSequence
    told : callable, optional
        Told how many assignments there were.

    Returns
    -------
    FairSolved

    Raises
    ------
    InfeasibleError
        If no clusters keep the bounds.
    """
    X, w, c = distinct(points, weights, collections)
    whole, mass, _ = distinct(X, w)
    problem = _Problem(X, w, c, members, bounds, search, told, count(1))
    if told is not None:
        told(0)
    seeds = children(seed, _WITHOUT * search.n_init)
    plains = sorted(
        (from_seeds(whole, mass, search, child) for child in seeds), key=lambda one: one.cost
    )
    plain = plains[0]
    if bounds.idle:
        at_plain = problem.assign(plain.centres, _AT_END)
        return FairSolved(plain.centres, at_plain, plain.n_iter, plain)
    # Starts that ended alike are one. The best go a few rounds, and the best of them to its end.
    apart = [one for i, one in enumerate(plains) if not any(map(one.is_like, plains[:i]))]
    apart = apart[: search.n_init]
    begun = [problem.descend(one.centres, None, min(_FIRST, search.max_iter)) for one in apart]
    centres, held, first = min(begun, key=lambda way: way[1].value)
    centres, held, more = problem.descend(centres, held, search.max_iter - first)
    last = problem.assign(centres, _AT_END, held)
    # Where the search with bounds has found the better place, what they cost is not negative.
    plain = min(plain, from_centres(whole, mass, search, centres), key=lambda one: one.cost)
    return FairSolved(centres, last, max(first + more, 1), plain)


@dataclass(frozen=True, eq=False)
class _Problem:
    X: Array
    w: Array
    collections: Integers
    members: NDArray[np.bool_]
    bounds: ShareBounds
    search: Search
    told: Callable[[int], None] | None
    assigned: Iterator[int]

    def assign(self, centres: Array, tolerance: float, start: Any = None) -> Assignment:
        found = assign_within(
            all_costs(self.X, centres, self.search.power),
            self.w,
            self.collections,
            self.members,
            self.bounds.at_least,
            self.bounds.at_most,
            tolerance=tolerance,
            start=start,
        )
        if self.told is not None:
            self.told(next(self.assigned))
        return found

    def descend(
        self, centres: Array, held: Assignment | None, most: int
    ) -> tuple[Array, Assignment, int]:
        """Centres after some rounds, who has what, and how many rounds it took."""
        if held is None:
            held = self.assign(centres, _MOVING)
        for rounds in range(1, most + 1):
            moved = self._moved(centres, held)
            tried = self.assign(moved, _MOVING, held)
            if not tried.value < held.value:
                return centres, held, rounds
            gained = held.value - tried.value
            centres, held = moved, tried
            if gained <= self.search.tol * (held.value + gained):
                return centres, held, rounds
        return centres, held, most

    def _moved(self, centres: Array, held: Assignment) -> Array:
        power = self.search.power
        some = held.masses > 0
        rows, of, mass = held.points[some], held.centres[some], held.masses[some]
        moved = move_centres(self.X[rows], mass, of, centres.copy(), power)
        idle = np.flatnonzero(np.bincount(of, mass, len(centres)) == 0)
        if len(idle):
            # A cluster without points keeps every bound wherever it is; where it may help most is
            # at the points that cost most.
            squares = ((self.X[rows] - moved[of]) ** 2).sum(axis=1)
            costs = np.bincount(rows, mass * squares ** (power / 2), len(self.X))
            moved[idle] = self.X[np.argsort(-costs, kind="stable")[: len(idle)]]
        return moved
