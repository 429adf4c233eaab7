"""The parts put together: what ``equipoise reproduce mala`` does."""

from __future__ import annotations

from collections.abc import Sequence

from equipoise.report import Page, Section
from equipoise.reproduce.claim import Outcome, Reproduction, Tier, Workplace
from equipoise.reproduce.mala.best_step import best_step_part
from equipoise.reproduce.mala.checks import checks_part
from equipoise.reproduce.mala.published import SOURCE
from equipoise.reproduce.mala.scaling import scaling_part
from equipoise.reproduce.mala.zero_one import zero_one_part
from equipoise.reproduce.part import MakePart, Part
from equipoise.reproduce.run_parts import make_parts, run_parts

PARTS: tuple[MakePart, ...] = (scaling_part, best_step_part, checks_part, zero_one_part)
"""In the order in which they are shown."""


def rerun(tier: Tier, place: Workplace, parts: Sequence[Part] | None = None) -> Outcome:
    """Re-run the claims on MALA.

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
        "The Metropolis-adjusted Langevin algorithm, re-run",
        f"Scaling, checks and zero-one loss for {SOURCE}. The paper has theorems, whose orders are "
        "known here from its abstract and at second hand; what is re-run are their consequences.",
        sections,
    )


MALA_RERUN = Reproduction(
    "mala",
    "MALA's cost grows less than linearly with the dimension on incoherent data",
    SOURCE,
    in_place=rerun,
)
"""The claims of the paper on MALA."""
