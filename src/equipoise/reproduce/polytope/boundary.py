"""The share of draws near a wall, which shows up walks that keep clear of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from equipoise.report import Column, Section, Table, Text
from equipoise.reproduce.claim import Claim, Tier
from equipoise.reproduce.judge import judged, over_seeds, shown_below
from equipoise.reproduce.part import Cell, Part, Result, Shown
from equipoise.reproduce.polytope.bodies import cube
from equipoise.reproduce.polytope.published import NONE
from equipoise.reproduce.polytope.shrunk_billiard import shrunk_billiard
from equipoise.reproduce.polytope.uniformity import WALKS
from equipoise.reproduce.within import within
from equipoise.sampling import run, start

_N, _CHAINS, _BURN, _DRAWS = 10, 4, 100, 10_000
_NEAR, _TRUE = 0.99, 0.01
_TOLERANCE = 0.0004
_LENGTH, _SHARE = 8.0, 0.995
_CONTROL = f"billiard that turns back at {_SHARE} of the way (a control)"


@dataclass(frozen=True)
class _Setting:
    walk: str
    seed: int

    def cell(self) -> Cell:
        decides = {
            "body": [_N, _NEAR],
            "draws": [_CHAINS, _BURN, _DRAWS],
            "control": [_LENGTH, _SHARE],
            **vars(self),
        }
        return Cell(f"near the wall, {self.walk}, seed {self.seed}", decides, self.run, 3.0)

    def run(self) -> Result:
        if self.walk == _CONTROL:
            rng = np.random.default_rng(self.seed)
            x = shrunk_billiard(_N, _CHAINS * _DRAWS, _LENGTH, _SHARE, rng)
        else:
            walk, steps = WALKS[self.walk]
            body = cube(_N).prepare(rounding="none")
            kernel, thin = walk(body), steps(_N)
            chains = start(kernel, body.centre, seed=self.seed, n_chains=_CHAINS)
            chains, _ = run(kernel, chains, _BURN, thin=thin)
            x = run(kernel, chains, _DRAWS, thin=thin)[1].array
        return {"share": float((np.abs(x) > _NEAR).mean())}


def boundary_part(tier: Tier, _: Path | None) -> Part:
    """Every walk on a cube of 10 dimensions.

    Returns
    -------
    Part
    """
    seeds = 8 if tier == "quick" else 40
    settings = [_Setting(walk, seed) for walk in (*WALKS, _CONTROL) for seed in range(seeds)]
    return Part("boundary", tuple(one.cell() for one in settings), partial(_show, settings))


def _show(settings: Sequence[_Setting], results: Sequence[Result]) -> Shown:
    by_walk: dict[str, list[float]] = {}
    for one, result in zip(settings, results, strict=True):
        by_walk.setdefault(one.walk, []).append(result["share"])
    found = {walk: over_seeds(np.array(shares)) for walk, shares in by_walk.items()}
    claims: list[Claim] = [
        within(
            f"{walk[0].upper()}{walk[1:]}, cube of {_N}: P(|x_i| > {_NEAR}) is {_TRUE}, within "
            f"{_TOLERANCE}",
            NONE,
            figure,
            _TRUE - _TOLERANCE,
            _TRUE + _TOLERANCE,
        )
        for walk, figure in found.items()
        if walk != _CONTROL
    ]
    control = found[_CONTROL]
    claims.append(
        judged(
            f"A {_CONTROL} is found out: P(|x_i| > {_NEAR}) below {_TRUE}",
            NONE,
            control,
            shown_below(control, _TRUE),
        )
    )
    rows = [
        [walk, f"{figure.value:.5f}", f"[{figure.low:.5f}, {figure.high:.5f}]"]
        for walk, figure in found.items()
    ]
    table = Table(
        [Column("walk"), Column("share", "right"), Column("interval", "right")],
        rows,
        f"Coordinates beyond {_NEAR}, of which there are {_TRUE}",
    )
    text = (
        "Walks that stop short of walls, so as not to cross them by rounding, draw too little "
        "there. Means and variances hardly show it."
    )
    return Shown(tuple(claims), (table,), lambda: [Section("Near the wall", [Text(text), table])])
