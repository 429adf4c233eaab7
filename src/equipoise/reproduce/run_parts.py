"""Parts run one after another, or by several processes ahead, and put together."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from equipoise.report import Callout, Page, Section
from equipoise.reproduce.ahead import filled
from equipoise.reproduce.claim import Outcome, Tier, Workplace
from equipoise.reproduce.part import MakePart, Part, find_results, work_of

Describe = Callable[[Sequence[Section]], Page]
"""From the sections, that of the claims first, to the page."""


@dataclass(frozen=True)
class Rerun:
    """What the command of a paper does whose claims are all in parts.

    Attributes
    ----------
    makers : tuple of callable
        Of the parts, in the order in which they are shown.
    title, lead : str
        Of the page.
    """

    makers: tuple[MakePart, ...]
    title: str
    lead: str

    def __call__(
        self, tier: Tier, place: Workplace, parts: Sequence[Part] | None = None
    ) -> Outcome:
        """Re-run the claims.

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
            parts = make_parts(self.makers, tier, place)
        return run_parts(parts, place, partial(Page, self.title, self.lead))


def run_parts(parts: Sequence[Part], place: Workplace, describe: Describe) -> Outcome:
    """Run what has not been run, and put together what parts have to say.

    Parameters
    ----------
    parts : sequence of Part
    place : Workplace
    describe : callable
        Called only where a page is written.

    Returns
    -------
    Outcome
    """
    total = sum(len(part.cells) for part in parts)
    with filled(place, partial(work_of, parts), total) as (folder, told):
        shown = [part.show(find_results(part, folder, told)) for part in parts]
    outcome = Outcome(
        tuple(claim for one in shown for claim in one.claims),
        tuple(table for one in shown for table in one.tables),
    )
    if place.out is None:  # drawing takes a while
        return outcome
    claims = claims_section(outcome, [note for part in parts for note in part.notes])
    page = describe([claims, *(section for one in shown for section in one.draw())])
    return Outcome(outcome.claims, outcome.tables, page)


def make_parts(makers: Sequence[MakePart], tier: Tier, place: Workplace) -> list[Part]:
    """The parts of a tier, with the data that there are.

    Parameters
    ----------
    makers : sequence of callable
    tier : {"quick", "full"}
    place : Workplace
        Without a folder of data it is the one that the environment names.

    Returns
    -------
    list of Part
    """
    named = place.data_dir or os.environ.get("EQUIPOISE_DATA")
    return [make(tier, Path(named) if named else None) for make in makers]


def claims_section(outcome: Outcome, notes: Sequence[str]) -> Section:
    """The claims and how many of them hold.

    Parameters
    ----------
    outcome : Outcome
    notes : sequence of str
        What is to be known of all of them.

    Returns
    -------
    Section
    """
    return Section(
        "Claims", [Callout("info", _counted(outcome), "\n\n".join(notes)), outcome.table()]
    )


def _counted(outcome: Outcome) -> str:
    verdicts: list[str] = [claim.verdict for claim in outcome.claims]
    counted = ", ".join(
        f"{verdicts.count(verdict)} {said}"
        for verdict, said in (
            ("holds", "hold"),
            ("holds with a condition", "hold with a condition"),
            ("does not hold", "do not"),
            ("cannot be told", "cannot be told"),
        )
    )
    return f"Of {len(verdicts)} claims: {counted}"
