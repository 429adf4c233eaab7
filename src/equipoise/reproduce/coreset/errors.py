"""Errors of plain costs against size, for every way of making a summary, on tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
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
from equipoise.reproduce.fair_coreset.tables import READERS, available, simulated
from equipoise.reproduce.part import Cell, Part, Result, Shown

_SIMULATED_ROWS = 50_000
_SAMPLE = 20_000


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
        version = "scaled" if self.scaled else "raw"
        kind = "k-median" if self.power == 1 else "k-means"
        return f"{self.table}, {version}, {kind}, k = {self.k}"

    def cells(self) -> list[Cell]:
        """One a seed, each with centres of its own."""
        decides = {name: value for name, value in vars(self).items() if name != "folder"}
        return [
            Cell(
                f"errors, {self.name}, seed {seed}",
                {**decides, "seeds": None, "seed": seed},
                partial(self.run, seed),
                5.0,
            )
            for seed in range(self.seeds)
        ]

    def run(self, seed: int) -> Result:
        """Largest error of each builder at each size, by family of centres."""
        if self.table == "simulated":
            people = simulated(_SIMULATED_ROWS, 10)
        else:
            assert self.folder is not None
            people = READERS[self.table](self.folder)
        points = people.scaled().points if self.scaled else people.points
        random = np.random.default_rng([seed, self.k])
        some = points[random.choice(len(points), min(_SAMPLE, len(points)), replace=False)]
        families = centre_families(some, self.k, power=self.power, n_sets=self.sets, seed=seed)
        rows = Coreset.from_block(points, power=self.power)
        found = []
        for name, builder in self._builders():
            coreset = rows.reduce(builder, seed)
            errors = observed_distortion(points, coreset, families).errors
            worst = {family: float(np.abs(of).max()) for family, of in errors.items()}
            found.append({"builder": name, "size": len(coreset), "worst": worst})
        return {"rows": len(points), "found": found}

    def _builders(self) -> list[tuple[str, Builder]]:
        k = self.k
        found: list[tuple[str, Builder]] = []
        for size in self.sizes:
            found += [
                ("two stages", TwoStage(k, size)),
                ("stratified", Stratified(k, size)),
                ("uniform", Uniform(size)),
                ("lightweight", Lightweight(size)),
                ("snap", Snap(size)),
            ]
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
            20 if full else 3,
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
    cells = [(setting, cell) for setting in settings for cell in setting.cells()]

    def tell(results: Sequence[Result]) -> Shown:
        by_setting: dict[str, list[Result]] = {}
        for (setting, _), result in zip(cells, results, strict=True):
            by_setting.setdefault(setting.name, []).append(result)
        return show(by_setting)

    return Part("errors", tuple(cell for _, cell in cells), tell)
