"""Fitted laws beside Monte Carlo: under the prior, and by the library's own samplers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.report import Column, Section, Table, Text
from equipoise.reproduce.claim import Claim, Tier
from equipoise.reproduce.maxent.families import FAMILIES, coordinates
from equipoise.reproduce.maxent.published import EXACT, NONE
from equipoise.reproduce.part import Cell, Part, Result, Shown
from equipoise.reproduce.standardised import CALIBRATED, spread
from equipoise.reproduce.within import within

Array = NDArray[Any]

_PRIOR, _DRAWN, _CHAINED = 20_000, 4_000, 1_000


@dataclass(frozen=True)
class Setting:
    """A law fitted to one mean.

    Attributes
    ----------
    family : str
    seed : int
    """

    family: str
    seed: int

    def cell(self) -> Cell:
        """The fit and its draws."""
        decides = {"draws": [_PRIOR, _DRAWN, _CHAINED], **vars(self)}
        return Cell(f"draws, {self.family}, seed {self.seed}", decides, self.run, 0.3)

    def run(self) -> Result:
        """Standardise the differences from what is known."""
        family = FAMILIES[self.family]
        rng = np.random.default_rng([self.seed, *self.family.encode()])
        mean = family.mean(rng)
        law = family.fitted(mean)
        wanted = coordinates(mean[None])[0]
        x = family.draw(_PRIOR, rng)
        height = (x.conj() * law.parameter).real.reshape(len(x), -1).sum(axis=1)
        weight = np.exp(height - law.log_normaliser)
        drawn = law.sample(_CHAINED if family.chained else _DRAWN, self.seed)
        return {
            "normaliser": _standardised(weight[:, None] - 1),
            "prior": _standardised(weight[:, None] * (coordinates(x) - wanted)),
            "sampled": _standardised(coordinates(drawn) - wanted),
            "weight": float(weight.sum() ** 2 / (weight**2).sum() / len(weight)),
        }


def _standardised(away: Array) -> list[float]:
    error = away.std(axis=0, ddof=1) / np.sqrt(len(away))
    moving = error > 0  # imaginary parts of real matrices are not there
    return [float(z) for z in away.mean(axis=0)[moving] / error[moving]]


def draws_part(tier: Tier, _: Path | None) -> Part:
    """Every family.

    Returns
    -------
    Part
    """
    seeds = 20 if tier == "quick" else 100
    return part_of([Setting(family, seed) for family in FAMILIES for seed in range(seeds)])


def part_of(settings: Sequence[Setting]) -> Part:
    """A part of some settings.

    Parameters
    ----------
    settings : sequence of Setting

    Returns
    -------
    Part
    """
    return Part("draws", tuple(one.cell() for one in settings), partial(_show, settings))


_WHAT = {
    "normaliser": "normalisers against averages over the prior (Haar measure, of matrices)",
    "prior": "means of fitted laws, by the same averages, against the means asked for",
    "sampled": "means of the library's draws against the means asked for",
}


def _show(settings: Sequence[Setting], results: Sequence[Result]) -> Shown:
    by_family: dict[str, list[Result]] = {}
    for one, result in zip(settings, results, strict=True):
        by_family.setdefault(one.family, []).append(result)
    claims: list[Claim] = []
    for what, words in _WHAT.items():
        runs = [result[what] for result in results]
        claims.append(
            within(
                f"{len(by_family)} domains, {sum(map(len, runs))} {words}: root mean square of "
                "standardised differences (1)",
                NONE if what == "sampled" else EXACT,
                spread(runs),
                *CALIBRATED,
            )
        )
    table = _table(by_family)
    return Shown(tuple(claims), (table,), lambda: [Section("Draws", [Text(_TEXT), table])])


_TEXT = (
    "The prior is drawn from in ways of our own (normal matrices made orthonormal), and the fitted "
    "density, taken at these draws, must average to 1, and to the mean that was asked for when it "
    "multiplies them; full matrices are compared, not eigenvalues. Differences are in units of "
    "their standard errors. Draws of rank two and of the orbit are ends of Gibbs chains, all "
    "others exact."
)


def _table(by_family: dict[str, list[Result]]) -> Table:
    rows = []
    for family, of in by_family.items():
        z = {what: np.concatenate([one[what] for one in of]) for what in _WHAT}
        rows.append(
            [
                family,
                *(f"{np.sqrt((each**2).mean()):.2f}" for each in z.values()),
                f"{max(np.abs(each).max() for each in z.values()):.1f}",
                f"{np.mean([one['weight'] for one in of]):.2f}",
            ]
        )
    names = ("normaliser", "mean, prior's draws", "mean, own draws", "largest", "effective share")
    return Table(
        [Column("domain"), *(Column(name, "right") for name in names)],
        rows,
        "Root mean square of standardised differences",
    )
