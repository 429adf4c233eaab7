"""The parts put together: what ``equipoise reproduce noisy-groups`` does."""

from __future__ import annotations

from equipoise.reproduce.claim import Reproduction
from equipoise.reproduce.noisy_groups.assumed import assumed_part
from equipoise.reproduce.noisy_groups.frontier import frontier_part
from equipoise.reproduce.noisy_groups.guarantee import guarantee_part
from equipoise.reproduce.noisy_groups.published import SOURCE
from equipoise.reproduce.part import MakePart
from equipoise.reproduce.run_parts import Rerun

PARTS: tuple[MakePart, ...] = (assumed_part, guarantee_part, frontier_part)
"""In the order in which they are shown."""

rerun = Rerun(
    PARTS,
    "Fair classification with noisy groups, re-run",
    f"The denoised program of {SOURCE}, beside others. The paper's figures are known here at "
    "second hand, from its authors' result files of an earlier version.",
)

NOISY_GROUPS = Reproduction(
    "noisy-groups",
    "classifiers that never see a true group keep promises about them, by correcting for flips",
    SOURCE,
    in_place=rerun,
)
"""The claims of the paper on noisy groups."""
