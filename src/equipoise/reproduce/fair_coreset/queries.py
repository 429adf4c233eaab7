"""Centres, and how much of each collection or group they are to get."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from equipoise.coresets import Coreset, draw_seeds, refine
from equipoise.coresets.assignment import assign_masses
from equipoise.coresets.distances import all_costs, nearest
from equipoise.reproduce.fair_coreset.tables import People

Floats = NDArray[np.float64]

Family = Literal["random", "near optimal", "adversarial"]
FAMILIES: tuple[Family, ...] = ("random", "near optimal", "adversarial")

_SAMPLE = 5_000
_APART = 0.02


@dataclass(frozen=True, eq=False)
class Query:
    """What a fair cost is asked for.

    Attributes
    ----------
    family : {"random", "near optimal", "adversarial"}
    centres : ndarray of float64, shape (k, d)
    masses : ndarray of float64, shape (collections, k) or (groups, k)
        How much of each there is to be at each centre.
    by_group : bool
        Whether `masses` are of groups, which overlap, or of collections, which do not.
    """

    family: Family
    centres: Floats
    masses: Floats
    by_group: bool


def make_queries(
    people: People, k: int, power: float, counts: Sequence[int], seed: int
) -> list[Query]:
    """Queries of three families.

    Parameters
    ----------
    people : People
    k : int
    power : float
        z.
    counts : sequence of int
        How many of each family. *random* ones are as the authors draw them: centres are rows, and
        each collection is cut at one centre after another, so that shares are far from equal.
        *Near optimal* ones are what a search for a fair clustering asks: centres a few steps of
        Lloyd's from the best and off by a fiftieth of the spread, and each group in each cluster
        by the cluster's share. *Adversarial* ones have centres all in one place, or one on an
        outlier, with random cuts.
    seed : int

    Returns
    -------
    list of Query
    """
    random = np.random.default_rng([seed, k, round(10 * power)])
    found = []
    for family, count in zip(FAMILIES, counts, strict=True):
        for turn in range(count):
            if family == "near optimal":
                found.append(_near_optimal(people, k, power, random))
                continue
            rows = random.integers(0, len(people.points), k)
            centres = people.points[rows]
            if family == "adversarial":
                centres = _adverse(people.points, k, turn, random)
            found.append(Query(family, centres, _cut(people, k, random), False))
    return found


def fair_cost(coreset: Coreset, members: NDArray[np.bool_], query: Query) -> float:
    """The least cost of an assignment with a query's masses, exactly.

    Parameters
    ----------
    coreset : Coreset
        Or all rows, as :meth:`equipoise.coresets.Coreset.from_block` has them.
    members : ndarray of bool, shape (collections, groups)
    query : Query

    Returns
    -------
    float
        With the coreset's offset.
    """
    of = members if query.by_group else np.eye(len(members), dtype=np.bool_)
    costs = all_costs(coreset.points, query.centres, coreset.power)
    found = assign_masses(costs, coreset.weights, coreset.collections, of, query.masses)
    return found.value + coreset.offset


def _cut(people: People, k: int, random: np.random.Generator) -> Floats:
    left = np.bincount(people.collections, minlength=len(people.members))
    masses = np.empty((len(left), k))
    for j in range(k - 1):
        masses[:, j] = random.integers(0, left + 1)
        left = left - masses[:, j].astype(np.int64)
    masses[:, k - 1] = left
    return masses


def _near_optimal(people: People, k: int, power: float, random: np.random.Generator) -> Query:
    rows = random.choice(len(people.points), min(_SAMPLE, len(people.points)), replace=False)
    sample = people.points[rows]
    ones = np.ones(len(sample))
    seeds = sample[draw_seeds(sample, ones, k, power, random).rows]
    centres = refine(sample, ones, seeds, power, max_iter=10)[0]
    spread = people.points.std(axis=0)
    centres = centres + _APART * spread * random.standard_normal(centres.shape)
    shares = np.bincount(nearest(people.points, centres)[0], minlength=k) / len(people.points)
    sizes = np.bincount(people.collections, minlength=len(people.members)) @ people.members
    return Query("near optimal", centres, sizes[:, None] * shares, True)


def _adverse(points: Floats, k: int, turn: int, random: np.random.Generator) -> Floats:
    rows = random.choice(len(points), min(_SAMPLE, len(points)), replace=False)
    if turn % 2:
        centres = points[rows[:k]].copy()
        centres[0] = points[np.abs(points - points.mean(axis=0)).sum(axis=1).argmax()]
        return centres
    around = points[rows] - points[rows[0]]
    return points[rows[np.argsort((around**2).sum(axis=1), kind="stable")[:k]]]
