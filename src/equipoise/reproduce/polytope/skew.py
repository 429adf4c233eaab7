"""What skew does to draws, with and without rounding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.report import Column, Line, Section, Table, Text, lines
from equipoise.reproduce.claim import Tier
from equipoise.reproduce.judge import judged, over_seeds, shown_below
from equipoise.reproduce.part import Cell, Part, Result, Shown
from equipoise.reproduce.polytope.bodies import rotation
from equipoise.reproduce.polytope.published import NONE
from equipoise.reproduce.within import within
from equipoise.sampling import CoordinateHitAndRun, Polytope, run, sample, start

Array = NDArray[Any]

_N, _CHAINS, _SWEEPS = 20, 4, 2500
_EFFECTIVE = 4000
_RATIOS = (1.0, 1e2, 1e4, 1e6)
_WORST = 1e4


@dataclass(frozen=True)
class _Setting:
    ratio: float
    seed: int

    def cell(self) -> Cell:
        decides = {"body": _N, "draws": [_CHAINS, _SWEEPS, _EFFECTIVE], **vars(self)}
        return Cell(f"sides 1 to {self.ratio:g}, seed {self.seed}", decides, self.run, 2.0)

    def run(self) -> Result:
        sides = np.geomspace(1, self.ratio, _N)
        turned = rotation(_N, self.seed)
        box = Polytope(np.vstack([turned, -turned]), np.tile(sides, 2))
        body = box.prepare(rounding="none")
        walk = CoordinateHitAndRun(body)
        begun = start(walk, body.centre, seed=self.seed, n_chains=_CHAINS)
        _, plain = run(walk, begun, _SWEEPS, thin=_N)
        ours = sample(box, _EFFECTIVE, seed=self.seed, n_chains=_CHAINS).draws.array
        true = sides / np.sqrt(3)
        return {
            name: (np.std(x.reshape(-1, _N) @ turned.T, axis=0) / true).tolist()
            for name, x in (("plain", body.to_x(plain.array)), ("rounded", ours))
        }


def skew_part(tier: Tier, _: Path | None) -> Part:
    """Boxes turned at random, of ever more unequal sides.

    Returns
    -------
    Part
    """
    seeds = 4 if tier == "quick" else 20
    settings = [_Setting(ratio, seed) for ratio in _RATIOS for seed in range(seeds)]
    return Part("skew", tuple(one.cell() for one in settings), partial(_show, settings))


def _show(settings: Sequence[_Setting], results: Sequence[Result]) -> Shown:
    found: dict[float, dict[str, Array]] = {}
    for ratio in _RATIOS:
        of = [r for one, r in zip(settings, results, strict=True) if one.ratio == ratio]
        found[ratio] = {name: np.array([one[name] for one in of]) for name in ("plain", "rounded")}
    least = over_seeds(found[_WORST]["plain"].min(axis=1))
    most = max(_RATIOS)
    rounded = found[most]["rounded"]
    claims = (
        judged(
            f"Coordinates in turn, not rounded, sides 1 to {_WORST:,.0f}: the least standard "
            "deviation over the true one is below 0.5 (peers: 0.02)",
            NONE,
            least,
            shown_below(least, 0.5),
        ),
        *(
            within(
                f"Rounded, sides 1 to {most:,.0f}: the {word} standard deviation over the true one",
                NONE,
                over_seeds(values),
                0.93,
                1.07,
            )
            for word, values in (("least", rounded.min(axis=1)), ("largest", rounded.max(axis=1)))
        ),
    )
    table = _table(found)
    return Shown(claims, (table,), partial(_draw, found, table))


_TEXT = (
    f"Boxes of {_N} dimensions whose half-sides go from 1 to the ratio, turned at random. "
    f"{_SWEEPS} sweeps of {_CHAINS} chains through the coordinates as they are stated, beside "
    f"{_EFFECTIVE} effective draws by the default way. Chains that hardly move look settled: "
    "the damage is seen only beside the known deviations."
)


def _table(found: Mapping[float, Mapping[str, Array]]) -> Table:
    rows = [
        [
            f"{ratio:,.0f}",
            *(
                f"{edge(of[name], axis=1).mean():.3f}"
                for name in ("plain", "rounded")
                for edge in (np.min, np.max)
            ),
        ]
        for ratio, of in found.items()
    ]
    names = ("ratio of sides", "least", "largest", "rounded: least", "rounded: largest")
    return Table(
        [Column(name, "right") for name in names], rows, "Standard deviation over the true one"
    )


def _draw(found: Mapping[float, Mapping[str, Array]], table: Table) -> Sequence[Section]:
    panel = "least standard deviation over the true one"
    drawn = [
        Line(np.log10(list(found)), [of[name].min(axis=1).mean() for of in found.values()], label)
        for name, label in (("plain", "not rounded"), ("rounded", "rounded"))
    ]
    figure = lines({panel: drawn}, x_label="log10 of the ratio of sides", log=(panel,))
    return [Section("Skew", [Text(_TEXT), figure, table])]
