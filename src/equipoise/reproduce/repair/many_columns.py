"""COMPAS of 19 columns: a simulated table of its size, for the time that a fit takes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from equipoise.report import Column, Section, Table, Text
from equipoise.reproduce.claim import Tier
from equipoise.reproduce.judge import judged, over_seeds, shown_below
from equipoise.reproduce.part import Cell, Part, Result, Shown
from equipoise.reproduce.repair.coded import simulated
from equipoise.reproduce.repair.fitted import (
    Choice,
    group_and_label,
    joint_of,
    representation_rate,
    statistical_rate,
)
from equipoise.reproduce.repair.published import (
    MANY_COLUMNS_CELLS,
    MANY_COLUMNS_ROWS,
    MANY_COLUMNS_SECONDS,
)

_SIZES = (2,) * 4 + (3,) * 5 + (5,) * 6 + (24,) * 2
_DRAWN = 10_000
_SECONDS = 1.0


@dataclass(frozen=True)
class Setting:
    """One table.

    Attributes
    ----------
    seed : int
    """

    seed: int

    def cell(self) -> Cell:
        """The paper's law of it."""
        decides = {"rows": MANY_COLUMNS_ROWS, "drawn": _DRAWN, "sizes": _SIZES, "seed": self.seed}
        return Cell(f"19 columns, seed {self.seed}", decides, self.run, 2.0)

    def run(self) -> Result:
        """Fit q^w and θ^b, as the notebook that was timed did, and draw."""
        table = simulated(MANY_COLUMNS_ROWS, _SIZES, self.seed)
        choice = Choice(0.5, "balanced")
        choice.fit(table.take(np.arange(100)))  # compiles
        wall, began = time.perf_counter(), time.process_time()
        law = choice.fit(table)
        fitted = time.process_time()
        codes = law.distribution.sample(_DRAWN, self.seed)
        drawn, wall = time.process_time(), time.perf_counter() - wall
        of_law, of_draws = group_and_label(law), joint_of(codes[:, 0], codes[:, 1])
        return {
            "cells": float(np.prod(np.array(table.shape, float))),
            "fit": fitted - began,
            "all": drawn - began,
            "wall": wall,
            "missed": float(np.abs(law.distribution.expectation - law.wanted).max()),
            "gap": law.distribution.gap,
            "rates": [statistical_rate(of_law), representation_rate(of_law)],
            "drawn": [statistical_rate(of_draws), representation_rate(of_draws)],
        }


def many_columns_part(tier: Tier, _: Path | None) -> Part:
    """Five tables, in the full tier twenty.

    Returns
    -------
    Part
    """
    return part_of([Setting(seed) for seed in range(5 if tier == "quick" else 20)])


def part_of(settings: Sequence[Setting]) -> Part:
    """A part of some settings.

    Parameters
    ----------
    settings : sequence of Setting

    Returns
    -------
    Part
    """
    return Part("many columns", tuple(one.cell() for one in settings), partial(_show, settings))


def _show(settings: Sequence[Setting], results: Sequence[Result]) -> Shown:
    table = _table(settings, results)
    taken = over_seeds(np.array([one["all"] for one in results]))
    claim = judged(
        f"{MANY_COLUMNS_ROWS:,} rows of 19 columns, 1.4e11 cells: seconds of one core for a law "
        f"and {_DRAWN:,} draws, below {_SECONDS:g}",
        f"{MANY_COLUMNS_SECONDS:g} s",
        taken,
        shown_below(taken, _SECONDS),
    )
    return Shown(
        (claim,), (table,), lambda: [Section("COMPAS of 19 columns", [Text(_TEXT), table])]
    )


_TEXT = (
    "The file of charges that this table of the paper is made with is not among the data, so that "
    f"its size is simulated: {MANY_COLUMNS_ROWS:,} rows and {MANY_COLUMNS_CELLS:.1e} cells, "
    f"q^w and θ^b with C = 0.5. The notebook took {MANY_COLUMNS_SECONDS:g} s by the clock for its "
    "law and draws, on another machine. Rates are those of the simulated table, not of COMPAS."
)


def _table(settings: Sequence[Setting], results: Sequence[Result]) -> Table:
    rows = [
        [
            str(setting.seed),
            f"{one['cells']:.1e}",
            f"{one['fit']:.2f}",
            f"{one['all']:.2f}",
            f"{one['wall']:.2f}",
            f"{one['missed']:.0e}",
            f"{one['gap']:.0e}",
            *(f"{rate:.3f}" for rate in (*one["rates"], *one["drawn"])),
        ]
        for setting, one in zip(settings, results, strict=True)
    ]
    names = (
        "seed",
        "cells",
        "fit, s",
        "and draws, s",
        "by the clock, s",
        "miss",
        "gap",
        "SR, law",
        "RR, law",
        "SR, draws",
        "RR, draws",
    )
    columns = [Column(name, "right") for name in names]
    return Table(columns, rows, f"{MANY_COLUMNS_ROWS:,} simulated rows of 19 columns")
