"""Whether every walk draws uniformly: means known in other ways."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from equipoise.report import Column, Section, Table, Text
from equipoise.reproduce.claim import Tier
from equipoise.reproduce.part import Cell, Part, Result, Shown
from equipoise.reproduce.polytope import bodies
from equipoise.reproduce.polytope.known import away
from equipoise.reproduce.polytope.published import NONE
from equipoise.reproduce.standardised import CALIBRATED, spread
from equipoise.reproduce.within import within
from equipoise.sampling import (
    BallWalk,
    Billiard,
    BlockKernel,
    Body,
    CoordinateHitAndRun,
    Dikin,
    HitAndRun,
    Polytope,
    run,
    start,
)
from equipoise.sampling.diagnostics import mcse_mean
from equipoise.sampling.prepare import rounded

_CHAINS, _BURN, _DRAWS = 4, 100, 1000

BODIES: dict[str, tuple[str, Callable[[int], Polytope]]] = {
    "cube of 10 dimensions": ("cube", lambda _: bodies.cube(10)),
    "simplex of 10": ("simplex", lambda _: bodies.simplex(10)),
    "ordered simplex of 8": ("ordered", lambda _: bodies.ordered(8)),
    "cross-polytope of 6": ("cross", lambda _: bodies.cross(6)),
    "doubly stochastic 5 x 5": ("birkhoff", lambda _: bodies.birkhoff(5)),
    "200 random rows in 10": (
        "random",
        lambda seed: Polytope(*bodies.random_rows(200, 10, seed)),
    ),
}


WALKS: dict[str, tuple[Callable[[Body], BlockKernel], Callable[[int], int]]] = {
    "ball walk, quadratic rule": (lambda body: BallWalk(body, "quadratic"), lambda d: d * d),
    "ball walk, exact rule": (lambda body: BallWalk(body, "exact"), lambda d: d * d),
    "hit-and-run": (HitAndRun, lambda d: d * d // 2),
    "coordinates in turn": (CoordinateHitAndRun, lambda d: 3 * d),
    "billiard": (Billiard, lambda d: 2),
    "Dikin walk": (Dikin, lambda d: 5 * d),
}
"""Each with how many steps of it are a draw, by dimension."""


@dataclass(frozen=True)
class Setting:
    """A walk on a body.

    Attributes
    ----------
    body, walk : str
    seed : int
    draws : int
    """

    body: str
    walk: str
    seed: int
    draws: int = _DRAWS

    def cell(self) -> Cell:
        """The walk."""
        decides = {"chains": [_CHAINS, _BURN], **vars(self)}
        return Cell(f"{self.walk}, {self.body}, seed {self.seed}", decides, self.run, 0.3)

    def run(self) -> Result:
        """Draw, and standardise what is known."""
        name, make = BODIES[self.body]
        walk, steps = WALKS[self.walk]
        body = rounded(make(self.seed).prepare(rounding="none"))
        kernel, thin = walk(body), steps(body.dimension)
        chains = start(kernel, body.centre, seed=self.seed, n_chains=_CHAINS)
        chains, _ = run(kernel, chains, _BURN, thin=thin)
        _, draws = run(kernel, chains, self.draws, thin=thin)
        differences = away(name, body.to_x(draws.array), body, draws.array)
        z = differences.mean(axis=(0, 1)) / mcse_mean(differences)
        return {"z": z.tolist()}


def uniformity_part(tier: Tier, _: Path | None) -> Part:
    """Every walk on every body.

    Returns
    -------
    Part
    """
    seeds = 16 if tier == "quick" else 20
    return part_of(
        [Setting(body, walk, seed) for walk in WALKS for body in BODIES for seed in range(seeds)]
    )


def part_of(settings: Sequence[Setting]) -> Part:
    """A part of some settings.

    Parameters
    ----------
    settings : sequence of Setting

    Returns
    -------
    Part
    """
    return Part("uniformity", tuple(one.cell() for one in settings), partial(_show, settings))


def _show(settings: Sequence[Setting], results: Sequence[Result]) -> Shown:
    by_walk: dict[str, dict[str, list[Result]]] = {}
    for one, result in zip(settings, results, strict=True):
        by_walk.setdefault(one.walk, {}).setdefault(one.body, []).append(result)
    table = _table(by_walk)
    claims = []
    for walk, by_body in by_walk.items():
        runs = [result["z"] for of in by_body.values() for result in of]
        claims.append(
            within(
                f"{walk[0].upper()}{walk[1:]}: {sum(len(z) for z in runs)} means over known ones, "
                "root mean square of standardised differences (1)",
                NONE,
                spread(runs),
                *CALIBRATED,
            )
        )
    return Shown(tuple(claims), (table,), lambda: [Section("Uniform draws", [Text(_TEXT), table])])


_TEXT = (
    "Each body is rounded by the ellipsoid at its analytic centre, and walked. Means of "
    "coordinates, of squares and of being near a wall are compared with formulas in units of "
    "their Monte Carlo standard errors. Of any body, draws are blown up around a point within it: "
    "if g is the least factor by which it must be scaled to hold a uniform draw, g^d is uniform."
)


def _table(by_walk: dict[str, dict[str, list[Result]]]) -> Table:
    rows = []
    for walk, by_body in by_walk.items():
        each = {body: np.array([one["z"] for one in of]) for body, of in by_body.items()}
        rows.append(
            [
                walk,
                *(f"{np.sqrt((z**2).mean()):.2f}" for z in each.values()),
                f"{max(np.abs(z).max() for z in each.values()):.1f}",
            ]
        )
    seen = list(next(iter(by_walk.values())))
    return Table(
        [Column("walk"), *(Column(name, "right") for name in (*seen, "largest of all"))],
        rows,
        "Root mean square of standardised differences from known means",
    )
