"""Both parts put together: what ``equipoise reproduce constrained`` does."""

from __future__ import annotations

import math
import os
from pathlib import Path

from equipoise.reproduce.ahead import Work, filled
from equipoise.reproduce.claim import Outcome, Reproduction, Tier, Workplace
from equipoise.reproduce.constrained import fair, paper, published
from equipoise.reproduce.constrained.ahead import work_of
from equipoise.reproduce.constrained.cell import Cells
from equipoise.reproduce.constrained.fair import FairSize
from equipoise.reproduce.constrained.fair_claims import fair_claims
from equipoise.reproduce.constrained.methods import contenders
from equipoise.reproduce.constrained.page import build_page
from equipoise.reproduce.constrained.paper import PaperSize
from equipoise.reproduce.constrained.paper_claims import paper_claims
from equipoise.reproduce.constrained.tables import (
    frontier_table,
    paper_table,
    task_table,
    wins_table,
)
from equipoise.reproduce.constrained.tasks import fair_tasks

# A step of the others takes many times as long; they are in the full tier.
_QUICK_EVALUATIONS = 2.0


def rerun(
    tier: Tier,
    place: Workplace,
    paper_size: PaperSize | None = None,
    fair_size: FairSize | None = None,
) -> Outcome:
    """Re-run the benchmark.

    Parameters
    ----------
    tier : {"quick", "full"}
        The quick one trains on the simulated census alone.
    place : Workplace
    paper_size, fair_size : optional
        How much of either part, in place of the tier's.

    Returns
    -------
    Outcome

    Raises
    ------
    ValueError
        If the full tier has no folder of tables.
    """
    full = tier == "full"
    if full and place.data_dir is None and not os.environ.get("EQUIPOISE_DATA"):
        raise ValueError(
            "the full tier trains on well-known tables: name their folder with --data-dir or "
            "EQUIPOISE_DATA; the quick tier needs none."
        )
    paper_size, fair_size = paper_size or paper.SIZES[tier], fair_size or fair.SIZES[tier]
    most = math.inf if full else _QUICK_EVALUATIONS
    tasks, entrants = fair_tasks(with_real=full), contenders(most)
    task, many = paper.paper_tasks(tier)
    jobs = paper.paper_jobs(task, paper_size, many)
    total = len(jobs) + fair.count_cells(tasks, entrants)

    def work(folder: Path) -> list[Work]:
        return work_of(folder, jobs, tasks, fair_size, most, place.data_dir)

    with filled(place, work, total) as (folder, told):
        cells = Cells(folder, told)
        published_part = paper.run_paper(cells, task, paper_size, place.data_dir, many)
        own_part = fair.run_fair(cells, tasks, fair_size, place.data_dir, entrants)
    claims = (*paper_claims(published_part), *fair_claims(own_part))
    tables = (
        paper_table(published_part, "train"),
        paper_table(published_part, "test"),
        task_table(own_part),
        *(frontier_table(one) for one in own_part),
        wins_table(own_part),
        wins_table(own_part, equal_time=True),
    )
    outcome = Outcome(claims, tables)
    if place.out is None:  # drawing takes a while
        return outcome
    return Outcome(claims, tables, build_page(tier, outcome, published_part, own_part))


CONSTRAINED = Reproduction(
    "constrained",
    "stochastic methods for fairness-constrained training, compared",
    published.SOURCE,
    in_place=rerun,
)
