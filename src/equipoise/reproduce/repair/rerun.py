"""The parts put together: what ``equipoise reproduce repair`` does."""

from __future__ import annotations

from equipoise.reproduce.claim import Reproduction
from equipoise.reproduce.part import MakePart
from equipoise.reproduce.repair.blocks import blocks_part
from equipoise.reproduce.repair.exact import exact_part
from equipoise.reproduce.repair.folds import folds_part
from equipoise.reproduce.repair.large import large_part
from equipoise.reproduce.repair.many_columns import many_columns_part
from equipoise.reproduce.repair.published import SOURCE
from equipoise.reproduce.repair.solvers import solvers_part
from equipoise.reproduce.run_parts import Rerun

PARTS: tuple[MakePart, ...] = (
    exact_part,
    folds_part,
    large_part,
    many_columns_part,
    blocks_part,
    solvers_part,
)
"""In the order in which they are shown."""

rerun = Rerun(
    PARTS,
    "Maximum-entropy repair of tables, re-run",
    f"Laws, draws, classifiers and solvers of {SOURCE}. The paper's figures are known here at "
    "second hand, from the output of its authors' notebooks, and its theorem from notes on it.",
)

REPAIR = Reproduction(
    "repair",
    "rows drawn from a maximum-entropy law have labels and groups in the rates that were asked for",
    SOURCE,
    in_place=rerun,
)
"""The claims of the paper on repair of tables."""
