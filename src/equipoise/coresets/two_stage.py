"""Importance sampling in two stages, as Huang and Vishnoi have it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.coresets.checks import as_count
from equipoise.coresets.coreset import Coreset
from equipoise.coresets.distances import to_power
from equipoise.coresets.independent import in_each, sampled
from equipoise.coresets.seeding import draw_seeds

Array = NDArray[Any]

_FIRST_PER_SECOND = 10


@dataclass(frozen=True)
class TwoStage:
    """Independent draws by sensitivity, and of what was drawn once more [1]_.

    Published for its proof: a single stage that is calibrated,
    :class:`equipoise.coresets.Stratified`, has a smaller error at the same size.

    Parameters
    ----------
    n_clusters : int
        k: centres of the clusterings that are to be compared.
    size : int
        Draws of the second stage; a row drawn twice is one point.
    first_size : int, optional
        Draws of the first stage; by default ten times as many.

    Notes
    -----
    Both stages draw in proportion to
    ``w(x) |x - c(x)|^z / cost + w(x) / w(cluster of x)``, for k approximate centres c, and give a
    draw the weight w(x) * sum of sensitivities / (draws * sensitivity per weight). The
    factor 2^(2z+2) alpha^2 of the paper is the same for all points and drops out. The published
    sizes are meant for proofs (more than 10^70 draws in the first stage for k = 10 and an error
    of 0.1) and cannot be used. The dimension reduction of the paper is part of the analysis alone.

    With several collections both stages are used in each (the union of coresets of collections is
    a coreset for constraints on collections), see :mod:`equipoise.coresets.independent`.

    References
    ----------
    .. [1] L. Huang, N. K. Vishnoi. Coresets for clustering in Euclidean spaces: importance
       sampling is nearly optimal. STOC 2020, Algorithm 1.
    """

    n_clusters: int
    size: int
    first_size: int | None = None

    def __post_init__(self) -> None:
        as_count(self.n_clusters, "n_clusters")
        as_count(self.size, "size")
        if self.first_size is not None and as_count(self.first_size, "first_size") < self.size:
            raise ValueError(
                f"first_size = {self.first_size} is less than size = {self.size}; the first stage "
                "has to draw more than the second."
            )

    def __call__(self, larger: Coreset, random: np.random.Generator) -> Coreset:
        """Draw it."""
        per_draw = (self.first_size or _FIRST_PER_SECOND * self.size) / self.size

        def twice(part: Coreset, draws: int) -> Coreset:
            seeds = draw_seeds(part.points, part.weights, self.n_clusters, part.power, random)
            costs = to_power(seeds.squares, part.power)
            shares = _sensitivities(part.weights, costs, seeds.labels)
            first = sampled(part, shares, round(per_draw * draws), random)
            rows = first.rows
            shares = _sensitivities(first.weights, costs[rows], seeds.labels[rows])
            second = sampled(first, shares, draws, random)
            return replace(second, rows=rows[second.rows])

        return in_each(larger, self.size, twice)


def _sensitivities(weights: Array, costs: Array, labels: Array) -> NDArray[np.float64]:
    mass = np.bincount(labels, weights)
    total = weights @ costs
    near = weights / mass[labels]
    return near + weights * (costs / total) if total > 0 else near
