"""The parts put together: what ``equipoise reproduce fair-coreset`` does."""

from __future__ import annotations

from equipoise.reproduce.claim import Reproduction
from equipoise.reproduce.fair_coreset.errors import errors_part
from equipoise.reproduce.fair_coreset.published import SOURCE
from equipoise.reproduce.fair_coreset.speed import speed_part
from equipoise.reproduce.fair_coreset.theory import theory_part
from equipoise.reproduce.part import MakePart
from equipoise.reproduce.run_parts import Rerun

PARTS: tuple[MakePart, ...] = (theory_part, errors_part, speed_part)
"""In the order in which they are shown."""

rerun = Rerun(
    PARTS,
    "Coresets for fair clustering, re-run",
    f"The construction of {SOURCE}, as its theory and as its authors' program have it, beside "
    "others of equal size. The paper's tables were not at hand: its figures are recalled.",
)

FAIR_CORESET = Reproduction(
    "fair-coreset",
    "a small weighted set of points keeps the cost of every fair clustering",
    SOURCE,
    in_place=rerun,
)
"""The claims of the paper on coresets for fair clustering."""
