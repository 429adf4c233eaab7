"""The parts put together: what ``equipoise reproduce implicit-bias`` does."""

from __future__ import annotations

from equipoise.reproduce.claim import Reproduction
from equipoise.reproduce.implicit_bias.fitted import fitted_part
from equipoise.reproduce.implicit_bias.published import SOURCE
from equipoise.reproduce.implicit_bias.real import real_part
from equipoise.reproduce.implicit_bias.search_results import search_part
from equipoise.reproduce.implicit_bias.theorem import theorem_part
from equipoise.reproduce.implicit_bias.uniform import uniform_part
from equipoise.reproduce.part import MakePart
from equipoise.reproduce.run_parts import Rerun

PARTS: tuple[MakePart, ...] = (
    theorem_part,
    uniform_part,
    fitted_part,
    real_part,
    search_part,
)
"""In the order in which they are shown."""

rerun = Rerun(
    PARTS,
    "Ranking in the presence of implicit bias, re-run",
    f"{SOURCE}. What is known of it here is its abstract and the settings of its authors' "
    "experiments; theorems are checked on problems drawn at random.",
)

IMPLICIT_BIAS = Reproduction(
    "implicit-bias",
    "bounds on every prefix of a ranking recover what implicit bias loses",
    SOURCE,
    in_place=rerun,
)
"""The claims of the paper on rankings."""
