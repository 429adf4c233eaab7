"""Volumes by Gaussian cooling beside exact ones."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.report import Column, Interval, Section, Table, Text, intervals
from equipoise.reproduce.claim import Claim, Tier
from equipoise.reproduce.judge import judged, over_seeds, shown_at_most
from equipoise.reproduce.part import Cell, Part, Result, Shown
from equipoise.reproduce.polytope import bodies
from equipoise.reproduce.polytope.published import NONE, VOLUME
from equipoise.reproduce.standardised import CALIBRATED, spread
from equipoise.reproduce.within import within
from equipoise.sampling import log_volume

Array = NDArray[Any]

_SE = 0.1
_LARGEST = 4.0  # standard errors
_DRAWN = 3  # seeds

_BODIES = {
    "cube of 20 dimensions": ("cube", 20, 12),
    "cube of 100": ("cube", 100, 12),
    "simplex of 20": ("simplex", 20, 12),
    "cross-polytope of 8": ("cross", 8, 12),
    **{f"doubly stochastic {n} x {n}": ("birkhoff", n, 12 if n < 8 else 6) for n in range(3, 11)},
}
"""By what they are called: family, size, seeds of the quick tier."""


@dataclass(frozen=True)
class Setting:
    """One estimate.

    Attributes
    ----------
    body : str
    seed : int
    """

    body: str
    seed: int

    def cell(self) -> Cell:
        """The estimate."""
        title = f"volume, {self.body}, seed {self.seed}"
        name, n, _ = _BODIES[self.body]
        return Cell(
            title, {"se": _SE, **vars(self)}, self.run, 0.01 * n**2 * (1 + (name != "cube"))
        )

    def run(self) -> Result:
        """Estimate, and compare."""
        name, n, _ = _BODIES[self.body]
        polytope = getattr(bodies, name)(n)
        began = time.process_time()
        found = log_volume(polytope, se=_SE, method="cooling", seed=self.seed)
        return {
            "seconds": time.process_time() - began,
            "error": found.log_volume - bodies.log_volume(name, n),
            "se": found.se,
            "dimension": found.dimension,
            "stages": len(found.stages),
        }


def volumes_part(tier: Tier, _: Path | None) -> Part:
    """Every body, over seeds.

    Returns
    -------
    Part
    """
    more = 1 if tier == "quick" else 10
    return part_of(
        [
            Setting(body, seed)
            for body, (_, _, seeds) in _BODIES.items()
            for seed in range(more * seeds)
        ]
    )


def part_of(settings: Sequence[Setting]) -> Part:
    """A part of some settings.

    Parameters
    ----------
    settings : sequence of Setting

    Returns
    -------
    Part
    """
    return Part("volumes", tuple(one.cell() for one in settings), partial(_show, settings))


def _show(settings: Sequence[Setting], results: Sequence[Result]) -> Shown:
    found: dict[str, list[Result]] = {}
    for one, result in zip(settings, results, strict=True):
        found.setdefault(one.body, []).append(result)
    table = _table(found)
    return Shown(_claims(found), (table,), partial(_draw, found, table))


def _z(of: Sequence[Result]) -> Array:
    return np.array([one["error"] / one["se"] for one in of])


def _claims(found: Mapping[str, Sequence[Result]]) -> tuple[Claim, ...]:
    every = [one for of in found.values() for one in of]
    z = _z(every)
    se = over_seeds(np.array([one["se"] for one in every]))
    worst = float(np.abs(z).max())
    return (
        within(
            f"{len(z)} logs of volumes of {len(found)} bodies: root mean square of errors over "
            "their standard errors (1)",
            VOLUME,
            spread([[value] for value in z]),
            *CALIBRATED,
        ),
        Claim(
            f"The largest of these errors, in standard errors: at most {_LARGEST:g}",
            NONE,
            worst,
            worst,
            worst,
            "holds" if worst <= _LARGEST else "does not hold",
        ),
        judged(
            f"The standard error of the log that was asked for, {_SE}, is reached",
            VOLUME,
            se,
            shown_at_most(se, _SE),
        ),
    )


_TEXT = (
    f"Gaussian cooling to a standard error of {_SE} of the log, about ten per cent of the volume. "
    "Shapes that are recognised have closed forms, which are left out here. Doubly stochastic "
    "matrices are without their last row and column."
)


def _table(found: Mapping[str, Sequence[Result]]) -> Table:
    rows = []
    for body, of in found.items():
        name, n, _ = _BODIES[body]
        rows.append(
            [
                body,
                str(of[0]["dimension"]),
                f"{bodies.log_volume(name, n):.4f}",
                f"{np.mean([one['error'] for one in of]):+.3f}",
                f"{np.mean([one['se'] for one in of]):.3f}",
                f"{np.sqrt((_z(of) ** 2).mean()):.2f}",
                f"{np.mean([one['stages'] for one in of]):.0f}",
                f"{np.median([one['seconds'] for one in of]):.2f}",
            ]
        )
    names = (
        "dimensions",
        "log volume",
        "mean error",
        "said error",
        "errors over said, r.m.s.",
        "stages",
        "seconds",
    )
    return Table([Column("body"), *(Column(name, "right") for name in names)], rows)


def _draw(found: Mapping[str, Sequence[Result]], table: Table) -> Sequence[Section]:
    drawn = {
        f"seed {seed}": [
            Interval(body, error, error - reach, error + reach)
            for body, of in found.items()
            if seed < len(of)
            for error, reach in ((of[seed]["error"], 1.96 * of[seed]["se"]),)
        ]
        for seed in range(_DRAWN)
    }
    figure = intervals(
        {name: rows for name, rows in drawn.items() if rows},
        x_label="error of the log volume, with its 95 % interval",
        reference=(0.0, "exact"),
    )
    return [Section("Volumes", [Text(_TEXT), table, figure])]
