"""Uniform utilities, whose expectations are known: what proportional bounds lose as n grows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from equipoise.groups import Groups
from equipoise.rank import Bound, audit_latent, discounts, rank_items
from equipoise.report import Column, Line, Section, Table, Text, lines
from equipoise.reproduce.claim import Claim, Tier
from equipoise.reproduce.implicit_bias.published import ALMOST_ALL, NONE
from equipoise.reproduce.judge import judged, over_seeds, shown_below
from equipoise.reproduce.part import Cell, Part, Result, Shown
from equipoise.reproduce.standardised import CALIBRATED, spread
from equipoise.reproduce.within import within

Array = NDArray[np.float64]

SIZES = (10, 30, 100, 300, 1000)
BETAS = (1e-9, 0.5, 1.0)
"""The first hides the second group so far that its bounds bind everywhere."""

_FAR = (100, 10_000)


def expected(n: int, discount: Array, *, others: int, protected: int) -> dict[str, float]:
    """Expected latent utilities where the bound binds everywhere.

    The i-th largest of m uniform numbers is 1 - i / (m + 1) on average. With positions 1, 2, ..., n
    and the j-th of the protected group at position 3 j, positions are filled by known ranks of
    each group.

    Parameters
    ----------
    n : int
    discount : ndarray, shape (n,)
    others, protected : int
        Candidates; the bound is a third, as if others were twice as many.

    Returns
    -------
    dict of float
        ``"constrained"``, ``"unconstrained"`` (the protected group last) and ``"best"``.
    """
    k = np.arange(1, n + 1)
    of_protected = k // 3
    here = np.where(k % 3 == 0, of_protected / (protected + 1), (k - of_protected) / (others + 1))
    return {
        "constrained": float(discount @ (1 - here)),
        "unconstrained": float(discount @ (1 - k / (others + 1))),
        "best": float(discount @ (1 - k / (others + protected + 1))),
    }


@dataclass(frozen=True)
class Setting:
    """Draws of one size.

    Attributes
    ----------
    n : int
        Positions, for 2 n and n candidates.
    beta : float
    seed : int
    trials : int
    """

    n: int
    beta: float
    seed: int
    trials: int

    def cell(self) -> Cell:
        """The draws."""
        title = f"uniform, n = {self.n}, beta = {self.beta:g}, seed {self.seed}"
        return Cell(title, vars(self), self.run, self.trials * (0.5 + self.n / 500) / 1000)

    def run(self) -> Result:
        """Rank, and judge by what is latent."""
        n = self.n
        random = np.random.default_rng([self.n, self.seed])
        groups = Groups.from_codes(np.repeat([0, 1], [2 * n, n]), ["others", "protected"])
        factor = np.where(groups.codes == 1, self.beta, 1.0)
        bound = Bound.of_share("protected", ">=", 1 / 3)
        found = []
        for _ in range(self.trials):
            latent = random.random(3 * n)
            ranking = rank_items(factor * latent, groups, bound, n=n, discount="none")
            audit = audit_latent(ranking, latent)
            found.append([audit.constrained, audit.unconstrained, audit.best])
        means = np.mean(found, axis=0)
        errors = np.std(found, axis=0, ddof=1) / np.sqrt(self.trials)
        return {"means": means.tolist(), "errors": errors.tolist()}


def uniform_part(tier: Tier, _: Path | None) -> Part:
    """All sizes and strengths of bias.

    Returns
    -------
    Part
    """
    seeds, trials = (8, 60) if tier == "quick" else (40, 300)
    return part_of(
        [Setting(n, beta, seed, trials) for n in SIZES for beta in BETAS for seed in range(seeds)]
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
    return Part("uniform", tuple(one.cell() for one in settings), partial(_show, settings))


def _show(settings: Sequence[Setting], results: Sequence[Result]) -> Shown:
    found = {
        (one.n, one.beta, one.seed): (np.array(r["means"]), np.array(r["errors"]))
        for one, r in zip(settings, results, strict=True)
    }
    sizes = sorted({n for n, _, _ in found})
    seeds = sorted({seed for _, _, seed in found})
    away = [_standardised(n, *found[n, beta, seed]) for n, beta, seed in found if beta == BETAS[0]]
    lost = {
        (n, beta): np.array(
            [1 - means[0] / means[2] for means, _ in (found[n, beta, seed] for seed in seeds)]
        )
        for n in sizes
        for beta in BETAS
    }
    slope = _exponent(*_FAR)
    claims = [
        within(
            f"Uniform utilities: {3 * len(away)} means over the closed form, root mean square of "
            "standardised differences (1)",
            NONE,
            spread(away),
            *CALIBRATED,
        ),
        Claim(
            f"Bound of a third, uniform utilities: exponent of n in the expected share lost, from "
            f"n = {_FAR[0]:,} to {_FAR[1]:,} (below 0)",
            f"{ALMOST_ALL}: a share that vanishes",
            slope,
            slope,
            slope,
            "holds" if slope < 0 else "does not hold",
        ),
    ]
    for beta in BETAS[1:]:
        exponents = over_seeds(
            np.array(
                [
                    np.polyfit(np.log(sizes), np.log([lost[n, beta][s] for n in sizes]), 1)[0]
                    for s in range(len(seeds))
                ]
            )
        )
        claims.append(
            judged(
                f"The same measured, beta = {beta:g}: exponent of n (below 0)",
                f"{ALMOST_ALL}: a share that vanishes",
                exponents,
                shown_below(exponents, 0.0),
            )
        )
    table = _table(sizes, lost)

    def draw() -> list[Section]:
        panels = {
            "share of latent utility lost": [
                *(
                    Line(sizes, [lost[n, beta].mean() for n in sizes], f"beta = {beta:g}")
                    for beta in BETAS
                ),
                Line(sizes, [_lost(n, "constrained") for n in sizes], "closed form"),
                Line(sizes, [_lost(n, "unconstrained") for n in sizes], "without bounds"),
            ]
        }
        figure = lines(panels, x_label="positions n", log=tuple(panels))
        return [Section("What is lost as n grows", [Text(_TEXT), figure, table])]

    return Shown(tuple(claims), (table,), draw)


_TEXT = (
    "There are 2 n candidates of one group and n of the other, with uniform utilities, for n "
    "positions, of which every prefix has at least a third, rounded down, of the group that bias "
    "is against. Where bias hides that group altogether, expectations are known; without bounds a "
    "tenth of the utility is then lost in the limit."
)


def _lost(n: int, which: str) -> float:
    found = expected(n, discounts("none", n), others=2 * n, protected=n)
    return 1 - found[which] / found["best"]


def _exponent(a: int, b: int) -> float:
    return float(np.log(_lost(b, "constrained") / _lost(a, "constrained")) / np.log(b / a))


def _standardised(n: int, means: Array, errors: Array) -> list[float]:
    known = expected(n, discounts("none", n), others=2 * n, protected=n)
    return [
        float((mean - known[name]) / error)
        for name, mean, error in zip(
            ("constrained", "unconstrained", "best"), means, errors, strict=True
        )
    ]


def _table(sizes: Sequence[int], lost: dict[tuple[int, float], Array]) -> Table:
    return Table(
        [
            Column("n", "right"),
            Column("closed form", "right"),
            *(Column(f"beta = {beta:g}", "right") for beta in BETAS),
            Column("without bounds", "right", note="closed form"),
        ],
        [
            [
                f"{n:,}",
                f"{_lost(n, 'constrained'):.2e}",
                *(f"{lost[n, beta].mean():.2e}" for beta in BETAS),
                f"{_lost(n, 'unconstrained'):.4f}",
            ]
            for n in sizes
        ],
        "Uniform utilities, a bound of a third: share of latent utility lost",
    )
