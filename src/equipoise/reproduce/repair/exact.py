"""Laws on COMPAS and Adult beside those found by summing over all cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from equipoise.repair.law import Expectation
from equipoise.report import Column, Section, Table, Text
from equipoise.reproduce.claim import Claim, Tier
from equipoise.reproduce.part import Cell, Part, Result, Shown
from equipoise.reproduce.repair.coded import READERS, available
from equipoise.reproduce.repair.fitted import (
    Choice,
    cells,
    divergence,
    group_and_label,
    representation_rate,
    statistical_rate,
)
from equipoise.reproduce.repair.published import EXACT, NONE, RAW, Exact

_DIGITS = 0.5e-4
_FIGURES = ("SR", "RR", "KL", "total variation")
_LETTERS: dict[str, Expectation] = {"w": "weighted", "b": "balanced", "d": "data"}


@dataclass(frozen=True)
class Setting:
    """One law.

    Attributes
    ----------
    row : Exact
    folder : Path
    """

    row: Exact
    folder: Path

    @property
    def choice(self) -> Choice:
        """What law it is."""
        return Choice(self.row.share, _LETTERS[self.row.expectation], tau=self.row.tau)

    @property
    def name(self) -> str:
        """What it is called in tables."""
        return f"{self.row.table}, {self.row.protected}: {self.choice.name}"

    def cell(self) -> Cell:
        """The law and its figures."""
        decides = {
            "table": self.row.table,
            "protected": self.row.protected,
            **self.choice.decides,
        }
        return Cell(self.name, decides, self.run)

    def run(self) -> Result:
        """Fit, and take it apart."""
        coded = READERS[self.row.table](self.folder, self.row.protected)
        law, raw = self.choice.fit(coded), coded.shares
        probability, joint = cells(law, coded), group_and_label(law)
        of_rows = raw.sum(axis=tuple(range(2, raw.ndim)))
        return {
            "rows": len(coded),
            "raw": [statistical_rate(of_rows), representation_rate(of_rows)],
            "figures": [
                statistical_rate(joint),
                representation_rate(joint),
                divergence(probability, raw),
                float(np.abs(probability - raw).sum() / 2),
            ],
            "steps": len(law.distribution.residuals) - 1,
            "gap": law.distribution.gap,
        }


def exact_part(_: Tier, data_dir: Path | None) -> Part:
    """Every law of the table whose data there are.

    Returns
    -------
    Part
    """
    has = {name: available(data_dir, name) for name in READERS}
    settings = [Setting(row, data_dir) for row in EXACT if data_dir is not None and has[row.table]]
    notes = tuple(
        f"{name} is not in the folder of data (--data-dir): its laws are not compared."
        for name, there in has.items()
        if not there
    )
    return Part("exact", tuple(one.cell() for one in settings), partial(_show, settings), notes)


def _show(settings: Sequence[Setting], results: Sequence[Result]) -> Shown:
    if not settings:
        return Shown((), (), list)
    table = _table(settings, results)
    return Shown(
        (_rows_claim(settings, results), *map(_claim, settings, results)),
        (table,),
        lambda: [Section("Exact laws of COMPAS and Adult", [Text(_TEXT), table])],
    )


_TEXT = (
    "SR is the statistical rate of the positive label, RR the representation rate, KL the "
    "divergence from the rows (1e-7 added to their shares), all of the law and not of rows drawn. "
    "What they are compared with was computed by summing over all cells with another program; "
    "it is not in the paper. The paper's tau, below 1, makes the group called 0 the smaller one."
)


def _claim(one: Setting, result: Result) -> Claim:
    off = float(np.abs(np.subtract(result["figures"], one.row.figures)).max())
    return Claim(
        f"{one.name}: SR, RR, KL and total variation differ from those of all cells by at most "
        f"{_DIGITS:g}",
        NONE,
        off,
        off,
        off,
        "holds" if off <= _DIGITS + 1e-12 else "does not hold",
    )


def _rows_claim(settings: Sequence[Setting], results: Sequence[Result]) -> Claim:
    off = max(
        float(np.abs(np.subtract(result["raw"], RAW[one.row.table, one.row.protected])).max())
        for one, result in zip(settings, results, strict=True)
    )
    return Claim(
        f"SR and RR of the rows themselves differ from those noted by at most {_DIGITS:g}",
        "COMPAS .747, .662",
        off,
        off,
        off,
        "holds" if off <= _DIGITS + 1e-12 else "does not hold",
    )


def _table(settings: Sequence[Setting], results: Sequence[Result]) -> Table:
    rows = [
        [
            one.name,
            *(
                f"{ours:.4f} ({theirs:.4f})"
                for ours, theirs in zip(result["figures"], one.row.figures, strict=True)
            ),
            str(result["steps"]),
            f"{result['gap']:.0e}",
        ]
        for one, result in zip(settings, results, strict=True)
    ]
    names = (*_FIGURES, "Newton steps", "gap")
    return Table(
        [Column("law"), *(Column(name, "right") for name in names)],
        rows,
        "Exact laws; in brackets those of all cells",
    )
