"""Label and group fixed together, beside each for itself as in the paper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from equipoise.audit import Estimate
from equipoise.repair.law import Expectation, RowsOfPrior
from equipoise.report import Column, Section, Table, Text
from equipoise.reproduce.claim import Claim, Tier
from equipoise.reproduce.judge import judged, over_seeds, shown_at_least, shown_below
from equipoise.reproduce.part import Cell, Part, Result, Shown
from equipoise.reproduce.repair.coded import READERS, Coded, available, simulated
from equipoise.reproduce.repair.fitted import (
    Choice,
    cells,
    divergence,
    group_and_label,
    statistical_rate,
)
from equipoise.reproduce.repair.published import BOUND, NONE

Array = NDArray[np.float64]

_ROWS, _SIZES = 5000, (2, 3, 3, 7)
_EXACT = 1e-9
_PRIORS: tuple[tuple[RowsOfPrior, Expectation], ...] = (
    ("weighted", "weighted"),
    ("weighted", "balanced"),
    ("data", "balanced"),
)
_CHOICES = tuple(
    Choice(share, expectation, prior) for prior, expectation in _PRIORS for share in (0.1, 0.5, 0.9)
)


@dataclass(frozen=True)
class Setting:
    """One law, by first moments and with label and group together.

    Attributes
    ----------
    table : {"simulated", "COMPAS", "Adult"}
    choice : Choice
    seed : int
        Of a simulated table.
    folder : Path or None
    """

    table: str
    choice: Choice
    seed: int = 0
    folder: Path | None = None

    def cell(self) -> Cell:
        """Both laws."""
        decides = {
            "simulated": [_ROWS, _SIZES],
            "table": self.table,
            "seed": self.seed,
            **self.choice.decides,
        }
        title = f"label and group, {self.table}, {self.choice.name}, seed {self.seed}"
        return Cell(title, decides, self.run, 0.3)

    def run(self) -> Result:
        """Fit both, and look at the joint law of label and group."""
        coded = self._coded()
        positive = coded.label.mean()
        wanted = np.outer([0.5, 0.5], [1 - positive, positive])
        raw = coded.shares
        found: Result = {}
        for name, exact in (("first", False), ("block", True)):
            law = replace(self.choice, exact=exact).fit(coded)
            joint = group_and_label(law)
            found[name] = {
                "off": float(np.abs(joint - wanted).max()),
                "rate": statistical_rate(joint),
                "kl": divergence(cells(law, coded), raw),
            }
            if not exact:
                found["bound"] = _bound(joint, self._prior_joint(coded, wanted), self.choice.share)
        return found

    def _coded(self) -> Coded:
        if self.folder is None:
            return simulated(_ROWS, _SIZES, self.seed)
        return READERS[self.table](self.folder, "race" if self.table == "COMPAS" else "sex")

    def _prior_joint(self, coded: Coded, wanted: Array) -> Array:
        of_rows = coded.shares.sum(axis=tuple(range(2, 2 + len(coded.sizes))))
        rows = wanted if self.choice.prior == "weighted" else of_rows
        return np.asarray(self.choice.share / 4 + (1 - self.choice.share) * rows)


def _bound(joint: Array, prior: Array, share: float, tau: float = 1.0) -> float:
    delta = float(np.abs(joint - prior)[:, 1].max())
    return tau - 4 * delta * (1 + tau) / (share + 4 * delta)


def blocks_part(tier: Tier, data_dir: Path | None) -> Part:
    """Simulated tables, and those that there are.

    Returns
    -------
    Part
    """
    seeds = 8 if tier == "quick" else 40
    settings = [Setting("simulated", choice, seed) for choice in _CHOICES for seed in range(seeds)]
    for name in READERS:
        if available(data_dir, name):
            settings += [Setting(name, choice, 0, data_dir) for choice in _CHOICES]
    return part_of(settings)


def part_of(settings: Sequence[Setting]) -> Part:
    """A part of some settings.

    Parameters
    ----------
    settings : sequence of Setting

    Returns
    -------
    Part
    """
    return Part("blocks", tuple(one.cell() for one in settings), partial(_show, settings))


def _show(settings: Sequence[Setting], results: Sequence[Result]) -> Shown:
    found: dict[tuple[str, str], list[Result]] = {}
    for one, result in zip(settings, results, strict=True):
        found.setdefault((one.table, one.choice.name), []).append(result)
    table = _table(found)
    return Shown(
        _claims(settings, results),
        (table,),
        lambda: [Section("Label and group together", [Text(_TEXT), table])],
    )


_TEXT = (
    "Equal groups and labels independent of them are wanted. By first moments, as in the paper, "
    "shares of groups and of labels are kept, and how labels occur in groups is left to the "
    "prior; as one attribute, label and group have the wanted joint law. The miss is of a "
    "probability. KL is from the rows. The bound is that of the theorem, as it is known here: "
    f"{BOUND}."
)


def _claims(settings: Sequence[Setting], results: Sequence[Result]) -> tuple[Claim, ...]:
    off = max(one["block"]["off"] for one in results)
    simulated_ones = [
        (one, result["first"]["rate"])
        for one, result in zip(settings, results, strict=True)
        if one.table == "simulated"
    ]
    weighted, data = (_by_seed(simulated_ones, prior) for prior in ("weighted", "data"))
    slack = min(one["first"]["rate"] - one["bound"] for one in results)
    return (
        Claim(
            f"Label and group as one attribute, {len(results)} laws: the largest miss of their "
            f"joint law is at most {_EXACT:g}",
            NONE,
            off,
            off,
            off,
            "holds" if off <= _EXACT else "does not hold",
        ),
        judged(
            "First moments, rows re-weighted, simulated, mean over C and θ: SR is at least .95",
            NONE,
            weighted,
            shown_at_least(weighted, 0.95),
        ),
        judged(
            "First moments, rows as they are, simulated, mean over C: SR is below .9",
            NONE,
            data,
            shown_below(data, 0.9),
        ),
        Claim(
            f"First moments, {len(results)} laws: SR less the bound of the theorem, at the least, "
            "is not negative",
            BOUND,
            slack,
            slack,
            slack,
            "holds" if slack >= 0 else "does not hold",
        ),
    )


def _by_seed(rates: Sequence[tuple[Setting, float]], prior: str) -> Estimate:
    by_seed: dict[int, list[float]] = {}
    for one, rate in rates:
        if one.choice.prior == prior:
            by_seed.setdefault(one.seed, []).append(rate)
    return over_seeds(np.array([np.mean(each) for each in by_seed.values()]))


def _table(found: dict[tuple[str, str], list[Result]]) -> Table:
    rows = [
        [
            table,
            choice,
            *(
                text
                for name in ("first", "block")
                for text in (
                    f"{max(one[name]['off'] for one in of):.1e}",
                    f"{np.mean([one[name]['rate'] for one in of]):.4f}",
                    f"{np.mean([one[name]['kl'] for one in of]):.4f}",
                )
            ),
            f"{np.mean([one['bound'] for one in of]):.3f}",
        ]
        for (table, choice), of in found.items()
    ]
    names = [f"{what}, {how}" for how in ("moments", "block") for what in ("miss", "SR", "KL")]
    return Table(
        [Column("table"), Column("law"), *(Column(name, "right") for name in (*names, "bound"))],
        rows,
        "First moments and the joint law of label and group",
    )
