"""Errors of fair costs at equal size: the paper's construction, as its code has it, and others."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from equipoise.coresets import (
    Builder,
    Coreset,
    Lightweight,
    LinesAsCoded,
    SmallCoresetWarning,
    Snap,
    Stratified,
    TwoStage,
    Uniform,
)
from equipoise.reproduce.claim import Tier
from equipoise.reproduce.fair_coreset.errors_show import show
from equipoise.reproduce.fair_coreset.published import EPS, PAIRS
from equipoise.reproduce.fair_coreset.queries import FAMILIES, Query, fair_cost, make_queries
from equipoise.reproduce.fair_coreset.tables import (
    READERS,
    People,
    available,
    people_in,
    setting_name,
)
from equipoise.reproduce.part import Cell, Part, Result, Shown

_SIMULATED_ROWS = 20_000
# Of the rows: a summary of more is none.
_MOST = 0.35


@dataclass(frozen=True)
class Setting:
    """A table, a cost, and the sizes at which builders are compared.

    Attributes
    ----------
    table : str
        A name of the paper's tables, or "simulated".
    folder : Path or None
    scaled : bool
        Whether columns are divided by their largest absolute value.
    power : float
        z.
    k : int
    eps : tuple of float
        What the paper's construction is asked for; its sizes are the sizes of all.
    counts : tuple of int
        How many queries of each family.
    seeds : int
    """

    table: str
    folder: Path | None
    scaled: bool
    power: float
    k: int
    eps: tuple[float, ...]
    counts: tuple[int, ...]
    seeds: int

    @property
    def name(self) -> str:
        """What it is called in claims."""
        return setting_name(self.table, self.scaled, self.power, self.k)

    def people(self) -> People:
        """The rows."""
        found = people_in(self.table, self.folder, _SIMULATED_ROWS)
        return found.scaled() if self.scaled else found

    def cell(self) -> Cell:
        """All seeds, whose exact costs are the same."""
        decides = {name: value for name, value in vars(self).items() if name != "folder"}
        return Cell(f"errors, {self.name}", decides, self.run, 5.0 * self.seeds)

    def run(self) -> Result:
        """Largest and mean errors of each builder at each size, for each seed."""
        people = self.people()
        rows = Coreset.from_block(people.points, collections=people.collections, power=self.power)
        queries = make_queries(people, self.k, self.power, self.counts, 0)
        began = time.process_time()
        exact = [fair_cost(rows, people.members, query) for query in queries]
        seconds = (time.process_time() - began) / len(queries)
        by_seed = []
        for seed in range(self.seeds):
            found = []
            for eps in self.eps:
                lines = _built(LinesAsCoded(self.k, eps), rows, people, queries, exact, seed)
                found.append({**lines, "builder": "lines", "eps": eps})
                size = int(lines["size"])
                if size > _MOST * len(rows):
                    continue
                for name, builder in self._others(size).items():
                    one = _built(builder, rows, people, queries, exact, seed)
                    found.append({**one, "builder": name, "eps": eps})
            by_seed.append({"rows": len(rows), "seconds": seconds, "found": found})
        return {"by_seed": by_seed}

    def _others(self, size: int) -> dict[str, Builder]:
        return {
            "uniform": Uniform(size),
            "stratified": Stratified(self.k, size),
            "two stages": TwoStage(self.k, size),
            "lightweight": Lightweight(size),
            "snap": Snap(size),
        }


def _built(
    builder: Builder,
    rows: Coreset,
    people: People,
    queries: Sequence[Query],
    exact: Sequence[float],
    seed: int,
) -> Result:
    began = time.process_time()
    with warnings.catch_warnings():
        # Of few points for each collection, which is what is measured.
        warnings.simplefilter("ignore", SmallCoresetWarning)
        coreset = rows.reduce(builder, seed)
    built = time.process_time()
    costs = [fair_cost(coreset, people.members, query) for query in queries]
    seconds = (time.process_time() - built) / len(queries)
    off = np.abs(np.array(costs) / np.array(exact) - 1)
    families = np.array([query.family for query in queries])
    return {
        "size": len(coreset),
        "build": built - began,
        "seconds": seconds,
        "largest": {f: float(off[families == f].max()) for f in FAMILIES},
        "mean": {f: float(off[families == f].mean()) for f in FAMILIES},
    }


def errors_part(tier: Tier, data_dir: Path | None) -> Part:
    """Every table that there is, raw and scaled, both costs.

    Returns
    -------
    Part
    """
    full = tier == "full"
    tables = available(data_dir)
    counts = (PAIRS, 50, 50) if full else (12, 4, 4)
    seeds = 20 if full else 5
    settings = [
        Setting(table, data_dir, scaled, power, k, EPS if full else _eps(table), counts, seeds)
        for table in tables or ("simulated",)
        for scaled in (False, True)
        for power in (1.0, 2.0)
        for k in ((3, 5, 10) if full or not tables or (table == "Bank" and scaled) else (3,))
    ]
    return part_of(settings, _notes(tables))


def _eps(table: str) -> tuple[float, ...]:
    # At .1 lines keep half of the larger tables, and take a minute for each.
    return (0.3, 0.5) if table in ("Diabetes", "Athlete") else (0.1, 0.3, 0.5)


def part_of(settings: Sequence[Setting], notes: Sequence[str] = ()) -> Part:
    """A part of settings.

    Parameters
    ----------
    settings : sequence of Setting
    notes : sequence of str

    Returns
    -------
    Part
    """

    def tell(results: Sequence[Result]) -> Shown:
        return show(
            {
                setting.name: result["by_seed"]
                for setting, result in zip(settings, results, strict=True)
            }
        )

    return Part("errors", tuple(one.cell() for one in settings), tell, tuple(notes))


def _notes(tables: Sequence[str]) -> list[str]:
    if not tables:
        return [
            "The paper's tables are not there (--data-dir names their folder): a simulated one "
            "takes their place."
        ]
    missing = [name for name in READERS if name not in tables]
    return [f"Not found, and left out: {', '.join(missing)}."] if missing else []
