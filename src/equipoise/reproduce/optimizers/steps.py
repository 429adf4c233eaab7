"""Theorems 2 and 3 at each step of a training, and whether their premise is met there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from equipoise.audit import Estimate
from equipoise.compare.study.sources import digits
from equipoise.learn.order import Order
from equipoise.optim.dynamics import UpdateProbe
from equipoise.report import Column, Figure, Line, Section, Table, Text, lines
from equipoise.reproduce.claim import Claim, Tier
from equipoise.reproduce.judge import judged, over_seeds, shown_above, shown_at_least
from equipoise.reproduce.optimizers.published import NONE
from equipoise.reproduce.part import Cell, Part, Result, Shown

_SHARE = 0.1
_BATCH = 64
_STEPS, _EVERY = 300, 5
_RATES = {"RMSprop": 1e-3, "Adam": 1e-3}
_SCALES = (1.0, 100.0, 1e6)
_SEEDS = 8


@dataclass(frozen=True)
class _Setting:
    optimizer: str
    scale: float

    def cell(self) -> Cell:
        decides = {
            "share": _SHARE,
            "batch": _BATCH,
            "steps": [_STEPS, _EVERY],
            "rate": _RATES[self.optimizer],
            "seeds": _SEEDS,
            **vars(self),
        }
        return Cell(f"steps of {self.optimizer}, loss times {self.scale:g}", decides, self.run, 4.0)

    def run(self) -> Result:
        each = [_follow(self.optimizer, self.scale, seed) for seed in range(_SEEDS)]
        return {name: [one[name] for one in each] for name in each[0]}


def _follow(optimizer: str, scale: float, seed: int) -> dict[str, list[float]]:
    data, make_network = digits(_SHARE, seed + 1)
    network = make_network([seed])
    made = getattr(torch.optim, optimizer)(network.parameters(), lr=_RATES[optimizer])
    probe, order = UpdateProbe(made), Order(data.train.shape[1], _BATCH, [seed])
    train = torch.from_numpy(data.train[seed])
    group = torch.from_numpy(data.group)
    readings = []
    for step in range(_STEPS):
        rows = train[order.next_batch()[0]]
        logits = network(data.features[rows])[0]
        losses = scale * functional.cross_entropy(logits, data.targets[rows], reduction="none")
        share = (group[rows] == 1).double().mean().item()
        if step % _EVERY == 0 and 0 < share < 1:
            of_groups = [losses[group[rows] == code].mean() for code in (0, 1)]
            readings.append(probe.read(of_groups, [1 - share, share]))
        made.zero_grad()
        losses.mean().backward()
        made.step()
    return {
        "disparity": [one.disparity / one.plain_disparity for one in readings],
        "relative": [one.relative_disparity / one.plain_relative_disparity for one in readings],
        "bound": [one.bound_ratio for one in readings],
        "damped": [1.0 if one.damped is None else one.damped for one in readings],
    }


def steps_part(_: Tier, __: Path | None) -> Part:
    """Readings of a small network's steps; both tiers are the same.

    Returns
    -------
    Part
    """
    settings = [_Setting(name, scale) for name in _RATES for scale in _SCALES]
    return Part("steps", tuple(one.cell() for one in settings), partial(_show, settings))


def _show(settings: Sequence[_Setting], results: Sequence[Result]) -> Shown:
    found = dict(zip(settings, results, strict=True))
    table = _table(found)
    return Shown(
        _claims(found),
        (table,),
        lambda: [Section("Theorems 2 and 3, step by step", [Text(_TEXT), table, _figure(found)])],
    )


_TEXT = (
    "A small convolutional network on digits, a tenth of them in a rare style. Theorem 2 has the "
    "updates of the groups less far apart than SGD's, and theorem 3 a smaller bound on what a "
    "step does to demographic parity: at one learning rate, and because every coordinate is "
    "divided by at least 1. In networks it is divided by far less. Where the loss is multiplied "
    "the premise can be had, though RMSProp's course is the same. What no learning rate and no "
    "unit of loss changes is how far apart updates are for a step of length 1."
)


def _of_seeds(result: Result, name: str, limit: float) -> Estimate:
    """Over seeds, the mean share of readings at most a limit."""
    return over_seeds(np.array([np.mean(np.array(one) <= limit) for one in result[name]]))


def _claims(found: Mapping[_Setting, Result]) -> tuple[Claim, ...]:
    plain = found[_Setting("RMSprop", 1.0)]
    claims = []
    for text, name in (
        ("theorem 2: groups' updates are no further apart than SGD's", "disparity"),
        ("theorem 3: the bound on the step of demographic parity is no larger", "bound"),
    ):
        held = _of_seeds(plain, name, 1.0)
        claims.append(
            judged(
                f"In training with RMSProp, {text}: share of steps (all)",
                "1",
                held,
                shown_at_least(held, 1.0),
            )
        )
    met = over_seeds(np.array([np.mean(np.array(one) >= 1.0) for one in plain["damped"]]))
    claims.append(
        judged(
            "Their premise is met there, every coordinate is divided by 1 or more: share of steps",
            "1",
            met,
            shown_at_least(met, 1.0),
        )
    )
    pairs = [
        (d <= 1 + 1e-6 and b <= 1 + 1e-6)
        for result in found.values()
        for damped, disparity, bound in zip(
            result["damped"], result["disparity"], result["bound"], strict=True
        )
        for m, d, b in zip(damped, disparity, bound, strict=True)
        if m >= 1
    ]
    if pairs:
        held = Estimate(*(float(np.mean(pairs)),) * 3)
        claims.append(
            judged(
                f"Where the premise is met ({len(pairs)} steps, losses multiplied), both hold: "
                "share of steps",
                "1",
                held,
                shown_at_least(held, 1.0),
            )
        )
    less = over_seeds(np.array([np.mean(np.array(one) < 1) for one in plain["relative"]]))
    claims.append(
        judged(
            "For steps of one length RMSProp's updates of the groups are less far apart than "
            "SGD's: share of steps (more than half)",
            NONE,
            less,
            shown_above(less, 0.5),
        )
    )
    return tuple(claims)


def _table(found: Mapping[_Setting, Result]) -> Table:
    rows = []
    for one, result in found.items():
        medians = [
            float(np.median(np.concatenate(result[name])))
            for name in ("disparity", "bound", "relative", "damped")
        ]
        shares = [_of_seeds(result, name, 1.0).value for name in ("disparity", "bound")]
        rows.append(
            [
                one.optimizer,
                f"{one.scale:g}",
                f"{medians[0]:.3g}",
                f"{shares[0]:.2f}",
                f"{medians[1]:.3g}",
                f"{shares[1]:.2f}",
                f"{medians[2]:.3g}",
                f"{medians[3]:.2f}",
            ]
        )
    names = (
        "loss times",
        "groups' updates apart",
        "at most SGD's",
        "bound",
        "at most SGD's",
        "apart, one length",
        "coordinates damped",
    )
    columns = [Column("optimizer"), *(Column(name, "right") for name in names)]
    return Table(
        columns, rows, "Over SGD's at the same parameters: medians, and shares of steps at most 1"
    )


def _figure(found: Mapping[_Setting, Result]) -> Figure:
    panels: dict[str, list[Line]] = {}
    for title, name in (
        ("groups' updates apart, over SGD's", "disparity"),
        ("the same for steps of one length", "relative"),
    ):
        drawn = []
        for one, result in found.items():
            if one.scale == 1.0:
                shortest = min(len(each) for each in result[name])
                values = np.array([each[:shortest] for each in result[name]])
                steps = _EVERY * np.arange(shortest)
                drawn.append(Line(steps, np.median(values, 0), one.optimizer))
        panels[title] = drawn
    references = dict.fromkeys(panels, (1.0, "SGD"))
    return lines(panels, x_label="step", log=tuple(panels), references=references)
