"""Frontiers of accuracy and rate: what each way makes of promises, over splits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from equipoise.reproduce.claim import Tier
from equipoise.reproduce.noisy_groups.figures_of import Frontier
from equipoise.reproduce.noisy_groups.frontier_show import show
from equipoise.reproduce.noisy_groups.people import People, drawn, judge, population, read
from equipoise.reproduce.noisy_groups.published import FLIPS
from equipoise.reproduce.noisy_groups.ways import COMPARED, Learning, best_accuracy, rules
from equipoise.reproduce.part import Cell, Part, Result, Shown
from equipoise.reproduce.repair.coded import available

TAUS = (0.7, 0.8, 0.9, 0.95)
SIMULATED = "population"

_LEARNT = 0.7
_ROWS = 5000
_TOGETHER = 5
_SOFT_TAU = 0.9
_METRICS = ("selection", "false_positive")


@dataclass(frozen=True)
class Setting:
    """Some splits of a table, or samples of the population.

    Attributes
    ----------
    table : {"COMPAS", "Adult", "population"}
    protected : str
    metric : {"selection", "false_positive"}
    first : int
        Seed of the first split; it and the four after it are run together.
    folder : Path or None
        Of data.
    """

    table: str
    protected: str
    metric: str
    first: int
    folder: Path | None = None

    @property
    def name(self) -> str:
        """What it is called in tables, whatever the splits."""
        rate = "SR" if self.metric == "selection" else "FPR"
        if self.table == SIMULATED:
            return f"{self.table}, {rate}"
        return f"{self.table}, {self.protected}, {rate}"

    def cell(self) -> Cell:
        """The splits."""
        decides = {
            "table": self.table,
            "protected": self.protected,
            "metric": self.metric,
            "splits": [self.first, _TOGETHER],
            "run": [list(TAUS), _SOFT_TAU, _LEARNT, _ROWS],
        }
        seconds = 6.0 if self.table == "Adult" else 4.0
        return Cell(f"{self.name}, splits from {self.first}", decides, self.run, seconds)

    def run(self) -> Result:
        """For each way and split, accuracy and ratio where it learnt and beyond, for each tau."""
        whole = None if self.folder is None else read(self.folder, self.table, self.protected)
        found: dict[str, dict[int, dict[str, list[float | None]]]] = {}
        for seed in range(self.first, self.first + _TOGETHER):
            random = np.random.default_rng([seed, 7])
            people, beyond = self._divided(whole, random)
            learning = Learning.of(people, self.metric, random)
            here = people.mass
            for tau in TAUS:
                # Soft and robust groups take as long as all others together, and are far off.
                some = tau == _SOFT_TAU and seed % _TOGETHER == 0
                for way, rule in rules(learning, tau, with_soft=some).items():
                    figures = [np.nan] * 5
                    if rule is not None:
                        both = [judge(rule, m, FLIPS.p_flip, self.metric) for m in (here, beyond)]
                        figures[:4] = [value for pair in both for value in pair]
                    if way in COMPARED and np.isfinite(figures[1]):
                        figures[4] = best_accuracy(learning, figures[1])
                    found.setdefault(way, {}).setdefault(seed, {})[f"{tau:g}"] = [
                        value if np.isfinite(value) else None for value in figures
                    ]
        return {"ways": found}

    def _divided(
        self, whole: People | None, random: np.random.Generator
    ) -> tuple[People, np.ndarray[tuple[int, ...], np.dtype[np.float64]]]:
        if whole is None:
            return drawn(_ROWS, random), population()[1]
        order = random.permutation(len(whole))
        learnt = int(_LEARNT * len(whole))
        return whole.take(order[:learnt]), whole.take(order[learnt:]).mass


def frontier_part(tier: Tier, data_dir: Path | None) -> Part:
    """The population, and the tables that there are.

    Returns
    -------
    Part
    """
    splits = 50 if tier == "quick" else 200
    has = {name: available(data_dir, name) for name in ("COMPAS", "Adult")}
    kinds: list[tuple[str, str, Path | None]] = [(SIMULATED, "", None)]
    for name, there in has.items():
        if there:
            kinds += [(name, protected, data_dir) for protected in ("race", "sex")]
    notes = tuple(
        f"{name} is not in the folder of data (--data-dir): nothing is learnt from it."
        for name, there in has.items()
        if not there
    )
    return part_of(
        [
            Setting(table, protected, metric, first, folder)
            for table, protected, folder in kinds
            for metric in _METRICS
            for first in range(0, splits, _TOGETHER)
        ],
        notes,
    )


def part_of(settings: Sequence[Setting], notes: tuple[str, ...] = ()) -> Part:
    """A part of some settings.

    Parameters
    ----------
    settings : sequence of Setting
    notes : tuple of str

    Returns
    -------
    Part
    """
    return Part("frontier", tuple(one.cell() for one in settings), partial(_show, settings), notes)


def _show(settings: Sequence[Setting], results: Sequence[Result]) -> Shown:
    gathered: dict[str, list[tuple[Setting, Result]]] = {}
    for one, result in zip(settings, results, strict=True):
        gathered.setdefault(one.name, []).append((one, result))
    return show(
        [
            Frontier.of(of[0][0].table, of[0][0].protected, name, TAUS, [r for _, r in of])
            for name, of in gathered.items()
        ]
    )
