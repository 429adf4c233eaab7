"""The parts put together: what ``equipoise reproduce minmax`` does."""

from __future__ import annotations

from equipoise.reproduce.claim import Reproduction
from equipoise.reproduce.minmax import published
from equipoise.reproduce.minmax.parts import PARTS
from equipoise.reproduce.run_parts import Rerun

rerun = Rerun(
    PARTS,
    "Min-max optimisation by accepting and rejecting, re-run",
    f"The experiments of {published.SOURCE}, beside ours.",
)

MINMAX = Reproduction(
    "minmax",
    "min-max training by moves that are accepted or rejected does not cycle or collapse",
    published.SOURCE,
    in_place=rerun,
)
"""The experiments of the paper on accepting and rejecting."""
