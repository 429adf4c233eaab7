"""The parts put together: what ``equipoise reproduce polytope`` does."""

from __future__ import annotations

from equipoise.reproduce.claim import Reproduction
from equipoise.reproduce.part import MakePart
from equipoise.reproduce.polytope.boundary import boundary_part
from equipoise.reproduce.polytope.looks import looks_part
from equipoise.reproduce.polytope.networks import networks_part
from equipoise.reproduce.polytope.published import SOURCE
from equipoise.reproduce.polytope.rounding import rounding_part
from equipoise.reproduce.polytope.skew import skew_part
from equipoise.reproduce.polytope.uniformity import uniformity_part
from equipoise.reproduce.polytope.volumes import volumes_part
from equipoise.reproduce.run_parts import Rerun

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

rerun = Rerun(
    PARTS,
    "The sublinear ball walk, rounding and volume, re-run",
    f"Consequences of {SOURCE}, which has theorems and no experiments: what is known of it "
    "here is its abstract, and everything is checked against exact values.",
)

POLYTOPE = Reproduction(
    "polytope",
    "a step of the ball walk looks at about one row in n; rounding, volumes, uniform draws",
    SOURCE,
    in_place=rerun,
)
"""The claims of the paper on polytopes."""
