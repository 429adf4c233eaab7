"""The parts put together: what ``equipoise reproduce minmax`` does."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from equipoise.reproduce.ahead import work_ahead
from equipoise.reproduce.claim import Outcome, Reproduction, Tier, Workplace
from equipoise.reproduce.minmax import published
from equipoise.reproduce.minmax.page import build_page
from equipoise.reproduce.minmax.part import Part, find_results, work_of
from equipoise.reproduce.minmax.parts import PARTS


def rerun(tier: Tier, place: Workplace, parts: Sequence[Part] | None = None) -> Outcome:
    """Re-run the paper's experiments.

    Parameters
    ----------
    tier : {"quick", "full"}
    place : Workplace
    parts : sequence of Part, optional
        In place of the tier's.

    Returns
    -------
    Outcome
    """
    if parts is None:
        named = place.data_dir or os.environ.get("EQUIPOISE_DATA")
        data_dir = Path(named) if named else None
        parts = [make(tier, data_dir) for make in PARTS]
    told = place.progress or _silent
    with ExitStack() as stack:
        folder = place.out
        if folder is None and place.jobs > 1:
            folder = Path(stack.enter_context(TemporaryDirectory()))
        if folder is not None and place.jobs > 1:
            work_ahead(work_of(parts, folder), place.jobs, told)
        total = sum(len(part.cells) for part in parts)
        done = count()
        shown = [
            part.show(find_results(part, folder, lambda what: told(what, next(done), total)))
            for part in parts
        ]
    outcome = Outcome(
        tuple(claim for one in shown for claim in one.claims),
        tuple(table for one in shown for table in one.tables),
    )
    if place.out is None:  # drawing takes a while
        return outcome
    return Outcome(outcome.claims, outcome.tables, build_page(outcome, parts, shown))


def _silent(what: str, done: int, total: int) -> None:
    pass


MINMAX = Reproduction(
    "minmax",
    "min-max training by moves that are accepted or rejected does not cycle or collapse",
    published.SOURCE,
    in_place=rerun,
)
"""The experiments of the paper on accepting and rejecting."""
