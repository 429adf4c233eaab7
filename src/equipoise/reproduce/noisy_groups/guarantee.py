"""What the program guarantees: the rate in the population, as samples grow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from equipoise.constraints import ratio
from equipoise.learn.noisy import Asked, Cells, solve_by_cell
from equipoise.report import Column, Section, Table, Text
from equipoise.reproduce.claim import Tier
from equipoise.reproduce.judge import judged, over_seeds, share, shown_at_least
from equipoise.reproduce.noisy_groups.people import drawn, judge, population
from equipoise.reproduce.noisy_groups.published import FLIPS, SLACK, THEOREM
from equipoise.reproduce.noisy_groups.ways import FLOOR
from equipoise.reproduce.part import Cell, Part, Result, Shown

_SIZES = (5_000, 50_000, 500_000)
_METRICS = {"selection": "SR", "false_positive": "FPR"}
_TAU = 0.9
_OFTEN = 0.9


@dataclass(frozen=True)
class Setting:
    """Some samples of one size.

    Attributes
    ----------
    n : int
    metric : {"selection", "false_positive"}
    samples : int
    """

    n: int
    metric: str
    samples: int

    def cell(self) -> Cell:
        """The samples."""
        decides = {"n": self.n, "metric": self.metric, "samples": self.samples, "tau": _TAU}
        title = f"guarantee, {_METRICS[self.metric]}, {self.n:,} rows"
        return Cell(title, decides, self.run, self.samples * (0.01 + self.n * 2e-7))

    def run(self) -> Result:
        """Solve the program over cells as published, with its slack, and judge the population."""
        mass = population()[1]
        asked = Asked((ratio(self.metric) >= _TAU,), FLOOR, SLACK)
        found = []
        for seed in range(self.samples):
            random = np.random.default_rng([seed, self.n])
            people = drawn(self.n, random)
            group = people.group
            flipped = random.random(self.n) < FLIPS.p_flip[group, 1 - group]
            signed = FLIPS.inverse[np.where(flipped, 1 - group, group)]
            cells = Cells.of(people.cell, people.label, signed, len(mass))
            rule = np.repeat(solve_by_cell(cells, asked).chance[:, None], 2, axis=1)
            found.append(judge(rule, mass, FLIPS.p_flip, self.metric)[1])
        return {"ratios": found}


def guarantee_part(tier: Tier, _: Path | None) -> Part:
    """Three sizes, and both rates.

    Returns
    -------
    Part
    """
    samples = 50 if tier == "quick" else 400
    return part_of([Setting(n, metric, samples) for metric in _METRICS for n in _SIZES])


def part_of(settings: Sequence[Setting]) -> Part:
    """A part of some settings.

    Parameters
    ----------
    settings : sequence of Setting

    Returns
    -------
    Part
    """
    return Part("guarantee", tuple(one.cell() for one in settings), partial(_show, settings))


_TEXT = (
    "The program over cells as published, with slack δ, on samples of a population of 72 cells "
    "that is known. The theorem speaks of rows enough, and its constants are not known here; how "
    "many are enough is what is measured."
)


def _show(settings: Sequence[Setting], results: Sequence[Result]) -> Shown:
    limit = _TAU - 3 * SLACK
    claims, rows = [], []
    for one, result in zip(settings, results, strict=True):
        ratios = np.array(result["ratios"])
        kept, mean = share(ratios >= limit), over_seeds(ratios)
        claims.append(
            judged(
                f"population, {_METRICS[one.metric]}, {one.n:,} rows: the true ratio is at least "
                f"τ - 3δ = {limit:g} in at least {_OFTEN:.0%} of samples",
                f"{THEOREM}, with rows enough",
                kept,
                shown_at_least(kept, _OFTEN),
            )
        )
        rows.append(
            [
                _METRICS[one.metric],
                f"{one.n:,}",
                f"{mean.value:.4f} ± {mean.high - mean.value:.4f}",
                f"{ratios.min():.4f}",
                f"{kept.value:.2f}",
            ]
        )
    names = ("rows", "mean ratio", "least", f"share of samples at least {limit:g}")
    table = Table(
        [Column("rate"), *(Column(name, "right") for name in names)],
        rows,
        f"The ratio in the population, τ = {_TAU:g}, δ = {SLACK:g}",
    )
    return Shown(tuple(claims), (table,), lambda: [Section("Guarantee", [Text(_TEXT), table])])
