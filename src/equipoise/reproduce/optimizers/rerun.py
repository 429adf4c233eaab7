"""The parts put together: what ``equipoise reproduce optimizers`` does."""

from __future__ import annotations

from collections.abc import Sequence

from equipoise.report import Page, Section
from equipoise.reproduce.claim import Outcome, Reproduction, Tier, Workplace
from equipoise.reproduce.optimizers.networks.part import (
    features_part,
    images_part,
    styles_part,
    tables_part,
)
from equipoise.reproduce.optimizers.published import SOURCE
from equipoise.reproduce.optimizers.speeds import speeds_part
from equipoise.reproduce.optimizers.steps import steps_part
from equipoise.reproduce.optimizers.theory.part import theory_part
from equipoise.reproduce.optimizers.wells import wells_part
from equipoise.reproduce.part import MakePart, Part
from equipoise.reproduce.run_parts import make_parts, run_parts

PARTS: tuple[MakePart, ...] = (
    theory_part,
    wells_part,
    speeds_part,
    features_part,
    styles_part,
    steps_part,
    tables_part,
    images_part,
)
"""In the order in which they are shown."""


def rerun(tier: Tier, place: Workplace, parts: Sequence[Part] | None = None) -> Outcome:
    """Re-run theory and experiments.

    Parameters
    ----------
    tier : {"quick", "full"}
    place : Workplace
    parts : sequence of Part, optional
        In place of the tier's.

    Returns
    -------
    Outcome
    """
    if parts is None:
        parts = make_parts(PARTS, tier, place)
    return run_parts(parts, place, _page)


def _page(sections: Sequence[Section]) -> Page:
    return Page(
        "Which optimizers lead to fairer models, re-run",
        f"Theory, simulations and small networks for {SOURCE}. The paper's learning rates, batch "
        "sizes and code are not known; what is re-run are its statements.",
        sections,
    )


OPTIMIZERS = Reproduction(
    "optimizers",
    "adaptive optimizers lead to fairer models than SGD",
    SOURCE,
    in_place=rerun,
)
"""The statements of the paper on optimizers."""
