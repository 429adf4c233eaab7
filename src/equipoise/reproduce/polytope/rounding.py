"""Rounding bodies of known covariance, however skew."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.audit import Estimate
from equipoise.report import Column, Section, Table, Text
from equipoise.reproduce.claim import Tier
from equipoise.reproduce.judge import judged, over_seeds, shown_at_most
from equipoise.reproduce.part import Cell, Part, Result, Shown
from equipoise.reproduce.polytope.bodies import random_rows, rotation
from equipoise.reproduce.polytope.published import ROUNDING
from equipoise.sampling import Billiard, Body, Polytope, isotropic, round_annealed, run, start

Array = NDArray[Any]

_ROUND = 3.0  # largest over smallest standard deviation
_SKEWS = (1e4, 1e6)
_PER_DIMENSION = 400  # draws for a covariance that is not known

_WAYS: dict[str, Callable[[Polytope, int], Body]] = {
    "ellipsoid": lambda polytope, _: polytope.prepare(),
    "ellipsoid, then draws": lambda polytope, seed: isotropic(polytope.prepare(), seed=seed).body,
    "growing ball, as published": lambda polytope, seed: (
        round_annealed(polytope.prepare(rounding="none"), seed=seed).body
    ),
}


@dataclass(frozen=True)
class Setting:
    """A skew body and a way of rounding it.

    Attributes
    ----------
    way : str
    rows, n : int
        Random rows, or 0 for a box.
    skew : float
        Of its sides, the largest over the smallest.
    seed : int
    """

    way: str
    rows: int
    n: int
    skew: float
    seed: int

    @property
    def body(self) -> str:
        """What it is called."""
        return f"{self.rows} random rows in {self.n}" if self.rows else f"box of {self.n}"

    def cell(self) -> Cell:
        """The rounding."""
        title = f"{self.way}, {self.body}, sides 1 to {self.skew:g}, seed {self.seed}"
        seconds = 40.0 if "ball" in self.way else 3.0
        return Cell(title, {"draws": _PER_DIMENSION, **vars(self)}, self.run, seconds)

    def run(self) -> Result:
        """Round, and compare deviations."""
        # x = stretch y with y of a body that is round, or nearly so, and turned.
        turned = rotation(self.n, self.seed)
        stretch = (turned * np.geomspace(1, self.skew, self.n)) @ turned.T
        if self.rows:
            A, b = random_rows(self.rows, self.n, self.seed)
            root = _root(Polytope(A, b).prepare(), self.seed)
        else:
            A, b = np.vstack([turned.T, -turned.T]), np.ones(2 * self.n)
            root = turned / np.sqrt(3)
        back = (turned / np.geomspace(1, self.skew, self.n)) @ turned.T
        polytope = Polytope(A @ back, b)
        began = time.process_time()
        body = _WAYS[self.way](polytope, self.seed)
        seconds = time.process_time() - began
        basis = body.basis.toarray() if hasattr(body.basis, "toarray") else body.basis
        spread = np.linalg.svd(np.linalg.solve(basis, stretch @ root), compute_uv=False)
        return {"ratio": float(spread[0] / spread[-1]), "seconds": seconds}


def _root(body: Body, seed: int) -> Array:
    """A root of the covariance in x, by draws."""
    walk = Billiard(body)
    chains, _ = run(walk, start(walk, body.centre, seed=seed), 20 * body.dimension)
    _, draws = run(walk, chains, _PER_DIMENSION * body.dimension // chains.n_chains)
    covariance = np.cov(body.to_x(draws.flat()).T)
    return np.asarray(np.linalg.cholesky(covariance))


def rounding_part(tier: Tier, _: Path | None) -> Part:
    """Every way on two bodies of two skews.

    Returns
    -------
    Part
    """
    seeds = 3 if tier == "quick" else 10
    bodies = [(0, 20), (200, 10)] if tier == "quick" else [(0, 20), (200, 10), (1000, 50)]
    return part_of(
        [
            Setting(way, rows, n, skew, seed)
            for rows, n in bodies
            for way in _WAYS
            for skew in _SKEWS
            for seed in range(seeds if n < 50 else 3)
        ]
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
    return Part("rounding", tuple(one.cell() for one in settings), partial(_show, settings))


def _show(settings: Sequence[Setting], results: Sequence[Result]) -> Shown:
    found: dict[tuple[str, str, float], list[Result]] = {}
    for one, result in zip(settings, results, strict=True):
        found.setdefault((one.way, one.body, one.skew), []).append(result)
    table = _table(found)
    claims = []
    for way in dict.fromkeys(way for way, _, _ in found):
        ratios = [r["ratio"] for (of, _, _), rs in found.items() if of == way for r in rs]
        figure = Estimate(*(float(np.exp(value)) for value in over_seeds(np.log(ratios))))
        claims.append(
            judged(
                f"{way[0].upper()}{way[1:]}, sides 1 to 10,000 and 1,000,000: largest over "
                f"smallest standard deviation after rounding is at most {_ROUND:g}",
                ROUNDING,
                figure,
                shown_at_most(figure, _ROUND),
            )
        )
    return Shown(tuple(claims), (table,), lambda: [Section("Rounding", [Text(_TEXT), table])])


_TEXT = (
    "Bodies that are nearly round, stretched along random axes. The covariance of the box is "
    "known, that of random rows is of many draws before it is stretched. The growing ball starts "
    "from the body as it is stated; the ellipsoid is that of the log-barrier's Hessian at the "
    "analytic centre; draws are of a billiard on what it leaves."
)


def _table(found: Mapping[tuple[str, str, float], Sequence[Result]]) -> Table:
    rows = [
        [
            body,
            f"{skew:,.0f}",
            way,
            f"{np.mean([one['ratio'] for one in of]):.2f}",
            f"{max(one['ratio'] for one in of):.2f}",
            f"{np.median([one['seconds'] for one in of]):.2f}",
        ]
        for (way, body, skew), of in found.items()
    ]
    names = ("largest over smallest deviation after", "the worst", "seconds")
    return Table(
        [
            Column("body"),
            Column("before", "right"),
            Column("rounded by"),
            *(Column(name, "right") for name in names),
        ],
        rows,
    )
