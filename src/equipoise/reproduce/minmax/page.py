"""The page of the re-run: claims first, then what each part shows."""

from __future__ import annotations

from collections.abc import Sequence

from equipoise.report import Callout, Page, Section
from equipoise.reproduce.claim import Outcome
from equipoise.reproduce.minmax import published
from equipoise.reproduce.minmax.part import Part, Shown


def build_page(outcome: Outcome, parts: Sequence[Part], shown: Sequence[Shown]) -> Page:
    """Describe the page.

    Parameters
    ----------
    outcome : Outcome
    parts : sequence of Part
    shown : sequence of Shown
        Of the parts, in their order.

    Returns
    -------
    Page
    """
    notes = [note for part in parts for note in part.notes]
    return Page(
        "Min-max optimisation by accepting and rejecting, re-run",
        f"The experiments of {published.SOURCE}, beside ours.",
        [
            Section(
                "Claims",
                [Callout("info", _counted(outcome), "\n\n".join(notes)), outcome.table()],
            ),
            *(section for one in shown for section in one.draw()),
        ],
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
