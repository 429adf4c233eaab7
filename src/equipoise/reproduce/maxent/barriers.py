"""The entropic barrier of boxes and simplices: derivatives, draws and its parameter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.maxent.continuous import Box, SolidSimplex, entropic_barrier, fit
from equipoise.report import Column, Section, Table, Text
from equipoise.reproduce.claim import Claim, Tier
from equipoise.reproduce.maxent.exactly import exactly
from equipoise.reproduce.maxent.published import BARRIER, NONE
from equipoise.reproduce.part import Cell, Part, Result, Shown
from equipoise.reproduce.standardised import CALIBRATED, spread
from equipoise.reproduce.within import within

Array = NDArray[Any]

_DRAWS = 4_000
_ROUNDING = 1e-9  # by which the square of the gradient may be above the parameter
_BODIES: dict[str, Callable[[int], Box | SolidSimplex]] = {
    "simplex": SolidSimplex,
    "cube": lambda n: Box(np.zeros(n), np.ones(n)),
}
_DIFFERENCE = 1e-5  # of the distance to the boundary, a step of finite differences
_AGREE = 1e-6
_CORNER, _SHORT = 1e-6, 1e-3


@dataclass(frozen=True)
class _Setting:
    body: str
    n: int
    seed: int

    def cell(self) -> Cell:
        return Cell(
            f"barrier, {self.body}, n = {self.n}, seed {self.seed}",
            {"draws": _DRAWS, "corner": _CORNER, **vars(self)},
            self.run,
            0.2,
        )

    def run(self) -> Result:
        domain, n = _BODIES[self.body](self.n), self.n
        rng = np.random.default_rng([self.seed, n])
        inside = rng.dirichlet(np.ones(n + 1))[:n] if self.body == "simplex" else rng.random(n)
        x = np.asarray((inside + np.full(n, 1 / (n + 1))) / 2)
        barrier = entropic_barrier(domain, x)
        h = _DIFFERENCE * float(domain.margin(x).min())
        slopes = np.array(
            [
                (
                    entropic_barrier(domain, x + h * e).gradient
                    - entropic_barrier(domain, x - h * e).gradient
                )
                / (2 * h)
                for e in np.eye(n)
            ]
        )
        away = fit(domain, x).sample(_DRAWS, self.seed) - x
        squares = np.einsum("ri,ij,rj->r", away, barrier.hessian, away) - n
        corner = x * _CORNER  # towards the corner at zero, from inside
        return {
            "hessian": float(np.abs(slopes - barrier.hessian).max() / barrier.hessian.max()),
            "z": [float(squares.mean() / squares.std() * np.sqrt(_DRAWS))],
            "inside": _decrement(domain, x) / n,
            "corner": _decrement(domain, corner) / n,
            "gap": barrier.gap,
        }


def _decrement(domain: Box | SolidSimplex, x: Array) -> float:
    """Square of the gradient in the norm of the inverse Hessian."""
    law = fit(domain, x)
    return float(law.parameter @ law.moments.covariance @ law.parameter)


def barriers_part(tier: Tier, _: Path | None) -> Part:
    """Both bodies in a few dimensions.

    Returns
    -------
    Part
    """
    seeds = 10 if tier == "quick" else 50
    return part_of(
        [_Setting(body, n, seed) for body in _BODIES for n in (1, 3, 10) for seed in range(seeds)]
    )


def part_of(settings: Sequence[_Setting]) -> Part:
    """A part of some settings.

    Parameters
    ----------
    settings : sequence of settings

    Returns
    -------
    Part
    """
    return Part("barriers", tuple(one.cell() for one in settings), partial(_show, settings))


def _show(settings: Sequence[_Setting], results: Sequence[Result]) -> Shown:
    found: dict[tuple[str, int], list[Result]] = {}
    for one, result in zip(settings, results, strict=True):
        found.setdefault((one.body, one.n), []).append(result)
    rows = [
        [body, str(n), f"{max(one['hessian'] for one in of):.0e}",
         f"{max(one['inside'] for one in of):.4f}", f"{min(one['corner'] for one in of):.6f}",
         f"{max(one['corner'] for one in of):.6f}"]
        for (body, n), of in found.items()
    ]  # fmt: skip
    names = ("n", "Hessian off by", "inside, largest", "at a corner, least", "largest")
    table = Table(
        [Column("body"), *(Column(name, "right") for name in names)],
        rows,
        "Squares of gradients in the inverse Hessian's norm, over n",
    )
    return Shown(
        _claims(results), (table,), lambda: [Section("Entropic barrier", [Text(_TEXT), table])]
    )


_TEXT = (
    "The Hessian is the inverse covariance of the fitted law, which is checked by differences of "
    "gradients, and by draws, whose squared distances in the Hessian's norm are n on average. The "
    "square of the gradient in the norm of the inverse Hessian is the barrier's parameter where it "
    "is largest; Bubeck and Eldan show that it is n and lower-order terms, Chewi that it is at "
    f"most n. Corners are points as near to the corner at zero as {_CORNER:g} times others."
)


def _claims(results: Sequence[Result]) -> tuple[Claim, ...]:
    return (
        exactly(
            "Hessian of the barrier less differences of its gradient, over its largest entry, of "
            f"{len(results)}: at most {_AGREE:g}",
            BARRIER,
            max(one["hessian"] for one in results),
            _AGREE,
        ),
        within(
            f"Squared distances of draws in the Hessian's norm, {len(results)} means over n: root "
            "mean square of standardised differences (1)",
            NONE,
            spread([one["z"] for one in results]),
            *CALIBRATED,
        ),
        exactly(
            "Parameter of the barrier over n, largest inside and at corners: at most 1 but for "
            "rounding",
            "1",
            max(max(one["inside"], one["corner"]) for one in results),
            1 + _ROUNDING,
        ),
        exactly(
            f"It is reached: least at corners at least 1 - {_SHORT:g}",
            "1",
            min(one["corner"] for one in results),
            low=1 - _SHORT,
        ),
        exactly(
            "Proved gap of the barrier's value, largest: at most 1e-12",
            BARRIER,
            max(one["gap"] for one in results),
            1e-12,
        ),
    )
