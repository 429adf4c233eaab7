"""Rings and a grid of Gaussians, as a part of the re-run."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch

from equipoise.report import Facts, Section, Text
from equipoise.reproduce.claim import Tier
from equipoise.reproduce.minmax.gaussians.cell import Setting
from equipoise.reproduce.minmax.gaussians.claims import mixture_claims
from equipoise.reproduce.minmax.gaussians.figures import (
    gradient_figure,
    move_figure,
    sample_figure,
)
from equipoise.reproduce.minmax.gaussians.mixture import (
    EVEN_RING,
    GRID_OF_25,
    RING_OF_8,
    WEIGHTED_RING,
    Mixture,
)
from equipoise.reproduce.minmax.gaussians.results import Results, collect
from equipoise.reproduce.minmax.gaussians.tables import mixture_table
from equipoise.reproduce.minmax.stack.variants import (
    COUNTERFACTUAL,
    GDA,
    GDA_ONCE,
    KEPT,
    OPTIMISTIC,
    STATIONARY,
    TITLES,
    UNROLLED,
    Plan,
)
from equipoise.reproduce.part import Cell, Part, Result, Shown

_ALL = (GDA_ONCE, GDA, OPTIMISTIC, UNROLLED, COUNTERFACTUAL, KEPT, STATIONARY)
_FEW = (GDA_ONCE, GDA, COUNTERFACTUAL)
_RATES = (1e-3, 1e-4)  # as published, and 1,500 iterations
# Which variants, how many seeds, how many iterations.
_FULL = {
    WEIGHTED_RING: (_ALL, 40, 1500),
    EVEN_RING: (_FEW, 40, 1500),
    RING_OF_8: (_FEW, 40, 1500),
    GRID_OF_25: (_FEW, 10, 2000),
}
_COSTLY_SEEDS = 10


def gaussians_part(tier: Tier, _: Path | None) -> Part:
    """All mixtures.

    Parameters
    ----------
    tier : {"quick", "full"}

    Returns
    -------
    Part
    """
    if tier == "full":
        # One after another they use a graphics processor badly.
        together = 40 if torch.cuda.is_available() else 10
        settings = [
            Setting(
                mixture, Plan(6, *_RATES, 0.25, n, 60), 64, 128, 128, which, seeds, _COSTLY_SEEDS
            )
            for mixture, (which, seeds, n) in _FULL.items()
        ]
        return part_of(settings, together, 0.0065, _NOTES)
    settings = [
        Setting(mixture, Plan(6, *_RATES, 0.25, 1500, 60), 32, 64, 64, variants, 6, 6)
        for mixture, variants in (
            (WEIGHTED_RING, (GDA_ONCE, GDA, OPTIMISTIC, COUNTERFACTUAL, KEPT)),
            (RING_OF_8, _FEW),
        )
    ]
    return part_of(
        settings,
        6,
        0.0017,
        (
            "The quick tier learns two mixtures with networks of 64 units on batches of 64, on six "
            "seeds; published are 128 units and batches of 512. The full tier has 128 units and "
            "batches of 128, on forty seeds and four mixtures, with the unrolled variant and the "
            "response to stationarity. Networks and batches change which variant is best.",
        ),
    )


_NOTES = (
    "Mixtures of Gaussians are learnt with the published layers of 128 units, rates, k and 1,500 "
    "iterations, but on batches of 128, where the paper has 512, and from 64 numbers of noise, "
    "where it has 256: about a quarter of the work. Which variant is best can hang on the batch.",
    "Unrolling and the response to stationarity take three to four times as long as the rest, and "
    f"have {_COSTLY_SEEDS} seeds where the rest has 40. They, optimistic Adam and the kept "
    "response are run on the weighted ring alone. The grid of 25, which the paper has not, has 10 "
    "seeds of 2,000 iterations: each counts 25 modes.",
)


def part_of(
    settings: Sequence[Setting], together: int, seconds: float, notes: tuple[str, ...] = ()
) -> Part:
    """Settings as a part.

    Parameters
    ----------
    settings : sequence of Setting
    together : int
        How many seeds are stacked.
    seconds : float
        A guess for a step of one seed of descent-ascent at the same k.
    notes : tuple of str

    Returns
    -------
    Part
    """
    cells: list[Cell] = []
    owners: list[Mixture] = []
    for setting in settings:
        for variant in setting.variants:
            own = setting.cells(variant, together, seconds)
            cells += own
            owners += [setting.mixture] * len(own)
    return Part("gaussians", tuple(cells), partial(_show, settings, owners), notes)


def _show(settings: Sequence[Setting], owners: Sequence[Mixture], found: Sequence[Result]) -> Shown:
    results = [
        collect(
            setting,
            [one for one, owner in zip(found, owners, strict=True) if owner == setting.mixture],
        )
        for setting in settings
    ]
    tables = tuple(mixture_table(one) for one in results)
    return Shown(
        tuple(claim for one in results for claim in mixture_claims(one)),
        tables,
        lambda: [_section(one) for one in results] + [_methods(results)],
    )


def _section(results: Results) -> Section:
    name = results.setting.mixture.name
    return Section(
        f"{name[0].upper()}{name[1:]}",
        [
            mixture_table(results),
            gradient_figure(results),
            move_figure(results),
            sample_figure(results),
        ],
    )


def _methods(results: Sequence[Results]) -> Section:
    names = dict.fromkeys(name for one in results for name in one.runs)
    return Section("Variants", [Text(_PROTOCOL), Facts({name: TITLES[name] for name in names})])


_PROTOCOL = (
    "All variants of a seed begin with the same networks and, where they draw alike, see the same "
    "batches; differences are paired over seeds. Seeds are computed together, and each of them "
    "decides, and is rolled back, alone. Every evaluation has a batch of its own except the two "
    "that are compared. Adam's moments and counters are rolled back with the networks.\n\n"
    "The controls take the share of moves that stayed from the same seed of the variant they are "
    "controls of. A coin that rolls both players back is descent-ascent with fewer steps.\n\n"
    "The authors' program tests the negative of f, restores the generator alone and compares "
    "different batches; what is run here is the rule of the paper, whose free passes have a fixed "
    "probability as in that program. A product of second derivatives counts as two gradients, and "
    "evaluations without gradient, two a comparison, are not counted."
)
