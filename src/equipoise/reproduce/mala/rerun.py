"""The parts put together: what ``equipoise reproduce mala`` does."""

from __future__ import annotations

from equipoise.reproduce.claim import Reproduction
from equipoise.reproduce.mala.best_step import best_step_part
from equipoise.reproduce.mala.checks import checks_part
from equipoise.reproduce.mala.published import SOURCE
from equipoise.reproduce.mala.scaling import scaling_part
from equipoise.reproduce.mala.zero_one import zero_one_part
from equipoise.reproduce.part import MakePart
from equipoise.reproduce.run_parts import Rerun

PARTS: tuple[MakePart, ...] = (scaling_part, best_step_part, checks_part, zero_one_part)
"""In the order in which they are shown."""

rerun = Rerun(
    PARTS,
    "The Metropolis-adjusted Langevin algorithm, re-run",
    f"Scaling, checks and zero-one loss for {SOURCE}. The paper has theorems, whose orders are "
    "known here from its abstract and at second hand; what is re-run are their consequences.",
)

MALA_RERUN = Reproduction(
    "mala",
    "MALA's cost grows less than linearly with the dimension on incoherent data",
    SOURCE,
    in_place=rerun,
)
"""The claims of the paper on MALA."""
