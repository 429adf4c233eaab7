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
from equipoise.coresets.inclusion import drawn, inclusion, ordered
from equipoise.coresets.seeding import draw_seeds

Array = NDArray[Any]

# Points that are expected of a stratum, at least.
_STRATUM = 5.0


@dataclass(frozen=True)
class Stratified:
    """Points by importance, with the masses and the means of all.

    Parameters
    ----------
    n_clusters : int
        k: centres of the clusterings that are to be compared.
    size : int
        Points of the coreset, exactly; at least one for each collection.
    n_seeds : int, optional
        Rows from which importance is measured; by default 2k.
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
        seeds = draw_seeds(
            points, weights, self.n_seeds or 2 * self.n_clusters, larger.power, random
        )
        costs = to_power(seeds.squares, larger.power)
        collections = numbered(larger.collections)
        shares = importance(weights, costs, seeds.labels, len(seeds.rows))
        n_collections = len(collections.codes)
        wanted = quotas(
            np.bincount(collections.of, shares, n_collections),
            np.bincount(collections.of, minlength=n_collections),
            self.size,
        )
        probabilities = inclusion(shares, collections.of, wanted)
        cells = collections.of * len(seeds.rows) + seeds.labels
        n_cells = n_collections * len(seeds.rows)
        order = ordered(cells, n_cells, costs)
        chosen = drawn(
            probabilities, collections.of, order, n_collections, random.random(n_collections)
        )
        rows = np.flatnonzero(chosen)
        made = weights[rows] / probabilities[rows]
        uncertain = probabilities[rows] < 1
        if uncertain.any():
            strata, references = _strata(cells, n_cells, len(seeds.rows), probabilities)
            made[uncertain] = calibrated(
                points,
                weights,
                costs,
                strata,
                points[seeds.rows[references]],
                rows[uncertain],
                made[uncertain],
            )
        return Coreset(
            points[rows], made, larger.collections[rows], rows, larger.power, movement=None
        )


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
    """Runs of cells of a collection of which enough points are expected."""
    expected = np.zeros(n_cells)
    for i in range(len(cells)):
        if probabilities[i] < 1.0:
            expected[cells[i]] += probabilities[i]
    of_cell = np.full(n_cells, -1)
    references = np.empty(n_cells, np.int64)
    n_strata = 0
    for begin in range(0, n_cells, n_seeds):
        left = expected[begin : begin + n_seeds].sum()
        here = 0.0
        first = begin
        for cell in range(begin, begin + n_seeds):
            if here == 0.0 and expected[cell] > 0.0:
                references[n_strata] = cell - begin
            here += expected[cell]
            left -= expected[cell]
            last = cell == begin + n_seeds - 1
            if here > 0.0 and (last or (here >= _STRATUM and left >= _STRATUM)):
                of_cell[first : cell + 1] = n_strata
                n_strata += 1
                here = 0.0
                first = cell + 1
    strata = np.empty(len(cells), np.int64)
    for i in range(len(cells)):
        strata[i] = of_cell[cells[i]] if probabilities[i] < 1.0 else -1
    return strata, references[:n_strata]
