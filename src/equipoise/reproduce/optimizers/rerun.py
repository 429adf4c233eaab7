"""The parts put together: what ``equipoise reproduce optimizers`` does."""

from __future__ import annotations

from equipoise.reproduce.claim import Reproduction
from equipoise.reproduce.optimizers.networks.part import (
    features_part,
    images_part,
    styles_part,
    tables_part,
)
from equipoise.reproduce.optimizers.published import SOURCE
from equipoise.reproduce.optimizers.speeds import speeds_part
from equipoise.reproduce.optimizers.steps import steps_part
from equipoise.reproduce.optimizers.theory.part import theory_part
from equipoise.reproduce.optimizers.wells import wells_part
from equipoise.reproduce.part import MakePart
from equipoise.reproduce.run_parts import Rerun

PARTS: tuple[MakePart, ...] = (
    theory_part,
    wells_part,
    speeds_part,
    features_part,
    styles_part,
    steps_part,
    tables_part,
    images_part,
)
"""In the order in which they are shown."""

rerun = Rerun(
    PARTS,
    "Which optimizers lead to fairer models, re-run",
    f"Theory, simulations and small networks for {SOURCE}. The paper's learning rates, batch "
    "sizes and code are not known; what is re-run are its statements.",
)

OPTIMIZERS = Reproduction(
    "optimizers",
    "adaptive optimizers lead to fairer models than SGD",
    SOURCE,
    in_place=rerun,
)
"""The statements of the paper on optimizers."""
