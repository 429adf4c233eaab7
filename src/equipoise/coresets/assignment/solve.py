"""The cheapest way to divide points over centres under constraints on groups."""

from __future__ import annotations

from typing import Literal

from numpy.typing import ArrayLike

from equipoise.coresets.assignment.inputs import Array, as_numbers, as_points, as_tolerance
from equipoise.coresets.assignment.limits import prescribed, shares
from equipoise.coresets.assignment.overlapping import by_dual
from equipoise.coresets.assignment.result import Assignment


def assign_masses(
    costs: ArrayLike,
    weights: ArrayLike | None,
    collections: ArrayLike,
    members: ArrayLike,
    masses: ArrayLike,
    *,
    tolerance: float = 1e-6,
    method: Literal["auto", "flow", "dual", "program"] = "auto",
) -> Assignment:
    points = as_points(costs, weights, collections, members)
    limits = prescribed(points, masses)
    return by_dual(points, limits, as_tolerance(tolerance))


def assign_within(
    costs: ArrayLike,
    weights: ArrayLike | None,
    collections: ArrayLike,
    members: ArrayLike,
    at_least: ArrayLike,
    at_most: ArrayLike,
    *,
    tolerance: float = 1e-6,
    start: Assignment | ArrayLike | None = None,
    method: Literal["auto", "dual", "program"] = "auto",
) -> Assignment:
    points = as_points(costs, weights, collections, members)
    limits = shares(points, at_least, at_most)
    return by_dual(points, limits, as_tolerance(tolerance))
