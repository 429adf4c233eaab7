"""A plain sample of each collection: what cleverer builders have to beat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equipoise.coresets.allocation import numbered, quotas
from equipoise.coresets.checks import as_count
from equipoise.coresets.coreset import Coreset
from equipoise.coresets.inclusion import drawn, inclusion


@dataclass(frozen=True)
class Uniform:
    """A sample of each collection, of a size in proportion to its mass and at least one [1]_.

    Points are drawn without replacement in proportion to their weights, and share the mass of
    their collection: points without weights are a simple random sample, each for as many rows.

    Parameters
    ----------
    size : int
        Points of the coreset, exactly; at least one for each collection.

    References
    ----------
    .. [1] L. Huang, S. H.-C. Jiang, N. K. Vishnoi. Coresets for clustering with fairness
       constraints. NeurIPS 2019, Section 5: the baseline.
    """

    size: int

    def __post_init__(self) -> None:
        as_count(self.size, "size")

    def __call__(self, larger: Coreset, random: np.random.Generator) -> Coreset:
        """Draw it."""
        weights = larger.weights
        collections = numbered(larger.collections)
        n_collections = len(collections.codes)
        wanted = quotas(
            np.bincount(collections.of, weights, n_collections),
            np.bincount(collections.of, minlength=n_collections),
            self.size,
        )
        probabilities = inclusion(weights, collections.of, wanted)
        order = random.permutation(len(larger))
        chosen = drawn(probabilities[order], collections.of[order], 1, random.random(n_collections))
        rows = np.sort(order[chosen])
        of, certain = collections.of[rows], probabilities[rows] == 1
        # Certain points stand for themselves, the others for equal parts of what is left.
        left = np.bincount(collections.of, np.where(probabilities < 1, weights, 0.0), n_collections)
        drawn_of = np.bincount(of, ~certain, n_collections)
        made = np.where(certain, weights[rows], left[of] / np.maximum(drawn_of[of], 1))
        return Coreset(
            larger.points[rows],
            made,
            larger.collections[rows],
            rows,
            larger.power,
            movement=None,
        )
