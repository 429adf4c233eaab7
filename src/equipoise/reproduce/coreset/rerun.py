"""The parts put together: what ``equipoise reproduce coreset`` does."""

from __future__ import annotations

from equipoise.reproduce.claim import Reproduction
from equipoise.reproduce.coreset.errors import errors_part
from equipoise.reproduce.coreset.growth import growth_part
from equipoise.reproduce.coreset.pays import pays_part
from equipoise.reproduce.coreset.published import SOURCE
from equipoise.reproduce.part import MakePart
from equipoise.reproduce.run_parts import Rerun

PARTS: tuple[MakePart, ...] = (growth_part, errors_part, pays_part)
"""In the order in which they are shown."""

rerun = Rerun(
    PARTS,
    "Importance sampling for clustering, re-run",
    f"The two-stage sample of {SOURCE}, which is a theorem without experiments: whether it behaves "
    "as it says, beside other ways of making a summary, and when one pays.",
)

CORESET = Reproduction(
    "coreset",
    "a weighted sample in two stages keeps the cost of every set of centres",
    SOURCE,
    in_place=rerun,
)
"""The claims of the paper on importance sampling."""
