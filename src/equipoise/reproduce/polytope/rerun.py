"""The parts put together: what ``equipoise reproduce polytope`` does."""

from __future__ import annotations

from collections.abc import Sequence

from equipoise.report import Page, Section
from equipoise.reproduce.claim import Outcome, Reproduction, Tier, Workplace
from equipoise.reproduce.part import MakePart, Part
from equipoise.reproduce.polytope.boundary import boundary_part
from equipoise.reproduce.polytope.looks import looks_part
from equipoise.reproduce.polytope.networks import networks_part
from equipoise.reproduce.polytope.published import SOURCE
from equipoise.reproduce.polytope.rounding import rounding_part
from equipoise.reproduce.polytope.skew import skew_part
from equipoise.reproduce.polytope.uniformity import uniformity_part
from equipoise.reproduce.polytope.volumes import volumes_part
from equipoise.reproduce.run_parts import make_parts, run_parts

PARTS: tuple[MakePart, ...] = (
    looks_part,
    uniformity_part,
    boundary_part,
    skew_part,
    rounding_part,
    volumes_part,
    networks_part,
)
"""In the order in which they are shown."""


def rerun(tier: Tier, place: Workplace, parts: Sequence[Part] | None = None) -> Outcome:
    """Re-run the claims on polytopes.

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
        "The sublinear ball walk, rounding and volume, re-run",
        f"Consequences of {SOURCE}, which has theorems and no experiments: what is known of it "
        "here is its abstract, and everything is checked against exact values.",
        sections,
    )


POLYTOPE = Reproduction(
    "polytope",
    "a step of the ball walk looks at about one row in n; rounding, volumes, uniform draws",
    SOURCE,
    in_place=rerun,
)
"""The claims of the paper on polytopes."""
