"""The parts put together: what ``equipoise reproduce maxent`` does."""

from __future__ import annotations

from equipoise.reproduce.claim import Reproduction
from equipoise.reproduce.maxent.accuracy import accuracy_part
from equipoise.reproduce.maxent.barriers import barriers_part
from equipoise.reproduce.maxent.bounds import bounds_part
from equipoise.reproduce.maxent.closed_forms import closed_forms_part
from equipoise.reproduce.maxent.draws import draws_part
from equipoise.reproduce.maxent.entropies import entropies_part
from equipoise.reproduce.maxent.hciz import hciz_part
from equipoise.reproduce.maxent.published import SOURCE
from equipoise.reproduce.maxent.rounding import rounding_part
from equipoise.reproduce.part import MakePart
from equipoise.reproduce.run_parts import Rerun

PARTS: tuple[MakePart, ...] = (
    closed_forms_part,
    draws_part,
    accuracy_part,
    hciz_part,
    bounds_part,
    rounding_part,
    barriers_part,
    entropies_part,
)
"""In the order in which they are shown."""

rerun = Rerun(
    PARTS,
    "Continuous maximum-entropy distributions, re-run",
    f"Consequences of {SOURCE}, which has theorems and no experiments: what is known of it "
    "here is its abstract, and everything is checked against exact values or Monte Carlo.",
)

MAXENT = Reproduction(
    "maxent",
    "maximum-entropy laws on continuous domains, exactly and in polynomial time; quantum entropy",
    SOURCE,
    in_place=rerun,
)
"""The claims of the paper on continuous maximum entropy."""
