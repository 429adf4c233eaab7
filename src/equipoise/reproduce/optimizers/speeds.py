"""How fast a rare group's own coordinate moves: the law of batches and squares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

from equipoise.audit import Estimate
from equipoise.optim.dynamics import OwnCoordinates, run_chains, speed_ratio
from equipoise.optim.stacked import SGD, RMSProp, Rule
from equipoise.report import Column, Figure, Line, Section, Table, Text, lines
from equipoise.reproduce.claim import Claim, Tier
from equipoise.reproduce.judge import judged
from equipoise.reproduce.optimizers.published import NONE
from equipoise.reproduce.part import Cell, Part, Result, Shown

_RARE = (0.02, 0.2)
_BATCHES = (1, 16, 64, 256)
_RULES: dict[str, Rule] = {"SGD": SGD(), "RMSProp": RMSProp(0.9999)}
_CHAINS, _STEPS = 2000, 400
_CLOSE = 0.05


@dataclass(frozen=True)
class _Setting:
    p1: float
    batch: int
    rule: str

    def cell(self) -> Cell:
        decides = {"chains": _CHAINS, "steps": _STEPS, **vars(self)}
        return Cell(f"speeds of {self.rule}, batches of {self.batch}", decides, self.run, 0.5)

    def run(self) -> Result:
        shares = torch.tensor([1 - self.p1, self.p1], dtype=torch.float64)
        square = self.p1 * (1 - self.p1) / self.batch + shares**2
        # So slow that distances, and so the squares, stay what they are.
        moved = run_chains(
            OwnCoordinates(1 - self.p1),
            _RULES[self.rule],
            1e-6,
            torch.zeros(_CHAINS, 2, dtype=torch.float64),
            _STEPS,
            batch=self.batch,
            begin_with={"square": square} if self.rule == "RMSProp" else None,
        ).numpy()
        usual, rare = moved.mean(0)
        errors = moved.std(0, ddof=1) / np.sqrt(_CHAINS) / moved.mean(0)
        ratio = rare / usual
        return {"ratio": ratio, "error": ratio * float(np.hypot(*errors))}


def speeds_part(_: Tier, __: Path | None) -> Part:
    """The law of speeds; both tiers are the same.

    Returns
    -------
    Part
    """
    settings = [_Setting(p1, b, rule) for p1 in _RARE for b in _BATCHES for rule in _RULES]
    return Part("speeds", tuple(one.cell() for one in settings), partial(_show, settings))


def _show(settings: Sequence[_Setting], results: Sequence[Result]) -> Shown:
    found = {
        one: Estimate(r["ratio"], r["ratio"] - 1.96 * r["error"], r["ratio"] + 1.96 * r["error"])
        for one, r in zip(settings, results, strict=True)
    }
    table = _table(found)
    return Shown(
        _claims(found),
        (table,),
        lambda: [Section("Coordinates of a rare group", [Text(_TEXT), _figure(found), table])],
    )


_TEXT = (
    "Two coordinates, each in the loss of one group alone, as one-hot columns of a rare category "
    "are. Under SGD the rare one moves p1 / p0 times as fast at any learning rate. RMSProp divides "
    "each by the size of its own gradients, and larger batches make rare coordinates as fast as "
    "others: this advantage survives the choice of a learning rate. The phenomenon is that of "
    "Kunstner et al. 2024 (arXiv 2402.19449)."
)


def _law(p1: float, batch: int, rule: str) -> float:
    return p1 / (1 - p1) if rule == "SGD" else speed_ratio(1 - p1, batch)


def _claims(found: dict[_Setting, Estimate]) -> tuple[Claim, ...]:
    claims = []
    for rule in _RULES:
        off = {
            one: abs(figure.value / _law(one.p1, one.batch, rule) - 1)
            for one, figure in found.items()
            if one.rule == rule
        }
        worst = max(off, key=lambda one: off[one])
        law = _law(worst.p1, worst.batch, rule)
        ours = Estimate(*(x / law for x in found[worst]))
        claims.append(
            judged(
                f"{rule}: a rare coordinate's speed over the other's is that of the law, batches "
                f"of 1 to 256: measured over it where it is farthest off (within {_CLOSE:.0%})",
                NONE,
                ours,
                "holds" if off[worst] <= _CLOSE else "does not hold",
            )
        )
    return tuple(claims)


def _table(found: dict[_Setting, Estimate]) -> Table:
    rows = []
    for p1 in _RARE:
        for batch in _BATCHES:
            each = []
            for rule in _RULES:
                one = found[_Setting(p1, batch, rule)]
                each += [f"{one.value:.3f}", f"{_law(p1, batch, rule):.3f}"]
            rows.append([f"{p1:g}", f"{batch}", *each])
    names = [f"{rule}{what}" for rule in _RULES for what in ("", ", law")]
    columns = [Column(name, "right") for name in ("rare group", "batch", *names)]
    return Table(columns, rows, "Speed of the rare group's coordinate over the other's")


def _figure(found: dict[_Setting, Estimate]) -> Figure:
    panels = {}
    for p1 in _RARE:
        drawn = []
        for rule in _RULES:
            each = [found[_Setting(p1, batch, rule)] for batch in _BATCHES]
            low, high = [one.low for one in each], [one.high for one in each]
            logs = np.log2(_BATCHES)
            drawn.append(Line(logs, [one.value for one in each], rule, low, high))
            fine = np.linspace(logs[0], logs[-1], 33)
            drawn.append(Line(fine, [_law(p1, 2**x, rule) for x in fine], f"{rule}, law"))
        panels[f"speed ratio, rare group {p1:g}"] = drawn
    return lines(panels, x_label="rows a batch, powers of 2")
