"""The coreset of Huang, Jiang and Vishnoi, as their published program makes it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from equipoise.coresets.batches import cut
from equipoise.coresets.checks import as_count, as_positive, check_total
from equipoise.coresets.coreset import Coreset
from equipoise.coresets.distances import nearest, to_power
from equipoise.coresets.lines import check_power, first_of_each
from equipoise.coresets.local_search import search_in_order
from equipoise.coresets.projection import replaced

Array = NDArray[Any]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_EXCHANGES = 4
_GROWTH = 1.2
# A batch of directions that leaves more of the cost than this has to be larger.
_GAINS = 0.9
_LLOYD_TOLERANCE = 0.1


@dataclass(frozen=True)
class LinesAsCoded:
    """Points projected on lines that were found in the data, and cut into batches on each.

    What the program does that belongs to [1]_, where it departs from the theory of
    :class:`Lines`:

    - The centres begin with the first k rows and see at most four exchanges, each the first that
      helps; so they depend on the order of rows, and can be far from optimal.
    - For z = 1 a cluster's lines go from its centre to points that are drawn at random, a few at a
      time, until projection costs at most eps times what the cluster costs. For z = 2 lines are
      found by Lloyd's algorithm for lines, more of them in each round, until projection costs at
      most ((sqrt(1 + 10 eps) - 1) / 2)^2 times what the points cost. It is bounded in
      total and not for each point, and the constants are optimistic: `eps` is no guarantee.
    - A batch's error may be eps h / k or eps^2 h / k^2, where h is what the points of its line
      cost at the centres after projection, and it includes the point that goes past it.
    - Batches are cut on all collections together and then divided by collection.
    - What points are off their line is forgotten. It is forgotten here too, but is part of
      `movement`, and so of :func:`equipoise.coresets.bounds`.

    The program rounds weights to integers at random, as its solver wants them; here they are
    exact. Its two points for k-means match the variance within a tolerance; here they match it.
    It counts points where lines are chosen; here their weights count, as if they were copies.

    Parameters
    ----------
    n_clusters : int
        k.
    eps : float
        The program's: 0.1 to 0.5 in the paper.

    Attributes
    ----------
    size : int
        0, see :class:`Lines`.

    Raises
    ------
    ValueError
        If a parameter is out of range; when called, if z is neither 1 nor 2 or costs are too
        large for floating point.

    References
    ----------
    .. [1] L. Huang, S. H.-C. Jiang, N. K. Vishnoi. Coresets for clustering with fairness
       constraints. NeurIPS 2019, Section 6.
    """

    n_clusters: int
    eps: float

    def __post_init__(self) -> None:
        as_count(self.n_clusters, "n_clusters")
        as_positive(self.eps, "eps")

    @property
    def size(self) -> int:
        """No coreset is small enough already."""
        return 0

    def __call__(self, larger: Coreset, random: np.random.Generator) -> Coreset:
        """Project the points of a coreset, and batch them.

        Parameters
        ----------
        larger : Coreset
            With at least one point.
        random : numpy.random.Generator
            For the directions of lines where z = 1.

        Returns
        -------
        Coreset
        """
        check_power(larger.power, "LinesAsCoded")
        X, w, power, k = larger.points, larger.weights, larger.power, self.n_clusters
        check_total((w * to_power(nearest(X, X[:1])[1], power)).sum())
        rows = search_in_order(X, w, np.arange(min(k, len(X))), power, _EXCHANGES)
        centres = X[rows]
        if power == 1:
            bases, ways = _lines_through_points(X, w, centres, self.eps, random)
        else:
            bases, ways = _lines_by_lloyd(X, w, centres, self.eps)
        line, _ = _nearest_line(X, bases, ways)
        origins, directions = bases[line], ways[line]
        positions = ((X - origins) * directions).sum(1)
        projected = origins + positions[:, None] * directions
        costs = w * to_power(nearest(projected, centres)[1], power)
        order = np.lexsort((positions, line))
        starts = first_of_each(line[order])
        share = self.eps / k if power == 1 else (self.eps / k) ** 2
        thresholds = np.add.reduceat(costs[order], starts) * share
        batches = cut(positions[order], w[order], starts, thresholds, power, True)
        batch = np.repeat(np.arange(len(batches)), np.diff(batches, append=len(X)))
        by_collection = np.lexsort((larger.collections[order], batch))
        order = order[by_collection]
        return replaced(
            larger,
            order,
            origins[order],
            directions[order],
            positions[order],
            first_of_each(batch[by_collection], larger.collections[order]),
        )


def _lines_through_points(
    X: Floats, w: Floats, centres: Floats, eps: float, random: np.random.Generator
) -> tuple[Floats, Floats]:
    labels = nearest(X, centres)[0]
    bases, ways = [], []
    for j, centre in enumerate(centres):
        mine = labels == j
        drawn = _directions(X[mine] - centre, w[mine], eps, random)
        bases.append(np.broadcast_to(centre, drawn.shape))
        ways.append(drawn)
    return np.concatenate(bases), np.concatenate(ways)


def _directions(away: Floats, w: Floats, eps: float, random: np.random.Generator) -> Floats:
    """Random directions of points of a cluster, until all are near to their lines on average."""
    lengths = np.sqrt((away**2).sum(1))
    cost = (w * lengths).sum()
    if cost == 0:  # any line does
        return np.eye(1, away.shape[1])
    off = lengths > 0
    ways, masses = away[off] / lengths[off, None], w[off]
    away, w = away[off], w[off]
    across = np.full(len(away), np.inf)
    found = np.empty((0, away.shape[1]))
    at_once = 1
    while len(ways):
        before = (w * across).sum()
        batch = np.empty((0, away.shape[1]))
        while True:
            more = _draw(ways, masses, at_once - len(batch), random)
            batch = np.concatenate([batch, more])
            across = np.minimum(across, _across(away, more))
            left = (w * across).sum()
            if left <= eps * cost or len(batch) >= len(ways):
                break
            if left <= _GAINS * before:
                at_once = 1
                break
            at_once = max(at_once + 1, round(at_once * _GROWTH))
        found = np.concatenate([found, batch])
        if left <= eps * cost:
            break
        others = nearest(ways, batch)[1] > eps**2
        ways, masses = ways[others], masses[others]
    return found


def _draw(ways: Floats, masses: Floats, n: int, random: np.random.Generator) -> Floats:
    if n >= len(ways):
        return ways
    sums = np.cumsum(masses)
    drawn = np.searchsorted(sums, random.random(n) * sums[-1], side="right")
    return ways[np.minimum(drawn, len(ways) - 1)]


def _across(away: Floats, ways: Floats) -> Floats:
    return np.sqrt(_nearest_line(away, np.zeros_like(ways), ways)[1])


def _lines_by_lloyd(X: Floats, w: Floats, centres: Floats, eps: float) -> tuple[Floats, Floats]:
    allowed = ((math.sqrt(1 + 10 * eps) - 1) / 2) ** 2 * (w * nearest(X, centres)[1]).sum()
    n_lines = 3
    while True:
        n_lines = min(n_lines, len(X))
        bases, ways, cost = _line_means(X, w, n_lines)
        if cost <= allowed or n_lines == len(X):
            return bases, ways
        n_lines = max(n_lines + 1, int(n_lines * _GROWTH))


def _line_means(X: Floats, w: Floats, n_lines: int) -> tuple[Floats, Floats, float]:
    """Lloyd's algorithm for lines, which begins with points cut into equal parts as they come."""
    line = np.minimum(np.arange(len(X)) // (len(X) // n_lines), n_lines - 1)
    bases, ways, cost = _principal(X, w, line, n_lines)
    while True:
        line = _nearest_line(X, bases, ways)[0]
        new_bases, new_ways, new_cost = _principal(X, w, line, n_lines)
        # A fall that is small is not taken either.
        if not cost - new_cost >= _LLOYD_TOLERANCE * cost or cost == 0:
            return bases, ways, cost
        bases, ways, cost = new_bases, new_ways, new_cost


def _principal(X: Floats, w: Floats, line: Integers, n_lines: int) -> tuple[Floats, Floats, float]:
    """The line through the mean of each part along its largest variance, and what is across."""
    masses, means, scatter = _moments(X, w, line, n_lines)
    kept = masses > 0
    variances, axes = np.linalg.eigh(scatter[kept])
    ways = axes[:, :, -1]
    # Eigenvectors have no sign: their largest entry is made positive.
    largest = np.abs(ways).argmax(1)
    ways = ways * np.sign(ways[np.arange(len(ways)), largest])[:, None]
    return means[kept], ways, float(np.maximum(variances[:, :-1], 0).sum())


@numba.njit(cache=True, nogil=True)
def _moments(X: Array, w: Array, line: Array, n_lines: int) -> tuple[Array, Array, Array]:
    n, d = X.shape
    masses, means = np.zeros(n_lines), np.zeros((n_lines, d))
    scatter = np.zeros((n_lines, d, d))
    away = np.empty(d)
    for i in range(n):
        j = line[i]
        masses[j] += w[i]
        means[j] += w[i] * (X[i] - means[j]) / masses[j]
    for i in range(n):
        j = line[i]
        for t in range(d):
            away[t] = X[i, t] - means[j, t]
        for t in range(d):
            for s in range(d):
                scatter[j, t, s] += w[i] * away[t] * away[s]
    return masses, means, scatter


@numba.njit(cache=True, nogil=True)
def _nearest_line(X: Array, bases: Array, ways: Array) -> tuple[Array, Array]:
    """The nearest of some lines, and the squared distance to it."""
    n, d = X.shape
    line, least = np.zeros(n, np.int64), np.full(n, np.inf)
    for i in range(n):
        for j in range(len(bases)):
            along = 0.0
            for t in range(d):
                along += (X[i, t] - bases[j, t]) * ways[j, t]
            across = 0.0
            for t in range(d):
                off = X[i, t] - bases[j, t] - along * ways[j, t]
                across += off * off
            if across < least[i]:
                least[i] = across
                line[i] = j
    return line, least
