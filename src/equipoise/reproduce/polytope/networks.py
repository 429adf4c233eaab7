"""Metabolic networks: the flux polytopes that people sample."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.report import Column, Section, Table, Text
from equipoise.reproduce.claim import Claim, Tier
from equipoise.reproduce.judge import judged, over_seeds, shown_at_most
from equipoise.reproduce.part import Cell, Part, Result, Shown
from equipoise.reproduce.polytope.known import away
from equipoise.reproduce.polytope.published import NONE
from equipoise.reproduce.standardised import CALIBRATED, spread
from equipoise.reproduce.within import within
from equipoise.sampling import read_polytope, sample
from equipoise.sampling.diagnostics import mcse_mean

Array = NDArray[Any]

_EFFECTIVE = 1000
_AGREED = 1.01
_TIGHT = 1e-6  # of a flux, whose bounds are in the hundreds


@dataclass(frozen=True)
class _Setting:
    path: Path
    seed: int

    @property
    def name(self) -> str:
        return self.path.name.split(".")[0]

    def cell(self) -> Cell:
        decides = {"model": self.path.name, "seed": self.seed, "effective": _EFFECTIVE}
        return Cell(f"{self.name}, seed {self.seed}", decides, self.run, 3.0)

    def run(self) -> Result:
        polytope = read_polytope(self.path)
        began = time.process_time()
        drawn = sample(polytope, _EFFECTIVE, seed=self.seed)
        seconds = time.process_time() - began
        other = sample(polytope, _EFFECTIVE, method="coordinate", seed=self.seed)
        assert drawn.kernel is not None
        body = drawn.kernel.body
        first, second = (body.to_z(one.draws.array) for one in (drawn, other))
        known = away("network", drawn.draws.array, body, first)
        means = first.mean(axis=(0, 1)) - second.mean(axis=(0, 1))
        return {
            "variables": polytope.n,
            "dimension": body.dimension,
            "rows": len(body.b),
            "seconds": seconds,
            "effective": drawn.effective,
            "rhat": drawn.max_rhat,
            "violation": float(polytope.violation(drawn.draws.array).max()),
            "scaled": (known.mean(axis=(0, 1)) / mcse_mean(known)).tolist(),
            "apart": (means / np.hypot(mcse_mean(first), mcse_mean(second))).tolist(),
        }


def networks_part(tier: Tier, data_dir: Path | None) -> Part:
    """Flux polytopes of models in the folder of data.

    Returns
    -------
    Part
    """
    names = ["e_coli_core"] if tier == "quick" else ["e_coli_core", "iSB619", "iJR904"]
    seeds = 24 if tier == "quick" else 60
    folder = Path() if data_dir is None else data_dir / "metabolic"
    found = [path for name in names for path in sorted(folder.glob(f"{name}.json*"))]
    settings = [
        _Setting(path, seed)
        for path in found
        for seed in range(seeds if path.name.startswith("e_coli") else 3)
    ]
    missing = len(found) < len(names)
    notes = ("Without a folder of data with metabolic/, networks are not sampled.",)
    return Part(
        "networks",
        tuple(one.cell() for one in settings),
        partial(_show, settings),
        notes if missing else (),
    )


def _show(settings: Sequence[_Setting], results: Sequence[Result]) -> Shown:
    found: dict[str, list[Result]] = {}
    for one, result in zip(settings, results, strict=True):
        found.setdefault(one.name, []).append(result)
    if not found:
        return Shown((), (), list)
    table = _table(found)
    return Shown(
        tuple(claim for name, of in found.items() for claim in _claims(name, of)),
        (table,),
        lambda: [Section("Metabolic networks", [Text(_TEXT), table])],
    )


_TEXT = (
    f"All fluxes that a network allows in a steady state. At least {_EFFECTIVE} effective draws "
    "by the default way, preparing included in the time. Means are compared with those of a "
    "second walk, coordinates in turn, and draws are blown up around two points, which tells "
    "whether they are uniform in any body."
)


def _claims(name: str, of: Sequence[Result]) -> list[Claim]:
    worst = over_seeds(np.array([one["violation"] for one in of]))
    rhat = over_seeds(np.array([one["rhat"] for one in of]))
    return [
        judged(
            f"{name}: R-hat of all that is diagnosed is at most {_AGREED}",
            NONE,
            rhat,
            shown_at_most(rhat, _AGREED),
        ),
        judged(
            f"{name}: no draw breaks a constraint by more than {_TIGHT:g}",
            NONE,
            worst,
            shown_at_most(worst, _TIGHT),
        ),
        within(
            f"{name}: means of two walks, root mean square of standardised differences (1)",
            NONE,
            spread([one["apart"] for one in of]),
            *CALIBRATED,
        ),
        within(
            f"{name}: draws blown up around two points, root mean square of standardised "
            "differences from uniform ones (1)",
            NONE,
            spread([one["scaled"] for one in of]),
            *CALIBRATED,
        ),
    ]


def _table(found: Mapping[str, Sequence[Result]]) -> Table:
    rows = [
        [
            name,
            *(str(of[0][what]) for what in ("variables", "dimension", "rows")),
            f"{np.median([one['seconds'] for one in of]):.1f}",
            f"{min(one['effective'] for one in of):.0f}",
            f"{np.sqrt(np.mean([np.square(one['apart']).mean() for one in of])):.2f}",
            f"{np.sqrt(np.mean([np.square(one['scaled']).mean() for one in of])):.2f}",
        ]
        for name, of in found.items()
    ]
    names = (
        "fluxes",
        "dimensions",
        "rows",
        "seconds",
        "effective draws, fewest",
        "two walks apart, r.m.s.",
        "from uniform, r.m.s.",
    )
    return Table([Column("network"), *(Column(name, "right") for name in names)], rows)
