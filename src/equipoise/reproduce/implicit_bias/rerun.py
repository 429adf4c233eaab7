"""The parts put together: what ``equipoise reproduce implicit-bias`` does."""

from __future__ import annotations

from collections.abc import Sequence

from equipoise.report import Page, Section
from equipoise.reproduce.claim import Outcome, Reproduction, Tier, Workplace
from equipoise.reproduce.implicit_bias.fitted import fitted_part
from equipoise.reproduce.implicit_bias.published import SOURCE
from equipoise.reproduce.implicit_bias.real import real_part
from equipoise.reproduce.implicit_bias.search_results import search_part
from equipoise.reproduce.implicit_bias.theorem import theorem_part
from equipoise.reproduce.implicit_bias.uniform import uniform_part
from equipoise.reproduce.part import MakePart, Part
from equipoise.reproduce.run_parts import make_parts, run_parts

PARTS: tuple[MakePart, ...] = (
    theorem_part,
    uniform_part,
    fitted_part,
    real_part,
    search_part,
)
"""In the order in which they are shown."""


def rerun(tier: Tier, place: Workplace, parts: Sequence[Part] | None = None) -> Outcome:
    """Re-run the claims on rankings.

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
        "Ranking in the presence of implicit bias, re-run",
        f"{SOURCE}. What is known of it here is its abstract and the settings of its authors' "
        "experiments; theorems are checked on problems drawn at random.",
        sections,
    )


IMPLICIT_BIAS = Reproduction(
    "implicit-bias",
    "bounds on every prefix of a ranking recover what implicit bias loses",
    SOURCE,
    in_place=rerun,
)
"""The claims of the paper on rankings."""
