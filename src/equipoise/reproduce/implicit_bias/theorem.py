"""Bounds by the counts of the latent best ranking: whatever the bias, nothing is lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from scipy import stats

from equipoise.groups import Groups
from equipoise.rank import ImplicitBias, audit_latent, bounds_of, rank_items
from equipoise.report import Column, Section, Table, Text
from equipoise.reproduce.claim import Claim, Tier
from equipoise.reproduce.implicit_bias.published import NONE, OPTIMAL
from equipoise.reproduce.judge import judged, over_seeds, shown_above
from equipoise.reproduce.part import Cell, Part, Result, Shown

_LAWS = (
    ("uniform", stats.uniform()),
    ("lognormal", stats.lognorm(1.6)),
    ("power law", stats.pareto(1.5)),
    ("half normal", stats.halfnorm()),
)
_DISCOUNTS = ("dcg", "none", "reciprocal", "geometric")
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Setting:
    """Random problems.

    Attributes
    ----------
    overlap : bool
        Whether two groups overlap, and bias is the product; or up to ten are disjoint.
    seed : int
    trials : int
    """

    overlap: bool
    seed: int
    trials: int

    def cell(self) -> Cell:
        """The problems."""
        title = "groups that overlap" if self.overlap else "disjoint groups"
        return Cell(f"{title}, seed {self.seed}", vars(self), self.run, 4.0)

    def run(self) -> Result:
        """Rank by what is observed, and judge by what is latent."""
        random = np.random.default_rng([self.overlap, self.seed])
        run = _overlapping if self.overlap else _disjoint
        each = [run(random) for _ in range(self.trials)]
        names = ("unconstrained", "each", "cells")
        return {
            name: list(kept) for name, kept in zip(names, zip(*each, strict=True), strict=False)
        }


def _disjoint(random: np.random.Generator) -> tuple[float, float]:
    m, p = int(random.integers(10, 400)), int(random.integers(2, 11))
    n = int(random.integers(1, m + 1))
    names = [f"group {g}" for g in range(p)]
    groups = Groups.from_codes(random.integers(0, p, m), names)
    _, law = _LAWS[random.integers(len(_LAWS))]
    discount = _DISCOUNTS[random.integers(len(_DISCOUNTS))]
    latent = law.rvs(size=m, random_state=random)
    bias = ImplicitBias({name: float(np.exp(-7 * random.random())) for name in names})
    best = rank_items(latent, n=n)
    found = rank_items(
        bias.observe(latent, groups),
        groups,
        bounds_of(best.order, groups),
        n=n,
        discount=discount,
    )
    audit = audit_latent(found, latent)
    return audit.kept_unconstrained, audit.kept


def _overlapping(random: np.random.Generator) -> tuple[float, float, float]:
    m, n = 60, 20
    member = random.random((m, 2)) < 0.4
    sides = Groups.from_membership(member, ["first", "second"])
    cells = Groups.of({"first": member[:, 0], "second": member[:, 1]})
    latent = stats.lognorm(1.0).rvs(size=m, random_state=random)
    bias = ImplicitBias({"first": 0.5, "second": 0.25})
    observed = bias.observe(latent, sides)
    best = rank_items(latent, n=n).order
    audits = [
        audit_latent(rank_items(observed, groups, bounds_of(best, groups), n=n), latent)
        for groups in (sides, cells)
    ]
    return audits[0].kept_unconstrained, audits[0].kept, audits[1].kept


def theorem_part(tier: Tier, _: Path | None) -> Part:
    """Many random problems, with disjoint groups and with two that overlap.

    Returns
    -------
    Part
    """
    seeds = 8 if tier == "quick" else 40
    return part_of(
        [Setting(False, seed, 200) for seed in range(seeds)]
        + [Setting(True, seed, 10) for seed in range(seeds)]
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
    return Part("theorem", tuple(one.cell() for one in settings), partial(_show, settings))


def _show(settings: Sequence[Setting], results: Sequence[Result]) -> Shown:
    disjoint = [r for one, r in zip(settings, results, strict=True) if not one.overlap]
    overlap = [r for one, r in zip(settings, results, strict=True) if one.overlap]
    lost = max(1 - min(one["each"]) for one in disjoint)
    cells = max(1 - min(one["cells"]) for one in overlap)
    sides = over_seeds(np.array([1 - np.mean(one["each"]) for one in overlap]))
    trials = sum(len(one["each"]) for one in disjoint)
    claims = (
        Claim(
            f"Disjoint groups, lower bounds by the counts of the latent best: largest share of "
            f"latent utility lost in {trials:,} problems (0)",
            OPTIMAL,
            lost,
            lost,
            lost,
            "holds" if lost <= _ROUNDING else "does not hold",
        ),
        Claim(
            "Groups that overlap, such bounds on each intersection: largest share lost (0)",
            NONE,
            cells,
            cells,
            cells,
            "holds" if cells <= _ROUNDING else "does not hold",
        ),
        judged(
            "Groups that overlap, such bounds on each group and not on intersections: a share is "
            "lost (above 0)",
            NONE,
            sides,
            shown_above(sides, 0.0),
        ),
    )
    table = _table(disjoint, overlap)
    return Shown(claims, (table,), lambda: [Section("Whatever the bias", [Text(_TEXT), table])])


_TEXT = (
    "Factors of bias are between 0.001 and 1, laws of utility, sizes, lengths and discounts are "
    "drawn at random. Bounds say which group has each position, and bias keeps the order within "
    "a group. Where two groups overlap and bias multiplies, bounds on each alone do not say "
    "whether a position is for one who is in both."
)


def _table(disjoint: Sequence[Result], overlap: Sequence[Result]) -> Table:
    def row(what: str, runs: Sequence[Result], name: str) -> list[str]:
        values = np.concatenate([one[name] for one in runs])
        return [what, f"{values.mean():.4f}", f"{values.min():.4f}"]

    return Table(
        [Column("bounds"), Column("kept, mean", "right"), Column("least", "right")],
        [
            row("disjoint groups: none", disjoint, "unconstrained"),
            row("disjoint groups: counts of the latent best", disjoint, "each"),
            row("two that overlap: none", overlap, "unconstrained"),
            row("two that overlap: counts of each", overlap, "each"),
            row("two that overlap: counts of intersections", overlap, "cells"),
        ],
        "Shares of the latent utility of the best ranking",
    )
