"""What the paper proves of its construction: errors, sizes, and that masses are exact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from equipoise.audit import Estimate
from equipoise.coresets import Coreset, Lines
from equipoise.report import Column, Figure, Line, Section, Table, Text, lines
from equipoise.reproduce.claim import Claim, Tier
from equipoise.reproduce.fair_coreset.queries import fair_cost, make_queries
from equipoise.reproduce.fair_coreset.tables import People, people_of, simulated
from equipoise.reproduce.judge import judged, over_seeds, shown_at_most
from equipoise.reproduce.part import Cell, Part, Result, Shown
from equipoise.reproduce.slope import slope

_K = 3
_EPS = (0.1, 0.2, 0.4, 0.8)
_ROWS = (32_000, 128_000, 512_000)
_FEW = 20_000
_AT = 0.8
_FLAT = 0.1
_PROPORTION = 1.05
# Sizes grow as eps to the power of -d for k-median, and of -d - 1 for k-means.
_STEEPER = {1.0: 0, 2.0: 1}


@dataclass(frozen=True)
class Setting:
    """A table on a line or a plane.

    Attributes
    ----------
    along : {"eps", "rows", "collections"}
        What is varied.
    rows, features, collections : int
    eps, power : float
    seed : int
    """

    along: str
    rows: int
    features: int
    collections: int
    eps: float
    power: float
    seed: int

    @property
    def at(self) -> float:
        """What is varied."""
        return {"eps": self.eps, "rows": self.rows, "collections": self.collections}[self.along]

    def cell(self) -> Cell:
        """One summary and its errors."""
        title = f"theory, d = {self.features}, {self.along} {self.at:g}, z = {self.power:g}"
        return Cell(f"{title}, seed {self.seed}", dict(vars(self)), self.run, self.rows / 1e5)

    def run(self) -> Result:
        """Size, and the largest error over random queries where rows are few."""
        drawn = simulated(self.rows, self.features, 6, self.seed)
        random = np.random.default_rng([self.seed, self.collections])
        people = people_of(drawn.points, [random.integers(0, self.collections, self.rows)])
        whole = Coreset.from_block(people.points, collections=people.collections, power=self.power)
        coreset = whole.reduce(Lines(_K, self.eps), self.seed)
        wanted, found = (np.array(list(one.masses.values())) for one in (whole, coreset))
        result: Result = {
            "size": len(coreset),
            "masses": float(np.abs(found / wanted - 1).max()),
            "error": None,
        }
        if self.rows <= _FEW:
            result["error"] = self._error(people, whole, coreset)
        return result

    def _error(self, people: People, whole: Coreset, coreset: Coreset) -> float:
        queries = make_queries(people, _K, self.power, (10, 5, 5), self.seed)
        exact, found = (
            np.array([fair_cost(one, people.members, query) for query in queries])
            for one in (whole, coreset)
        )
        return float(np.abs(found / exact - 1).max())


def theory_part(tier: Tier, _: Path | None) -> Part:
    """Simulated clusters on a line and in a plane.

    Returns
    -------
    Part
    """
    seeds = range(3 if tier == "quick" else 20)
    settings = [
        Setting(along, n, d, collections, eps, power, seed)
        for power in (1.0, 2.0)
        for d in (1, 2)
        for along, n, collections, eps in (
            *(("eps", _FEW, 2, eps) for eps in _EPS),
            *(("rows", n, 2, _AT) for n in _ROWS),
            *(("collections", _ROWS[1], collections, _AT) for collections in (1, 2, 4, 8)),
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
    return Part("theory", tuple(one.cell() for one in settings), partial(_show, settings))


_TEXT = (
    "The construction of the paper's theory, with the constants of its proof: points go to the "
    "nearest of a net of lines through approximate centres, and each collection is cut into "
    "batches on each line. Errors are the largest over twenty fair costs, random, near optimal and "
    "adversarial. Sizes are for points on a line and in a plane; in six dimensions the net would "
    "have more lines than there are points."
)
_Found = dict[tuple[str, int, float], dict[float, list[Result]]]


def _show(settings: Sequence[Setting], results: Sequence[Result]) -> Shown:
    found: _Found = {}
    for one, result in zip(settings, results, strict=True):
        by_place = found.setdefault((one.along, one.features, one.power), {})
        by_place.setdefault(one.at, []).append(result)
    claims = [_masses(results)]
    for (along, d, power), by_place in found.items():
        claims += _claims(along, d, power, by_place)
    table = _table(found)

    def draw() -> list[Section]:
        pictures = [_figure(along, found) for along in dict.fromkeys(key[0] for key in found)]
        return [Section("The construction of the theory", [Text(_TEXT), *pictures, table])]

    return Shown(tuple(claims), (table,), draw)


def _masses(results: Sequence[Result]) -> Claim:
    off = max(float(one["masses"]) for one in results)
    return Claim(
        "The weight of every collection is that of its rows, so that masses are feasible on the "
        "summary exactly when they are on the rows (largest relative difference)",
        "0",
        off,
        off,
        off,
        "holds" if off < 1e-9 else "does not hold",
    )


def _claims(along: str, d: int, power: float, by_place: dict[float, list[Result]]) -> list[Claim]:
    name = f"d = {d}, {'k-median' if power == 1 else 'k-means'}"
    grows = _slope(by_place)
    if along == "eps":
        shares = np.array([one["error"] / eps for eps, of in by_place.items() for one in of])
        kept = over_seeds(shares.reshape(len(by_place), -1).max(axis=0))
        proved = d + _STEEPER[power]
        return [
            judged(
                f"{name}: fair costs err by no more than eps (largest share of eps)",
                "1 at most",
                kept,
                shown_at_most(kept, 1.0),
            ),
            judged(
                f"{name}: the size grows with 1 / eps no faster than proved (exponent)",
                f"{proved}",
                grows,
                shown_at_most(grows, proved),
            ),
        ]
    if along == "rows":
        return [
            judged(
                f"{name}: the size does not grow with rows (exponent at most {_FLAT:g})",
                "0",
                grows,
                shown_at_most(grows, _FLAT),
            )
        ]
    return [
        judged(
            f"{name}: the size grows with the collections about in proportion (exponent at most "
            f"{_PROPORTION:g})",
            "1",
            grows,
            shown_at_most(grows, _PROPORTION),
        )
    ]


def _slope(by_place: dict[float, list[Result]]) -> Estimate:
    places = np.log([place for place, of in by_place.items() for _ in of])
    sizes = np.log([one["size"] for of in by_place.values() for one in of])
    # What is asked of eps is how sizes grow as it falls.
    sign = -1.0 if max(by_place) <= 1 else 1.0
    return slope(sign * places, sizes)


def _table(found: _Found) -> Table:
    columns = [Column("varied"), *(Column(name, "right") for name in ("d", "z", "at", "size"))]
    columns.append(Column("largest error", "right"))
    rows = []
    for (along, d, power), by_place in found.items():
        for at, of in by_place.items():
            errors = [one["error"] for one in of if one["error"] is not None]
            rows.append(
                [
                    along,
                    f"{d}",
                    f"{power:g}",
                    f"{at:,g}",
                    f"{np.mean([one['size'] for one in of]):,.0f}",
                    f"{max(errors):.2g}" if errors else "–",
                ]
            )
    return Table(columns, rows, caption="Sizes and errors, means and largest over seeds")


def _figure(along: str, found: _Found) -> Figure:
    drawn = []
    for (a, d, power), by_place in found.items():
        if a == along:
            places = sorted(by_place)
            sizes = [np.mean([one["size"] for one in by_place[at]]) for at in places]
            drawn.append(Line(np.log10(places), sizes, f"d = {d}, z = {power:g}"))
    return lines(
        {"points of the summary": drawn},
        x_label=f"log10 of {along}",
        log=("points of the summary",),
    )
