"""Simulated tables with so many columns that no domain could be gone through."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from equipoise.audit import Estimate
from equipoise.report import Column, Section, Table, Text
from equipoise.reproduce.claim import Claim, Tier
from equipoise.reproduce.judge import judged, over_seeds, shown_above, shown_below
from equipoise.reproduce.part import Cell, Part, Result, Shown
from equipoise.reproduce.repair.coded import simulated
from equipoise.reproduce.repair.fitted import (
    Choice,
    group_and_label,
    joint_of,
    representation_rate,
    statistical_rate,
)
from equipoise.reproduce.repair.published import NONE
from equipoise.reproduce.standardised import CALIBRATED, spread
from equipoise.reproduce.within import within

_ROWS = 5000
_DRAWN = 50_000
_LEVELS = (2, 3, 5)
_TOLERANCE = 1e-10
_GAP = 1e-9
_EXACT = 1e-9
_OFTEN = 25  # draws of a level from which its share is nearly normal


@dataclass(frozen=True)
class Setting:
    """One table and two laws of it.

    Attributes
    ----------
    features, seed : int
    """

    features: int
    seed: int

    @property
    def sizes(self) -> tuple[int, ...]:
        """Levels of the features."""
        return tuple(_LEVELS[j % len(_LEVELS)] for j in range(self.features))

    def cell(self) -> Cell:
        """The paper's law, and the one that fixes label and group together."""
        decides = {"rows": [_ROWS, _DRAWN], "levels": _LEVELS, **vars(self)}
        title = f"large domain, {self.features} features, seed {self.seed}"
        return Cell(title, decides, self.run, 0.05 * self.features)

    def run(self) -> Result:
        """Fit, draw, and compare with the expectation that was wanted."""
        coded = simulated(_ROWS, self.sizes, self.seed)
        began = time.process_time()
        law = Choice(0.5).fit(coded)
        fitted = time.process_time()
        found = law.distribution
        codes = found.sample(_DRAWN, self.seed)
        drawn = time.process_time()
        domain = found.prior.domain
        variance = law.wanted * (1 - law.wanted)  # all of them are shares of levels
        often = variance * _DRAWN > _OFTEN
        z = (domain.mean(codes) - law.wanted)[often] / np.sqrt(variance[often] / _DRAWN)
        of_draws = joint_of(codes[:, 0], codes[:, 1])
        exact = group_and_label(Choice(0.5, exact=True).fit(coded))
        return {
            "log10": float(np.log10(np.array(coded.shape, float)).sum()),
            "steps": len(found.residuals) - 1,
            "missed": float(np.abs(found.expectation - law.wanted).max()),
            "gap": found.gap,
            "fit": fitted - began,
            "draw": drawn - fitted,
            "z": z.tolist(),
            "raw": statistical_rate(joint_of(coded.group, coded.label)),
            "rate": statistical_rate(group_and_label(law)),
            "drawn": [statistical_rate(of_draws), representation_rate(of_draws)],
            "exact": statistical_rate(exact),
        }


def large_part(tier: Tier, _: Path | None) -> Part:
    """Tables of 20 to 100 features, in the full tier to 300.

    Returns
    -------
    Part
    """
    sizes = {20: 8, 50: 5, 100: 3} if tier == "quick" else {20: 40, 100: 20, 300: 5}
    return part_of([Setting(n, seed) for n, seeds in sizes.items() for seed in range(seeds)])


def part_of(settings: Sequence[Setting]) -> Part:
    """A part of some settings.

    Parameters
    ----------
    settings : sequence of Setting

    Returns
    -------
    Part
    """
    return Part("large", tuple(one.cell() for one in settings), partial(_show, settings))


def _show(settings: Sequence[Setting], results: Sequence[Result]) -> Shown:
    found: dict[int, list[Result]] = {}
    for one, result in zip(settings, results, strict=True):
        found.setdefault(one.features, []).append(result)
    table = _table(found)
    return Shown(
        _claims(found, results),
        (table,),
        lambda: [Section("Large domains", [Text(_TEXT), table])],
    )


_TEXT = (
    f"Simulated tables of {_ROWS:,} rows, features of {', '.join(map(str, _LEVELS))} levels in "
    "turn, q^w and θ^w with C = 0.5. Everything is of the law itself but the columns on draws: "
    f"{_DRAWN:,} of them, whose shares of levels are compared with the expectation that was "
    "wanted, in standard errors. Time is of one core, on which others may have worked too."
)


def _claims(found: Mapping[int, Sequence[Result]], results: Sequence[Result]) -> tuple[Claim, ...]:
    missed, gap = (max(one[name] for one in results) for name in ("missed", "gap"))
    off = max(abs(1 - one["exact"]) for one in results)
    rate = over_seeds(np.array([one["rate"] for one in results]))
    gain = over_seeds(np.array([one["rate"] - one["raw"] for one in results]))
    largest = max(found)
    return (
        _limited(
            f"Expectations on up to 10^{max(one['log10'] for one in results):.0f} cells, "
            f"{len(results)} tables: the largest miss is at most {_TOLERANCE:g}",
            missed,
            _TOLERANCE,
        ),
        _limited(f"The largest duality gap is at most {_GAP:g} nats", gap, _GAP),
        *(
            within(
                f"{_DRAWN:,} draws of {n} features: root mean square of standardised misses of "
                "the expectation (1)",
                NONE,
                spread([one["z"] for one in of]),
                *CALIBRATED,
            )
            for n, of in found.items()
        ),
        judged("SR of the law is above that of the rows", NONE, gain, shown_above(gain, 0.0)),
        judged(
            f"SR of the law falls short of 1 by first moments (up to {largest} features)",
            NONE,
            rate,
            shown_below(rate, 1.0),
        ),
        _limited(
            "With label and group as one attribute SR is 1: the largest difference is at most "
            f"{_EXACT:g}",
            off,
            _EXACT,
        ),
    )


def _limited(text: str, value: float, limit: float) -> Claim:
    return Claim(text, NONE, value, value, value, "holds" if value <= limit else "does not hold")


def _mean(of: Sequence[Result], name: str) -> float:
    return float(np.mean([one[name] for one in of]))


def _table(found: Mapping[int, Sequence[Result]]) -> Table:
    rows = [
        [
            str(features),
            f"10^{_mean(of, 'log10'):.0f}",
            f"{_mean(of, 'steps'):.1f}",
            f"{max(one['missed'] for one in of):.0e}",
            f"{max(one['gap'] for one in of):.0e}",
            f"{np.median([one['fit'] for one in of]):.2f}",
            f"{np.median([one['draw'] for one in of]):.2f}",
            f"{_z(of).value:.2f}",
            f"{_mean(of, 'raw'):.3f}",
            f"{_mean(of, 'rate'):.3f}",
            f"{np.mean([one['drawn'][0] for one in of]):.3f}",
            f"{np.mean([one['drawn'][1] for one in of]):.3f}",
        ]
        for features, of in found.items()
    ]
    names = (
        "features",
        "cells",
        "Newton steps",
        "miss",
        "gap",
        "fit, s",
        f"{_DRAWN:,} draws, s",
        "z, r.m.s.",
        "SR, rows",
        "SR, law",
        "SR, draws",
        "RR, draws",
    )
    return Table([Column(name, "right") for name in names], rows, "Large simulated domains")


def _z(of: Sequence[Result]) -> Estimate:
    return spread([one["z"] for one in of])
