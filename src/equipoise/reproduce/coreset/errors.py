"""Errors of plain costs against size, for every way of making a summary, on tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from equipoise.coresets import (
    Builder,
    Coreset,
    Lightweight,
    LinesAsCoded,
    Snap,
    Stratified,
    TwoStage,
    Uniform,
    centre_families,
    observed_distortion,
)
from equipoise.reproduce.claim import Tier
from equipoise.reproduce.coreset.errors_show import show
from equipoise.reproduce.fair_coreset.tables import available, people_in, setting_name
from equipoise.reproduce.part import Cell, Part, Result, Shown

_SIMULATED_ROWS = 50_000
_SAMPLE = 20_000
# Beyond so many cells, finding them takes seconds, and is as good as its size says.
_CELLS = 1_000


@dataclass(frozen=True)
class Setting:
    """A table, a cost, and sizes.

    Attributes
    ----------
    table : str
        A name of the tables of the other paper, or "simulated".
    folder : Path or None
    scaled : bool
        Whether columns are divided by their largest absolute value.
    power : float
        z.
    k : int
    sizes : tuple of int
    eps : tuple of float
        What lines are asked for, whose sizes follow from it.
    sets : int
        Of each family of centres.
    seeds : int
    """

    table: str
    folder: Path | None
    scaled: bool
    power: float
    k: int
    sizes: tuple[int, ...]
    eps: tuple[float, ...]
    sets: int
    seeds: int

    @property
    def name(self) -> str:
        """What it is called in claims."""
        return setting_name(self.table, self.scaled, self.power, self.k)

    def cell(self) -> Cell:
        """All seeds, at the same centres."""
        decides = {name: value for name, value in vars(self).items() if name != "folder"}
        return Cell(f"errors, {self.name}", decides, self.run, 3.0 * self.seeds)

    def run(self) -> Result:
        """Largest error of each builder at each size by family of centres, for each seed."""
        people = people_in(self.table, self.folder, _SIMULATED_ROWS, 10)
        points = people.scaled().points if self.scaled else people.points
        random = np.random.default_rng(self.k)
        some = points[random.choice(len(points), min(_SAMPLE, len(points)), replace=False)]
        families = centre_families(some, self.k, power=self.power, n_sets=self.sets)
        rows = Coreset.from_block(points, power=self.power)
        by_seed = []
        for seed in range(self.seeds):
            found = []
            for name, builder in self._builders():
                coreset = rows.reduce(builder, seed)
                errors = observed_distortion(points, coreset, families).errors
                worst = {family: float(np.abs(of).max()) for family, of in errors.items()}
                found.append({"builder": name, "size": len(coreset), "worst": worst})
            by_seed.append({"rows": len(points), "found": found})
        return {"by_seed": by_seed}

    def _builders(self) -> list[tuple[str, Builder]]:
        k = self.k
        found: list[tuple[str, Builder]] = []
        for size in self.sizes:
            found += [
                ("two stages", TwoStage(k, size)),
                ("stratified", Stratified(k, size)),
                ("uniform", Uniform(size)),
                ("lightweight", Lightweight(size)),
            ]
            if size <= _CELLS:
                found.append(("snap", Snap(size)))
        return found + [("lines", LinesAsCoded(k, eps)) for eps in self.eps]


def errors_part(tier: Tier, data_dir: Path | None) -> Part:
    """Every table that there is, raw and scaled, both costs.

    Returns
    -------
    Part
    """
    full = tier == "full"
    tables = available(data_dir)
    sizes = (200, 500, 1_000, 2_000, 5_000) if full else (200, 600, 2_000)
    settings = [
        Setting(
            table,
            data_dir,
            scaled,
            power,
            k,
            sizes,
            (0.2, 0.3, 0.5) if full else (0.3,),
            15 if full else 4,
            20 if full else 5,
        )
        for table in tables or ("simulated",)
        for scaled in (False, True)
        for power in (1.0, 2.0)
        for k in ((3, 5, 10) if full or not tables or (table == "Bank" and scaled) else (5,))
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

    def tell(results: Sequence[Result]) -> Shown:
        return show(
            {
                setting.name: result["by_seed"]
                for setting, result in zip(settings, results, strict=True)
            }
        )

    return Part("errors", tuple(one.cell() for one in settings), tell)
