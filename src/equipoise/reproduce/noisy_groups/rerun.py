"""The parts put together: what ``equipoise reproduce noisy-groups`` does."""

from __future__ import annotations

from collections.abc import Sequence

from equipoise.report import Page, Section
from equipoise.reproduce.claim import Outcome, Reproduction, Tier, Workplace
from equipoise.reproduce.noisy_groups.assumed import assumed_part
from equipoise.reproduce.noisy_groups.frontier import frontier_part
from equipoise.reproduce.noisy_groups.guarantee import guarantee_part
from equipoise.reproduce.noisy_groups.published import SOURCE
from equipoise.reproduce.part import MakePart, Part
from equipoise.reproduce.run_parts import make_parts, run_parts

PARTS: tuple[MakePart, ...] = (assumed_part, guarantee_part, frontier_part)
"""In the order in which they are shown."""


def rerun(tier: Tier, place: Workplace, parts: Sequence[Part] | None = None) -> Outcome:
    """Re-run the claims on noisy groups.

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
        "Fair classification with noisy groups, re-run",
        f"The denoised program of {SOURCE}, beside others. The paper's figures are known here at "
        "second hand, from its authors' result files of an earlier version.",
        sections,
    )


NOISY_GROUPS = Reproduction(
    "noisy-groups",
    "classifiers that never see a true group keep promises about them, by correcting for flips",
    SOURCE,
    in_place=rerun,
)
"""The claims of the paper on noisy groups."""
