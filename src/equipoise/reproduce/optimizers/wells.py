"""Two basins, one of them fair: where chains end that begin in the other."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from equipoise.audit import Estimate, share_interval
from equipoise.optim.dynamics import DoubleWell, run_chains
from equipoise.optim.stacked import SGD, RMSProp
from equipoise.report import Column, Figure, Interval, Section, Table, Text, intervals
from equipoise.reproduce.claim import Claim, Tier
from equipoise.reproduce.judge import judged, shown_above
from equipoise.reproduce.optimizers.conditional import only_so
from equipoise.reproduce.optimizers.published import NONE
from equipoise.reproduce.part import Cell, Part, Result, Shown

_RARE = (0.03, 0.05, 0.1)
_HEADLINE = 0.05
_RATE = 0.1
_CHAINS, _STEPS = 4000, 4000
_STARTS = ("unfair basin", "anywhere")
_VARIANTS = ("SGD", "RMSProp", "SGD, step of RMSProp", "RMSProp, step of SGD")


@dataclass(frozen=True)
class _Setting:
    p1: float
    start: str
    variant: str

    @property
    def rate(self) -> float:
        # The deviation of one row's gradient, which RMSProp divides by.
        deviation = math.sqrt(self.p1 * (1 - self.p1)) * 0.31
        if self.variant == "SGD, step of RMSProp":
            return _RATE / deviation
        return _RATE * deviation if self.variant == "RMSProp, step of SGD" else _RATE

    def cell(self) -> Cell:
        decides = {"chains": _CHAINS, "steps": _STEPS, "rate": self.rate, **vars(self)}
        return Cell(f"{self.variant} from the {self.start}", decides, self.run, 1.0)

    def run(self) -> Result:
        if self.start == "anywhere":
            draw = torch.Generator().manual_seed(1)
            start = torch.rand(_CHAINS, generator=draw)
        else:
            start = torch.ones(_CHAINS)
        rule = SGD() if self.variant.startswith("SGD") else RMSProp(0.99)
        ends = run_chains(DoubleWell(1 - self.p1), rule, self.rate, start, _STEPS)
        return {"fair": int((ends < 0.5).sum())}


def wells_part(_: Tier, __: Path | None) -> Part:
    """The double well; both tiers are the same.

    Returns
    -------
    Part
    """
    settings = [_Setting(p1, s, v) for p1 in _RARE for s in _STARTS for v in _VARIANTS]
    return Part("wells", tuple(one.cell() for one in settings), partial(_show, settings))


def _show(settings: Sequence[_Setting], results: Sequence[Result]) -> Shown:
    found = {one: _share(result["fair"]) for one, result in zip(settings, results, strict=True)}
    table = _table(found)
    return Shown(
        _claims(found),
        (table,),
        lambda: [Section("A fair basin and an unfair one", [Text(_TEXT), _figure(found), table])],
    )


_TEXT = (
    "A loss with two basins: the larger group gains a little in the unfair one, the smaller group "
    "loses much there. One row a step, 4,000 chains, 4,000 steps. RMSProp divides by the deviation "
    "of one row's gradient; SGD at a rate larger by just that takes steps of the same size."
)


def _share(fair: int) -> Estimate:
    low, high = share_interval(fair, _CHAINS, 0.95, "wilson")
    return Estimate(fair / _CHAINS, float(low), float(high))


def _claims(found: Mapping[_Setting, Estimate]) -> tuple[Claim, ...]:
    of = {v: found[_Setting(_HEADLINE, "unfair basin", v)] for v in _VARIANTS}
    rare = {v: found[_Setting(min(_RARE), "unfair basin", v)] for v in _VARIANTS}
    where = f"from the unfair basin, share of the rare group {_HEADLINE:g}"
    return (
        only_so(
            f"At one learning rate ({_RATE:g}) RMSProp ends in the fair basin and SGD does not, "
            f"{where}: difference of the shares of chains",
            "> 0",
            _difference(of["RMSProp"], of["SGD"]),
            0,
        ),
        judged(
            f"And with steps of one size, {where}: the same difference",
            NONE,
            _difference(of["RMSProp"], of["SGD, step of RMSProp"]),
            shown_above(_difference(of["RMSProp"], of["SGD, step of RMSProp"]), 0),
        ),
        judged(
            f"And with steps of one size, share of the rare group {min(_RARE):g}",
            NONE,
            _difference(rare["RMSProp"], rare["SGD, step of RMSProp"]),
            shown_above(_difference(rare["RMSProp"], rare["SGD, step of RMSProp"]), 0),
        ),
    )


def _difference(ours: Estimate, theirs: Estimate) -> Estimate:
    """Newcombe's interval of the difference of two shares, from Wilson's of each."""
    value = ours.value - theirs.value
    below = math.hypot(ours.value - ours.low, theirs.high - theirs.value)
    above = math.hypot(ours.high - ours.value, theirs.value - theirs.low)
    return Estimate(value, value - below, value + above)


def _table(found: Mapping[_Setting, Estimate]) -> Table:
    rows = [
        [
            f"{p1:g}",
            start,
            *(f"{found[_Setting(p1, start, variant)].value:.3f}" for variant in _VARIANTS),
        ]
        for p1 in _RARE
        for start in _STARTS
    ]
    columns = [Column("rare group"), Column("start"), *(Column(v, "right") for v in _VARIANTS)]
    return Table(columns, rows, f"Share of chains that end in the fair basin, rate {_RATE:g}")


def _figure(found: Mapping[_Setting, Estimate]) -> Figure:
    rows = {
        variant: [
            Interval(f"{p1:g}, {start}", *found[_Setting(p1, start, variant)])
            for p1 in _RARE
            for start in _STARTS
        ]
        for variant in _VARIANTS
    }
    return intervals(
        rows,
        x_label="share of chains that end in the fair basin",
        percent=True,
        caption="Rows: share of the rare group, and where chains begin. Intervals are Wilson's.",
    )
