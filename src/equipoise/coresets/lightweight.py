"""Lightweight coresets of Bachem, Lucic and Krause: importance by the distance from the mean."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equipoise.coresets.checks import as_count
from equipoise.coresets.coreset import Coreset
from equipoise.coresets.distances import nearest, to_power
from equipoise.coresets.independent import in_each, sampled
from equipoise.coresets.stratified import importance


@dataclass(frozen=True)
class Lightweight:
    """Independent draws, half by mass and half by cost at the mean [1]_.

    Two passes over the data and no seeds: the fastest builder. Its error is additive, a part of
    the cost of a single centre, so that clusters far apart from one another, and of little
    weight, are seen badly.

    Parameters
    ----------
    size : int
        Draws; a row drawn twice is one point.

    References
    ----------
    .. [1] O. Bachem, M. Lucic, A. Krause. Scalable k-means clustering via lightweight coresets.
       KDD 2018, Algorithm 1. There z = 2; for other z the mean is kept, and distances are taken
       to the power of z. For several collections see :mod:`equipoise.coresets.independent`.
    """

    size: int

    def __post_init__(self) -> None:
        as_count(self.size, "size")

    def __call__(self, larger: Coreset, random: np.random.Generator) -> Coreset:
        """Draw it."""
        return in_each(larger, self.size, lambda part, draws: _draw(part, draws, random))


def _draw(part: Coreset, draws: int, random: np.random.Generator) -> Coreset:
    mean = (part.weights / part.weights.sum()) @ part.points
    labels, squares = nearest(part.points, mean[None, :])
    shares = importance(part.weights, to_power(squares, part.power), labels, 1)
    return sampled(part, shares, draws, random)
