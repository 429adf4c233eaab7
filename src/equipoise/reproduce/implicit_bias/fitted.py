"""The IIT-JEE and Semantic Scholar experiments, on the laws that the authors fitted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from equipoise.rank import calibrate
from equipoise.report import Section, Text
from equipoise.reproduce.claim import Claim, Tier
from equipoise.reproduce.implicit_bias.experiment import Experiment, Ratios
from equipoise.reproduce.implicit_bias.laws import drawn_from_laws, laws_of
from equipoise.reproduce.implicit_bias.published import (
    ALMOST_ALL,
    ALPHAS,
    BETAS,
    MEN,
    NONE,
    POSITIONS,
    RATIOS,
    TRIALS,
)
from equipoise.reproduce.implicit_bias.show_fitted import curves, tables
from equipoise.reproduce.judge import judged, over_seeds, shown_above, shown_at_least, shown_below
from equipoise.reproduce.part import Cell, Part, Result, Shown

NAMES = {"JEE": "IIT-JEE", "SS": "Semantic Scholar"}
CALIBRATED = len(ALPHAS)
"""The bound that is none of the grid: expected counts under the laws, rounded down."""

_ALMOST = 0.9
"""How much of what is lost is almost all of it."""


@dataclass(frozen=True)
class Setting:
    """A chunk of trials.

    Attributes
    ----------
    data : {"JEE", "SS"}
    ratio : str
    beta : float
    seed : int
    trials : int
    """

    data: str
    ratio: str
    beta: float
    seed: int
    trials: int

    def cell(self) -> Cell:
        """The trials."""
        title = f"{NAMES[self.data]}, r = {self.ratio}, beta = {self.beta:g}, chunk {self.seed}"
        return Cell(title, vars(self), self.run, self.trials * 0.005)

    def run(self) -> Result:
        """Rank and judge."""
        women = RATIOS[self.ratio]
        found = calibrate(laws_of(self.data), {"men": MEN, "women": women}, POSITIONS)
        experiment = Experiment(
            drawn_from_laws(self.data, self.beta), MEN, women, found.bounds("women")
        )
        return experiment.run(self.seed, self.trials)


def fitted_part(tier: Tier, _: Path | None) -> Part:
    """All data, ratios and strengths of bias.

    Returns
    -------
    Part
    """
    chunks, trials = (8, 30) if tier == "quick" else (20, TRIALS // 20)
    part = part_of(
        [
            Setting(data, ratio, beta, seed, trials)
            for data in NAMES
            for ratio in RATIOS
            for beta in BETAS
            for seed in range(chunks)
        ]
    )
    if tier == "full":
        return part
    note = f"Trials on fitted laws: {chunks * trials}, where the authors have {TRIALS:,}."
    return Part(part.name, part.cells, part.show, (note,))


def part_of(settings: Sequence[Setting]) -> Part:
    """A part of some settings.

    Parameters
    ----------
    settings : sequence of Setting

    Returns
    -------
    Part
    """
    return Part("fitted laws", tuple(one.cell() for one in settings), partial(_show, settings))


def _show(settings: Sequence[Setting], results: Sequence[Result]) -> Shown:
    chunks: dict[tuple[str, str, float], list[Result]] = {}
    for one, result in zip(settings, results, strict=True):
        chunks.setdefault((one.data, one.ratio, one.beta), []).append(result)
    found = {setting: Ratios.of(several) for setting, several in chunks.items()}
    claims = [claim for data in dict.fromkeys(d for d, _, _ in found) for claim in _of(data, found)]
    useless = sum(one.useless for one in found.values())
    shown = tables(found, NAMES)

    def draw() -> list[Section]:
        text = _TEXT.format(useless=f"{useless:,}")
        return [Section("Fitted laws", [Text(text), *shown, *curves(found, NAMES)])]

    return Shown(tuple(claims), shown, draw)


_TEXT = (
    "Of 1,000 men and 1,000 r women, with bias beta against women, a hundred are ranked, and every "
    "prefix of length k has floor(alpha k) women or more. Cons is the mean latent utility of those "
    "ranked under the bound, Uncons without it, Opt of the best; calibrated bounds have the counts "
    "that are expected of the best.\n\n"
    "Two things differ from the published code. It divides by the logarithm of 1 at the first "
    "position, so that its discounted utilities are infinite; ours are discounted by "
    "1 / log2(k + 1), with which the first position is worth 1. And it takes a group for exhausted "
    "whose best mark left is below -1, as a quarter of all marks are, and lets a factor below 1 "
    "make negative marks better. Here negative marks count as 0; of all people that were ranked, "
    "under all bounds, {useless} had such a mark, so that neither changes a figure at these sizes."
)


def _of(data: str, found: dict[tuple[str, str, float], Ratios]) -> list[Claim]:
    name = NAMES[data]
    biased = {(r, beta): one for (d, r, beta), one in found.items() if d == data and beta < 1}
    fair = {r: one for (d, r, beta), one in found.items() if d == data and beta == 1}
    claims = []
    for beta in dict.fromkeys(beta for _, beta in biased):
        gains = [
            over_seeds(one.constrained[:, CALIBRATED, 0] - one.unconstrained[:, 0])
            for (_, b), one in biased.items()
            if b == beta
        ]
        least = min(gains, key=lambda gain: gain.low)
        claims.append(
            judged(
                f"{name}, beta = {beta:g}: calibrated bounds raise latent utility, least over r of "
                "(Cons - Uncons) / Opt (above 0)",
                "Cons above Uncons",
                least,
                shown_above(least, 0.0),
            )
        )
        shares = [
            over_seeds(one.recovered(CALIBRATED)) for (_, b), one in biased.items() if b == beta
        ]
        share = min(shares, key=lambda one: one.low)
        claims.append(
            judged(
                f"{name}, beta = {beta:g}: of what bias loses calibrated bounds recover, least "
                f"over r ({_ALMOST:g} or more)",
                ALMOST_ALL,
                share,
                shown_at_least(share, _ALMOST),
            )
        )
    discounted = [over_seeds(one.recovered(CALIBRATED, 1)) for one in biased.values()]
    share = min(discounted, key=lambda one: one.low)
    claims.append(
        judged(
            f"{name}, positions discounted by 1 / log2(k + 1): calibrated bounds recover, least "
            f"over r and beta ({_ALMOST:g} or more)",
            ALMOST_ALL,
            share,
            shown_at_least(share, _ALMOST),
        )
    )
    if fair:
        costs = [over_seeds(one.constrained[:, len(ALPHAS) - 1, 0] - 1) for one in fair.values()]
        cost = max(costs, key=lambda one: one.high)
        claims.append(
            judged(
                f"{name}, beta = 1: without bias the strongest bound only costs, most over r of "
                "Cons / Opt - 1 (below 0)",
                NONE,
                cost,
                shown_below(cost, 0.0),
            )
        )
    claims.append(_strongest(data, biased))
    return claims


def _strongest(data: str, biased: dict[tuple[str, float], Ratios]) -> Claim:
    laws = laws_of(data)
    away, parity = [], []
    for (ratio, _), one in biased.items():
        women = RATIOS[ratio]
        calibrated = calibrate(laws, {"men": MEN, "women": women}, POSITIONS).shares["women"]
        away.append(abs(ALPHAS[one.strongest] - calibrated))
        parity.append(women / (MEN + women) - ALPHAS[one.strongest])
    worst = float(max(away))
    step = ALPHAS[1]
    return Claim(
        f"{NAMES[data]}: the best alpha of the grid is within a step of the calibrated share "
        f"({step:g} or less; it is {min(parity):.2f} to {max(parity):.2f} below the share of women "
        "among candidates)",
        NONE,
        worst,
        worst,
        worst,
        "holds" if worst <= step + 1e-9 else "does not hold",
    )
