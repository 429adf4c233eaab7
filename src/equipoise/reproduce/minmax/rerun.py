"""The parts put together: what ``equipoise reproduce minmax`` does."""

from __future__ import annotations

from collections.abc import Sequence

from equipoise.report import Page, Section
from equipoise.reproduce.claim import Outcome, Reproduction, Tier, Workplace
from equipoise.reproduce.minmax import published
from equipoise.reproduce.minmax.parts import PARTS
from equipoise.reproduce.part import Part
from equipoise.reproduce.run_parts import make_parts, run_parts


def rerun(tier: Tier, place: Workplace, parts: Sequence[Part] | None = None) -> Outcome:
    """Re-run the paper's experiments.

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
        "Min-max optimisation by accepting and rejecting, re-run",
        f"The experiments of {published.SOURCE}, beside ours.",
        sections,
    )


MINMAX = Reproduction(
    "minmax",
    "min-max training by moves that are accepted or rejected does not cycle or collapse",
    published.SOURCE,
    in_place=rerun,
)
"""The experiments of the paper on accepting and rejecting."""
