"""Whether the error of a summary depends on how much it stands for: rows, features, and size."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from equipoise.audit import Estimate
from equipoise.coresets import Coreset, Stratified, TwoStage, draw_seeds
from equipoise.report import Figure, Line, Section, Text, lines
from equipoise.reproduce.claim import Claim, Tier
from equipoise.reproduce.coreset.published import NONE, log10_first_stage, proved_exponent
from equipoise.reproduce.fair_coreset.tables import simulated
from equipoise.reproduce.judge import judged, shown_at_most
from equipoise.reproduce.part import Cell, Part, Result, Shown
from equipoise.reproduce.slope import slope

Floats = NDArray[np.float64]

_K = 10
_SIZE, _ROWS, _FEATURES = 2_000, 50_000, 10
_SIZES = (500, 1_000, 2_000, 4_000, 8_000)
_MANY_ROWS = (20_000, 60_000, 200_000)
_MORE_ROWS = (600_000, 2_000_000)
_MANY_FEATURES = (2, 5, 10, 30, 100)
_NO_GROWTH = 0.1
_LINEAR = 1.15

BUILDERS = ("two stages", "stratified")


@dataclass(frozen=True)
class Setting:
    """One number of rows, features and points.

    Attributes
    ----------
    along : {"rows", "features", "points"}
        Which of them is varied.
    rows, features, size : int
    power : float
    seed : int
    """

    along: str
    rows: int
    features: int
    size: int
    power: float
    seed: int

    @property
    def at(self) -> int:
        """The one that is varied."""
        return {"rows": self.rows, "features": self.features, "points": self.size}[self.along]

    def cell(self) -> Cell:
        """Two summaries."""
        title = f"growth, {self.at:,} {self.along}, z = {self.power:g}, seed {self.seed}"
        return Cell(title, dict(vars(self)), self.run, self.rows * self.features / 1e6)

    def run(self) -> Result:
        """Largest errors over nine sets of centres, and seconds of building."""
        points = simulated(self.rows, self.features, 3 * _K, 0).points
        rows = Coreset.from_block(points, power=self.power)
        random = np.random.default_rng([self.seed, self.rows, self.features, self.size])
        sets = [points[random.choice(self.rows, _K, replace=False)] for _ in range(3)]
        some = points[random.choice(self.rows, min(10_000, self.rows), replace=False)]
        ones = np.ones(len(some))
        sets += [some[draw_seeds(some, ones, _K, self.power, random).rows] for _ in range(6)]
        exact = np.array([rows.cost(one) for one in sets])
        found: Result = {}
        for name, builder in (
            ("two stages", TwoStage(_K, self.size)),
            ("stratified", Stratified(_K, self.size)),
        ):
            began = time.process_time()
            coreset = rows.reduce(builder, self.seed)
            seconds = time.process_time() - began
            off = np.abs(np.array([coreset.cost(one) for one in sets]) / exact - 1)
            found[name] = {"largest": float(off.max()), "seconds": seconds}
        return found


def growth_part(tier: Tier, _: Path | None) -> Part:
    """Simulated clusters of unequal sizes with outliers.

    Returns
    -------
    Part
    """
    full = tier == "full"
    seeds = range(30 if full else 10)
    rows = (*_MANY_ROWS, *(_MORE_ROWS if full else ()))
    settings = [
        Setting(along, n, d, m, power, seed)
        for power in (1.0, 2.0)
        for along, n, d, m in (
            *(("rows", n, _FEATURES, _SIZE) for n in rows),
            *(("features", _ROWS, d, _SIZE) for d in _MANY_FEATURES),
            *(("points", _ROWS, _FEATURES, m) for m in _SIZES),
        )
        for seed in seeds
    ]
    return part_of(settings)


def part_of(settings: Sequence[Setting]) -> Part:
    """A part of settings.

    Parameters
    ----------
    settings : sequence of Setting

    Returns
    -------
    Part
    """
    return Part("growth", tuple(one.cell() for one in settings), partial(_show, settings))


_TEXT = (
    "The theorem's size depends neither on rows nor on features. Clusters of very unequal sizes "
    f"with outliers, k = {_K}; largest relative error of the cost over nine sets of centres (three "
    "of rows, six that a search would start from), geometric means over seeds, with bands of one "
    "standard error of these. What is varied is below, the rest stays at "
    f"{_ROWS:,} rows, {_FEATURES} features and {_SIZE:,} points."
)


def _show(settings: Sequence[Setting], results: Sequence[Result]) -> Shown:
    found: dict[tuple[str, float], dict[int, list[Result]]] = {}
    for one, result in zip(settings, results, strict=True):
        by_place = found.setdefault((one.along, one.power), {})
        by_place.setdefault(one.at, []).append(result)
    claims = [_constants()]
    for (along, power), by_place in found.items():
        claims += _claims(along, power, by_place)

    def draw() -> list[Section]:
        pictures = [
            _figure(along, {power: of for (a, power), of in found.items() if a == along})
            for along in dict.fromkeys(along for along, _ in found)
        ]
        return [Section("Rows, features and points", [Text(_TEXT), *pictures])]

    return Shown(tuple(claims), (), draw)


def _constants() -> Claim:
    size = log10_first_stage(_K, 2.0, 0.1, 0.1)
    return Claim(
        "With its constants the first sample has more than 10^70 points (k = 10, z = 2, eps = .1): "
        "it says that a size is enough, not which; ours (log10) is by its formula",
        "log10 of N1, by its formula",
        size,
        size,
        size,
        "holds" if size > 70 else "does not hold",
    )


def _claims(along: str, power: float, by_place: dict[int, list[Result]]) -> list[Claim]:
    claims = []
    for name in BUILDERS:
        found = _slope(by_place, name, "largest")
        if along == "points":
            limit = proved_exponent(power)
            said = f"falls with the points m at least as fast as m^{limit:.2f}"
            paper = f"m^{limit:.2f}" if name == BUILDERS[0] else NONE
        else:
            limit = _NO_GROWTH
            said = f"does not grow with {along} (exponent at most {limit:g})"
            paper = "0" if name == BUILDERS[0] else NONE
        text = f"{name}, z = {power:g}: the largest error {said}"
        claims.append(judged(text, paper, found, shown_at_most(found, limit)))
        if along == "rows":
            found = _slope(by_place, name, "seconds")
            text = f"{name}, z = {power:g}: building takes time linear in rows (exponent)"
            paper = "near linear" if name == BUILDERS[0] else NONE
            claims.append(judged(text, paper, found, shown_at_most(found, _LINEAR)))
    return claims


def _slope(by_place: dict[int, list[Result]], name: str, figure: str) -> Estimate:
    x = np.log([place for place, of in by_place.items() for _ in of])
    y = np.log([one[name][figure] for of in by_place.values() for one in of])
    return slope(x, y)


def _figure(along: str, by_power: dict[float, dict[int, list[Result]]]) -> Figure:
    panels: dict[str, list[Line]] = {}
    for power, by_place in by_power.items():
        places = sorted(by_place)
        drawn = panels.setdefault(f"largest error, z = {power:g}", [])
        for name in BUILDERS:
            logs = [np.log([one[name]["largest"] for one in by_place[at]]) for at in places]
            mean = np.array([of.mean() for of in logs])
            error = np.array([of.std(ddof=1) / np.sqrt(len(of)) for of in logs])
            drawn.append(
                Line(
                    np.log10(places),
                    np.exp(mean),
                    name,
                    np.exp(mean - error),
                    np.exp(mean + error),
                )
            )
    return lines(panels, x_label=f"log10 of {along}", log=tuple(panels))
