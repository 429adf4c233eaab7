"""The parts put together: what ``equipoise reproduce maxent`` does."""

from __future__ import annotations

from collections.abc import Sequence

from equipoise.report import Page, Section
from equipoise.reproduce.claim import Outcome, Reproduction, Tier, Workplace
from equipoise.reproduce.maxent.accuracy import accuracy_part
from equipoise.reproduce.maxent.barriers import barriers_part
from equipoise.reproduce.maxent.bounds import bounds_part
from equipoise.reproduce.maxent.closed_forms import closed_forms_part
from equipoise.reproduce.maxent.draws import draws_part
from equipoise.reproduce.maxent.entropies import entropies_part
from equipoise.reproduce.maxent.hciz import hciz_part
from equipoise.reproduce.maxent.published import SOURCE
from equipoise.reproduce.maxent.rounding import rounding_part
from equipoise.reproduce.part import MakePart, Part
from equipoise.reproduce.run_parts import make_parts, run_parts

PARTS: tuple[MakePart, ...] = (
    closed_forms_part,
    draws_part,
    accuracy_part,
    hciz_part,
    bounds_part,
    rounding_part,
    barriers_part,
    entropies_part,
)
"""In the order in which they are shown."""


def rerun(tier: Tier, place: Workplace, parts: Sequence[Part] | None = None) -> Outcome:
    """Re-run the claims on continuous maximum entropy.

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
        "Continuous maximum-entropy distributions, re-run",
        f"Consequences of {SOURCE}, which has theorems and no experiments: what is known of it "
        "here is its abstract, and everything is checked against exact values or Monte Carlo.",
        sections,
    )


MAXENT = Reproduction(
    "maxent",
    "maximum-entropy laws on continuous domains, exactly and in polynomial time; quantum entropy",
    SOURCE,
    in_place=rerun,
)
"""The claims of the paper on continuous maximum entropy."""
