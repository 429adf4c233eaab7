"""The best assignment where what is asked couples the kinds of points."""

from __future__ import annotations

import numpy as np

from equipoise.coresets.assignment.anneal import anneal
from equipoise.coresets.assignment.certify import certified
from equipoise.coresets.assignment.flow import flow
from equipoise.coresets.assignment.inputs import Array, Points
from equipoise.coresets.assignment.limits import Limits
from equipoise.coresets.assignment.loops import margins
from equipoise.coresets.assignment.nearest import nearest_masses
from equipoise.coresets.assignment.result import Assignment
from equipoise.coresets.assignment.sift import Sifted, sift

_ENOUGH = 1500  # points that a linear program takes as long for as a few steps of annealing


def by_dual(
    points: Points, limits: Limits, tolerance: float, start: Array | None = None
) -> Assignment:
    """Anneal the dual, then let a linear program settle who is undecided.

    Parameters
    ----------
    points : Points
    limits : Limits
        That can be kept.
    tolerance : float
    start : ndarray, shape (collections, k), optional
        Prices of an assignment that is alike; they replace annealing if they are near the best.

    Returns
    -------
    Assignment
    """
    if not len(limits.right):  # nothing is asked
        everyone = np.arange(len(points.weights))
        some = points.weights > 0
        best = points.scaled.argmin(axis=1)
        entries = (everyone[some], best[some], points.weights[some])
        return certified(points, limits, limits.right, entries, "dual")
    if start is not None:
        prices = _of_kinds(points, start) / points.spread
        slack = _slack_of(points, prices)
        found = sift(points, limits, prices, slack, tolerance, patience=3 * _ENOUGH)
        if found is not None:
            return packed(points, limits, found)
    annealed = anneal(points, limits, _ENOUGH, tolerance)
    base = None
    if annealed.undecided > _ENOUGH:
        # So many are as good as indifferent that prices alone send masses far from what limits
        # ask for; a flow brings them near.
        near = nearest_masses(limits, annealed.masses)
        table, _ = flow(points, near, annealed.prices, np.ones(len(near), bool))
        base = table.argmax(axis=1)
    known = annealed.multipliers * points.spread
    found = sift(points, limits, annealed.prices, annealed.slack, tolerance, base, known)
    assert found is not None  # its patience has no end
    return packed(points, limits, found)


def packed(points: Points, limits: Limits, sifted: Sifted) -> Assignment:
    """An assignment as a list of who has what.

    Parameters
    ----------
    points : Points
    limits : Limits
    sifted : Sifted

    Returns
    -------
    Assignment
    """
    n = len(points.weights)
    away = np.bincount(sifted.points, sifted.moved, minlength=n)
    # A point of which all moves may be left with a rounding of itself.
    some = sifted.moved > 1e-13 * points.weights[sifted.points]
    stays = points.weights - away
    kept = stays > 1e-13 * points.weights
    who = np.concatenate([np.flatnonzero(kept), sifted.points[some]])
    where = np.concatenate([sifted.base[kept], sifted.centres[some]])
    mass = np.concatenate([stays[kept], sifted.moved[some]])
    return certified(points, limits, sifted.multipliers, (who, where, mass), "dual")


def _of_kinds(points: Points, prices: Array) -> Array:
    """Prices of kinds from those of collections, of which all of a kind should have the same."""
    of_kind = np.empty((len(points.members), prices.shape[1]))
    of_kind[points.kind_of] = prices
    return of_kind


def _slack_of(points: Points, prices: Array) -> float:
    """How far to look from prices that are given: as far as there are so many undecided."""
    margin = margins(points.scaled, points.kinds, prices)
    at = min(_ENOUGH, len(margin)) - 1
    return float(np.partition(margin, at)[at])
