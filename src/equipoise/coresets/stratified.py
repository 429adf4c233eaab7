"""The default: a calibrated systematic sample of each collection by importance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from equipoise.coresets.allocation import numbered, quotas
from equipoise.coresets.calibration import calibrated
from equipoise.coresets.checks import as_count
from equipoise.coresets.coreset import Coreset
from equipoise.coresets.distances import to_power
from equipoise.coresets.inclusion import banded, drawn, inclusion
from equipoise.coresets.seeding import draw_seeds

Array = NDArray[Any]

# More seeds than k are of use as long as their clusters have so many points for each mean that is
# matched.
_PER_MEAN = 3


@dataclass(frozen=True)
class Stratified:
    """Points by importance, with exact masses and nearly exact means.

    1. Seeds are drawn (:func:`equipoise.coresets.draw_seeds`), and the importance of a point is
       half its share of the cost at the seeds, half its share of the mass of its seed's cluster
       over the number of seeds: Huang and Vishnoi's sensitivity [1]_, with equal parts. The
       second half keeps the weight of points near seeds bounded.
    2. Each collection has points in proportion to its importance, at least one; one that is
       small enough has all its points.
    3. In each collection points are drawn without replacement, with probability p in proportion
       to importance (points for which that would be more than 1 are certain, and keep their
       weight), systematically [2]_: in equal steps along the order by seed and by distance from
       it, so that every distance is represented as it should be.
    4. Weights w / p are tilted, w / p exp(slope . x), in each seed's cluster of each collection,
       so that the mass is exact and the means of the features and the mean cost are those of
       all points but for a little [3]_. Clusters of which not even one point is sure to be drawn
       are taken together with others of their collection.

    Steps 3 and 4 are what makes the error small. On 50,000 points, ten Gaussian clusters of unequal
    sizes with outliers, with 1,000 points for k = 10 and z = 2, the largest relative error over
    45 sets of centres was measured as 10 % for independent draws by the sensitivities of step 1,
    1.7 % with step 3 and exact masses, and 0.35 % with step 4. In return costs are no longer right
    in expectation to the last digit, as with weights w / p.

    Parameters
    ----------
    n_clusters : int
        k: centres of the clusterings that are to be compared.
    size : int
        Points of the coreset, exactly; at least one for each collection. See
        :func:`equipoise.coresets.suggest_size`.
    n_seeds : int, optional
        By default between k and 2k: as many as there are points to match the means of.

    References
    ----------
    .. [1] L. Huang, N. K. Vishnoi. Coresets for clustering in Euclidean spaces: importance
       sampling is nearly optimal. STOC 2020.
    .. [2] W. G. Madow. On the theory of systematic sampling II. Annals of Mathematical Statistics
       1949.
    .. [3] J.-C. Deville, C.-E. Sarndal. Calibration estimators in survey sampling. JASA 1992: case
       2 (the multiplicative method), here with a ridge.
    """

    n_clusters: int
    size: int
    n_seeds: int | None = None

    def __post_init__(self) -> None:
        as_count(self.n_clusters, "n_clusters")
        as_count(self.size, "size")
        if self.n_seeds is not None:
            as_count(self.n_seeds, "n_seeds")

    def __call__(self, larger: Coreset, random: np.random.Generator) -> Coreset:
        """Draw it."""
        points, weights = larger.points, larger.weights
        collections = numbered(larger.collections)
        n_collections = len(collections.codes)
        seeds = draw_seeds(
            points, weights, self._seeds(points.shape[1], n_collections), larger.power, random
        )
        costs = to_power(seeds.squares, larger.power)
        shares = importance(weights, costs, seeds.labels, len(seeds.rows))
        wanted = quotas(
            np.bincount(collections.of, shares, n_collections),
            np.bincount(collections.of, minlength=n_collections),
            self.size,
        )
        probabilities = inclusion(shares, collections.of, wanted)
        cells = collections.of * len(seeds.rows) + seeds.labels
        n_cells = n_collections * len(seeds.rows)
        bands, n_bands = banded(cells, n_cells, costs)
        chosen = drawn(
            probabilities, bands, n_bands * len(seeds.rows), random.random(n_collections)
        )
        rows = np.flatnonzero(chosen)
        made = weights[rows] / probabilities[rows]
        uncertain = probabilities[rows] < 1
        if uncertain.any():
            strata, seed_of = _strata(cells, n_cells, len(seeds.rows), probabilities)
            made[uncertain] = calibrated(
                points,
                weights,
                costs,
                strata,
                points[seeds.rows[seed_of]],
                rows[uncertain],
                made[uncertain],
            )
        return Coreset(
            points[rows], made, larger.collections[rows], rows, larger.power, movement=None
        )

    def _seeds(self, n_features: int, n_collections: int) -> int:
        if self.n_seeds is not None:
            return self.n_seeds
        fitting = self.size // (_PER_MEAN * (n_features + 1) * n_collections)
        return min(max(fitting, self.n_clusters), 2 * self.n_clusters)


def importance(weights: Array, costs: Array, labels: Array, n_seeds: int) -> NDArray[np.float64]:
    """Half by cost, half by mass in each seed's cluster."""
    mass = np.bincount(labels, weights, n_seeds)
    shares = 0.5 / np.count_nonzero(mass) * weights / mass[labels]
    total = weights @ costs
    if total > 0:
        shares += 0.5 * weights * (costs / total)
    return shares


@numba.njit(cache=True, nogil=True)
def _strata(cells: Array, n_cells: int, n_seeds: int, probabilities: Array) -> tuple[Array, Array]:
    """Runs of cells of a collection of which at least one point is sure to be drawn.

    Cells are those of collections and seeds; each run has the seed of its first cell.
    """
    expected = np.zeros(n_cells)
    for i in range(len(cells)):
        if probabilities[i] < 1.0:
            expected[cells[i]] += probabilities[i]
    of_cell = np.full(n_cells, -1)
    seeds = np.empty(n_cells, np.int64)
    n_strata = 0
    for begin in range(0, n_cells, n_seeds):
        left = expected[begin : begin + n_seeds].sum()
        if not left > 0.0:
            continue
        here = 0.0
        first = begin
        for cell in range(begin, begin + n_seeds):
            here += expected[cell]
            left -= expected[cell]
            last = cell == begin + n_seeds - 1
            # What is left has to be enough for a run of its own.
            if last or (here >= 1.0 and left >= 1.0):
                of_cell[first : cell + 1] = n_strata
                seeds[n_strata] = first - begin
                n_strata += 1
                here = 0.0
                first = cell + 1
    strata = np.empty(len(cells), np.int64)
    for i in range(len(cells)):
        strata[i] = of_cell[cells[i]] if probabilities[i] < 1.0 else -1
    return strata, seeds[:n_strata]
