"""When a summary pays: k-means of all rows against k-means of a summary, honestly."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from sklearn.cluster import KMeans

from equipoise.audit import Estimate
from equipoise.cluster import CoresetKMeans
from equipoise.report import Column, Section, Table, Text
from equipoise.reproduce.claim import Claim, Tier
from equipoise.reproduce.coreset.published import NONE
from equipoise.reproduce.fair_coreset.tables import simulated
from equipoise.reproduce.judge import judged, over_seeds, shown_at_least, shown_at_most
from equipoise.reproduce.part import Cell, Part, Result, Shown

_NEAR = 1.02
_MANY_RESTARTS = 10
_PAYS = 10.0
_LITTLE = 5.0


@dataclass(frozen=True)
class Setting:
    """One clustering.

    Attributes
    ----------
    rows, features, k : int
    n_init : int
        Starts.
    seed : int
    """

    rows: int
    features: int
    k: int
    n_init: int
    seed: int

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """All but the seed."""
        return self.rows, self.features, self.k, self.n_init

    def cell(self) -> Cell:
        """Both ways."""
        n, d, k, starts = self.shape
        title = f"k-means of {n:,} x {d}, k = {k}, {starts} starts, seed {self.seed}"
        return Cell(title, dict(vars(self)), self.run, n * k * starts / 2e6)

    def run(self) -> Result:
        """Seconds and costs."""
        points = simulated(self.rows, self.features, 2 * self.k, self.seed).points
        CoresetKMeans(2, size=100).fit(points[:1000])  # compiled before the clock starts
        options = {"n_init": self.n_init, "random_state": self.seed}
        began = time.process_time()
        whole = KMeans(self.k, **options).fit(points)
        full = time.process_time()
        ours = CoresetKMeans(self.k, **options).fit(points)
        return {
            "full": full - began,
            "summary": time.process_time() - full,
            "cost": float(ours.inertia_ / whole.inertia_),
            "points": len(ours.coreset_),
        }


def pays_part(tier: Tier, _: Path | None) -> Part:
    """Few and many clusters, one start and ten.

    Returns
    -------
    Part
    """
    n = 100_000 if tier == "quick" else 1_000_000
    shapes = [(n, 10, 5, 1), (n, 10, 10, 1), (n, 10, 50, 1), (n, 10, 10, 10), (n, 10, 50, 10)]
    if tier == "full":
        shapes.append((n, 50, 50, 10))
    seeds = range(3 if tier == "quick" else 5)
    return part_of([Setting(*shape, seed) for shape in shapes for seed in seeds])


def part_of(settings: Sequence[Setting]) -> Part:
    """A part of settings.

    Parameters
    ----------
    settings : sequence of Setting

    Returns
    -------
    Part
    """
    return Part("pays", tuple(one.cell() for one in settings), partial(_show, settings))


_TEXT = (
    "Both ways end with centres and a label of every row, from as many starts; seconds are of the "
    "processor, on one thread. One k-means of rows in memory is a few passes over them, and making "
    "a summary is one or two: with few clusters and one start there is little to save, and what a "
    "summary costs in accuracy is for nothing. It pays where rows are gone through often (many "
    "starts, several k, many clusters), where the solver is slower than k-means (k-medians, fair "
    "clusterings), or where rows do not fit into memory."
)


def _show(settings: Sequence[Setting], results: Sequence[Result]) -> Shown:
    by_shape: dict[tuple[int, int, int, int], list[Result]] = {}
    for one, result in zip(settings, results, strict=True):
        by_shape.setdefault(one.shape, []).append(result)
    claims = [claim for shape, of in by_shape.items() for claim in _claims(shape, of)]
    table = _table(by_shape)
    return Shown(
        tuple(claims), (table,), lambda: [Section("When a summary pays", [Text(_TEXT), table])]
    )


def _claims(shape: tuple[int, int, int, int], of: Sequence[Result]) -> list[Claim]:
    n, d, k, starts = shape
    faster = _faster(of)
    said = f"k-means of {n:,} x {d}, k = {k}, {starts} start{'s' if starts > 1 else ''}"
    if k <= 10 and starts == 1:
        return [
            judged(
                f"{said}: a summary saves less than a factor of {_LITTLE:g} (it does not pay)",
                NONE,
                faster,
                shown_at_most(faster, _LITTLE),
            )
        ]
    claims = []
    if starts >= _MANY_RESTARTS:
        claims.append(
            judged(
                f"{said}: a summary is at least {_PAYS:g} times faster",
                NONE,
                faster,
                shown_at_least(faster, _PAYS),
            )
        )
    cost = over_seeds(np.array([one["cost"] for one in of]))
    claims.append(
        judged(
            f"{said}: what the centres found on the summary cost all rows, over scikit-learn's, "
            f"is at most {_NEAR:g}",
            NONE,
            cost,
            shown_at_most(cost, _NEAR),
        )
    )
    return claims


def _faster(of: Sequence[Result]) -> Estimate:
    logs = over_seeds(np.log([one["full"] / one["summary"] for one in of]))
    return Estimate(*(float(np.exp(value)) for value in logs))


def _table(by_shape: dict[tuple[int, int, int, int], list[Result]]) -> Table:
    columns = [
        Column(name, "right")
        for name in (
            *("rows", "features", "k", "starts", "points", "all rows, s", "summary, s"),
            *("times faster", "cost over all rows'"),
        )
    ]
    rows = []
    for (n, d, k, starts), of in by_shape.items():
        middle = {name: float(np.median([one[name] for one in of])) for name in of[0]}
        rows.append(
            [
                *(f"{value:,}" for value in (n, d, k, starts)),
                f"{middle['points']:,.0f}",
                f"{middle['full']:.2f}",
                f"{middle['summary']:.2f}",
                f"{_faster(of).value:.1f}",
                f"{middle['cost']:.3f}",
            ]
        )
    return Table(columns, rows, caption="K-means of all rows and of a summary, medians over seeds")
