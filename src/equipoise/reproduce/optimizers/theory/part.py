"""Theorem 1 as a part of the re-run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from equipoise.optim.dynamics import TwoGroupQuadratic, stationary, threshold
from equipoise.report import Column, Figure, Line, Section, Table, Text, lines
from equipoise.reproduce.claim import Tier
from equipoise.reproduce.optimizers.theory.claims import (
    EXTREME,
    HEADLINE,
    MATCHED,
    METHODS,
    RATE,
    SHARES,
    SLOWER,
    theory_claims,
)
from equipoise.reproduce.optimizers.theory.rest import (
    EDGES,
    RULES,
    Rest,
    figure,
    log_ratio,
)
from equipoise.reproduce.part import Part, Result, Shown

_CONTROLS = (
    Rest(EXTREME, "SGD", MATCHED),
    Rest(EXTREME, "RMSProp", RATE**2 / MATCHED),
    Rest(EXTREME, "SGD", RATE, scale=0.1),
    Rest(EXTREME, "RMSProp", RATE, scale=0.1),
)
_EQUATIONS = [Rest(HEADLINE, rule, SLOWER, equation=True) for rule in METHODS]
_DENSITIES = [Rest(p0, rule, SLOWER) for p0 in (0.7, HEADLINE) for rule in METHODS]
_SLOW = 0.02
_BATCHES = (1, 8, 64)


def _remembering(rule: str, batch: int) -> Rest:
    return Rest(HEADLINE, rule, _SLOW, batch, chains=2000)


_MEMORY = [_remembering(rule, batch) for rule in RULES for batch in _BATCHES]


def theory_part(_: Tier, __: Path | None) -> Part:
    """Chains on two groups' quadratics; both tiers are the same.

    Returns
    -------
    Part
    """
    pairs = [Rest(p0, rule, RATE) for p0 in SHARES for rule in ("SGD", "RMSProp")]
    settings = (*pairs, *_CONTROLS, *_EQUATIONS, *_DENSITIES, *_MEMORY)
    return Part("theory", tuple(one.cell() for one in settings), partial(_show, settings))


def _show(settings: Sequence[Rest], results: Sequence[Result]) -> Shown:
    found = dict(zip(settings, results, strict=True))
    tables = (_rest_table(found), _control_table(found), _memory_table(found))

    def draw() -> list[Section]:
        return [
            Section(
                "Where SGD and RMSProp come to rest",
                [Text(_TEXT), tables[0], _densities(found), _advantage(found), *tables[1:]],
            )
        ]

    return Shown(theory_claims(found), tables, draw)


_TEXT = (
    "One parameter w, losses (w - 1)^2 / 2 and (w + 1)^2 / 2 of two groups with shares p0 and p1, "
    "one row a step. Both groups lose the same at w = 0, and the mean loss is least at p0 - p1. "
    "20,000 chains each, 4,000 steps. RMSProp is not nearer to 0 on average: it is spread out "
    "more, as SGD is with a larger learning rate."
)


def _rest_table(found: Mapping[Rest, Result]) -> Table:
    rows = []
    for p0 in SHARES:
        for rule, method in METHODS.items():
            one = found[Rest(p0, rule, RATE)]
            laws = [
                stationary(TwoGroupQuadratic(p0), method, RATE, 1, convention).variance
                for convention in ("derived", "reported")
            ]
            rows.append(
                [
                    f"{p0:g}",
                    rule,
                    f"{one['mean'][0]:.3f}",
                    f"{one['variance'][0]:.4f}",
                    *(f"{law:.4f}" for law in laws),
                    f"{one['near'][0]:.3g}",
                    f"{one['gap'][0]:.3f}",
                ]
            )
    names = ("mean", "variance", "derived", "reported", "|w| < .25", "mean gap")
    columns = [Column("p0"), Column("optimizer"), *(Column(name, "right") for name in names)]
    return Table(columns, rows, f"At rest, learning rate {RATE:g}")


def _control_table(found: Mapping[Rest, Result]) -> Table:
    shown = [Rest(EXTREME, rule, RATE) for rule in ("SGD", "RMSProp")] + list(_CONTROLS)
    rows = [
        [
            one.rule,
            f"{one.rate:.3g}",
            f"{one.scale:g}",
            f"{found[one]['variance'][0] ** 0.5:.3f}",
            _with_interval(found[one], "near"),
        ]
        for one in shown
    ]
    columns = [Column("optimizer"), *(Column(n, "right") for n in ("rate", "loss times"))]
    columns += [Column("standard deviation", "right"), Column("|w| < .25", "right")]
    return Table(columns, rows, f"At equal step sizes, and with smaller losses, p0 = {EXTREME:g}")


def _memory_table(found: Mapping[Rest, Result]) -> Table:
    rows = [
        [rule, *(f"{found[_remembering(rule, batch)]['mean'][0]:.3f}" for batch in _BATCHES)]
        for rule in RULES
    ]
    columns = [Column("optimizer"), *(Column(f"{b} a batch", "right") for b in _BATCHES)]
    caption = (
        f"Mean of w, learning rate {_SLOW:g}, p0 = {HEADLINE:g}: the mean loss is least at 0.8, "
        "the larger group's at 1. Whoever clips rare gradients goes towards the larger group"
    )
    return Table(columns, rows, caption)


def _with_interval(result: Result, name: str) -> str:
    one = figure(result, name)
    return f"{one.value:.4f} [{one.low:.4f}, {one.high:.4f}]"


def _densities(found: Mapping[Rest, Result]) -> Figure:
    middles = (EDGES[1:] + EDGES[:-1]) / 2
    panels = {}
    for p0 in (0.7, HEADLINE):
        drawn = []
        widest = stationary(TwoGroupQuadratic(p0), "rmsprop", SLOWER)
        shown = np.abs(middles - widest.mean) < 5 * widest.variance**0.5
        for rule, method in METHODS.items():
            law = stationary(TwoGroupQuadratic(p0), method, SLOWER)
            seen = np.array(found[Rest(p0, rule, SLOWER)]["histogram"])
            normal = [np.exp(law.log_density(w)) for w in middles[shown]]
            drawn.append(Line(middles[shown], seen[shown], rule))
            drawn.append(Line(middles[shown], normal, f"{rule}, normal law"))
        panels[f"density, p0 = {p0:g}, rate {SLOWER:g}"] = drawn
    return lines(
        panels,
        x_label="w; both groups lose the same at 0",
        caption="One row a step has two values of noise, and no normal tails: the rarer a group, "
        "the less the law says of chains.",
    )


def _advantage(found: Mapping[Rest, Result]) -> Figure:
    apart = [2 * p0 - 1 for p0 in SHARES]
    drawn = []
    for name, label in (("near", "within .25"), ("very near", "within .1")):
        each = [
            log_ratio(found[Rest(p0, "RMSProp", RATE)], found[Rest(p0, "SGD", RATE)], name)
            for p0 in SHARES
        ]
        value, half = np.array(each).T
        drawn.append(Line(apart, np.exp(value), label, np.exp(value - half), np.exp(value + half)))
    name = "share of chains near the fair point, RMSProp over SGD"
    return lines(
        {name: drawn},
        x_label="|p0 - p1|",
        log=(name,),
        references={name: (1.0, "as often")},
        caption=f"The law's threshold is {threshold(RATE):.2f} with the derived constants and "
        f"{threshold(RATE, 1, 'reported'):.2f} with those reported.",
    )
