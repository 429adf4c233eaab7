"""Newton's method beside the published solver."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from equipoise.maxent.discrete import fit
from equipoise.report import Column, Figure, Line, Section, Table, Text, lines
from equipoise.reproduce.claim import Claim, Tier
from equipoise.reproduce.judge import judged, over_seeds, shown_at_least, shown_at_most
from equipoise.reproduce.part import Cell, Part, Result, Shown
from equipoise.reproduce.repair.coded import simulated
from equipoise.reproduce.repair.fitted import Choice
from equipoise.reproduce.repair.published import CONTRACTION, NEWTON_STEPS, NONE
from equipoise.reproduce.within import within

_ROWS = 2000
_TOLERANCE = 1e-10
_MOST = 400
# Misses between which the contraction is taken: the box does not bind any more, and rounding not
# yet.
_LATE = (1e-3, 1e-7)
_NEAR = 0.01
_TIMES = 10
_SIZES = {"2 features": (2, 3), "4 features": (2, 2, 2, 2)}


@dataclass(frozen=True)
class Setting:
    """One law, found twice.

    Attributes
    ----------
    domain : str
    seed : int
    """

    domain: str
    seed: int

    def cell(self) -> Cell:
        """Both solvers."""
        decides = {"rows": _ROWS, "sizes": _SIZES[self.domain], **vars(self)}
        return Cell(f"solvers, {self.domain}, seed {self.seed}", decides, self.run, 9.0)

    def run(self) -> Result:
        """Solve, and keep what was left before each step."""
        law = Choice(0.5, "balanced").fit(simulated(_ROWS, _SIZES[self.domain], self.seed))
        prior, wanted = law.distribution.prior, law.wanted
        newton = fit(prior, wanted, tolerance=_TOLERANCE)
        box = fit(prior, wanted, solver="box", tolerance=_TOLERANCE, max_steps=_MOST)
        return {
            "newton": newton.residuals,
            "box": box.residuals,
            "contraction": _contraction(box.residuals),
            "apart": float(np.abs(newton.row_probabilities - box.row_probabilities).max()),
        }


def _contraction(residuals: Sequence[float]) -> float:
    late = [one for one in residuals if _LATE[1] < one < _LATE[0]]
    return float((late[-1] / late[0]) ** (1 / (len(late) - 1)))


def solvers_part(tier: Tier, _: Path | None) -> Part:
    """Simulated tables of two sizes.

    Returns
    -------
    Part
    """
    seeds = 3 if tier == "quick" else 20
    return part_of([Setting(domain, seed) for domain in _SIZES for seed in range(seeds)])


def part_of(settings: Sequence[Setting]) -> Part:
    """A part of some settings.

    Parameters
    ----------
    settings : sequence of Setting

    Returns
    -------
    Part
    """
    return Part("solvers", tuple(one.cell() for one in settings), partial(_show, settings))


def _show(settings: Sequence[Setting], results: Sequence[Result]) -> Shown:
    found: dict[str, list[Result]] = {}
    for one, result in zip(settings, results, strict=True):
        found.setdefault(one.domain, []).append(result)
    table = _table(found)
    return Shown(
        _claims(results),
        (table,),
        lambda: [Section("Solvers", [Text(_TEXT), _figure(found), table])],
    )


_TEXT = (
    "The law of q^w and θ^b with C = 0.5. The published solver moves in each step by 1 / e of the "
    "minimum of a model in a small box, so that late errors shrink by 1 - 1/e = 0.632, if nothing "
    f"else intervenes. Both end where no expectation is missed by more than {_TOLERANCE:g}: in "
    "standard deviations of the prior by Newton's method, in shares by the other."
)


def _claims(results: Sequence[Result]) -> tuple[Claim, ...]:
    newton = np.array([len(one["newton"]) - 1.0 for one in results])
    box = np.array([len(one["box"]) - 1.0 for one in results])
    most, apart = float(newton.max()), max(one["apart"] for one in results)
    times = over_seeds(box / newton)
    return (
        within(
            f"Late steps of the published solver leave {CONTRACTION:.3f} of the error, within "
            f"{_NEAR:g} (misses from {_LATE[0]:g} to {_LATE[1]:g})",
            f"{CONTRACTION:.3f}, by its constants",
            over_seeds(np.array([one["contraction"] for one in results])),
            CONTRACTION - _NEAR,
            CONTRACTION + _NEAR,
        ),
        Claim(
            f"Newton's method takes at most {NEWTON_STEPS} steps to {_TOLERANCE:g} on "
            f"{len(results)} simulated tables",
            NONE,
            most,
            most,
            most,
            "holds" if most <= NEWTON_STEPS else "does not hold",
        ),
        judged(
            f"The published solver takes at least {_TIMES} times as many steps",
            NONE,
            times,
            shown_at_least(times, _TIMES),
        ),
        Claim(
            "Both end at the same law: probabilities of rows differ by at most 1e-9",
            NONE,
            apart,
            apart,
            apart,
            shown_at_most(over_seeds(np.array([apart])), 1e-9),
        ),
    )


def _figure(found: Mapping[str, Sequence[Result]]) -> Figure:
    panel = "largest miss of an expectation"
    drawn = [
        Line(list(range(len(of[0][name]))), of[0][name], f"{solver}, {domain}")
        for domain, of in found.items()
        for solver, name in (("Newton", "newton"), ("published", "box"))
    ]
    return lines({panel: drawn}, x_label="step", log=(panel,))


def _table(found: Mapping[str, Sequence[Result]]) -> Table:
    rows = [
        [
            domain,
            f"{np.mean([len(one['newton']) - 1 for one in of]):.1f}",
            f"{np.mean([len(one['box']) - 1 for one in of]):.1f}",
            f"{np.mean([one['contraction'] for one in of]):.4f}",
            f"{max(one['apart'] for one in of):.0e}",
        ]
        for domain, of in found.items()
    ]
    names = ("steps, Newton", "steps, published", "error left by its late steps", "laws apart")
    return Table(
        [Column("domain"), *(Column(name, "right") for name in names)],
        rows,
        f"Steps to {_TOLERANCE:g}",
    )
