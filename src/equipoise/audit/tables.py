"""An audit as tables, for a terminal or a page."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from equipoise.audit.words import (
    by_chance,
    how_many_rows,
    level,
    number,
    p_value,
    percent,
    with_interval,
)
from equipoise.report import Column, Table

if TYPE_CHECKING:
    from equipoise.audit.noisy import NoisyAudit
    from equipoise.audit.result import Audit
    from equipoise.audit.row_sample import Sampled
    from equipoise.audit.score_audit import ScoreAudit
    from equipoise.audit.subgroups import Subgroup
    from equipoise.rates import Rate


MOST_LISTED = 20
"""How many subgroups a reader is shown."""


def group_table(audit: Audit | NoisyAudit, rates: Sequence[str | Rate] | None = None) -> Table:
    """Rates by group with their intervals and the rows they rest on.

    Parameters
    ----------
    audit : Audit
    rates : sequence of str or Rate, optional
        Each has a column, or one a class where there are more than two; the rates that an audit
        shows by default.

    Returns
    -------
    Table
    """
    from equipoise.audit.result import DEFAULT_RATES

    found = [audit.rates(rate) for rate in (DEFAULT_RATES if rates is None else rates)]
    headings = [component for rates in found for component in rates.components]
    columns = [Column("group"), Column("rows", "right"), *(Column(h, "right") for h in headings)]
    rows = []
    for g, (name, size) in enumerate(zip(audit.counts.groups, audit.counts.sizes, strict=True)):
        cells = [with_interval(r.estimate(c, g)) for r in found for c in range(len(r.components))]
        rows.append([name, f"{size:,.0f}", *cells])
    return Table(columns, rows, caption=f"By group, with {level(audit.confidence)} intervals")


def disparity_table(audit: Audit | NoisyAudit) -> Table:
    """How far the rates fall apart.

    Parameters
    ----------
    audit : Audit

    Returns
    -------
    Table
    """
    from equipoise.audit.result import DEFAULT_DISPARITIES

    columns = [
        Column("disparity"),
        Column("value", "right"),
        Column("corrected", "right"),
        Column("by chance", "right"),
        Column("p", "right"),
    ]
    rows = []
    for disparity in DEFAULT_DISPARITIES:
        cells = ["", "", ""]
        if disparity.kind != "worst":
            found = audit.parity(disparity)
            cells = [number(found.corrected), by_chance(found, disparity), p_value(found.p_value)]
        rows.append([str(disparity), with_interval(audit.disparity(disparity)), *cells])
    return Table(
        columns,
        rows,
        caption=f"Disparities, with {level(audit.confidence)} intervals; by chance: what they "
        "would be on average, and at most, if groups of these sizes were treated alike",
    )


def score_table(scores: ScoreAudit) -> Table:
    """Areas and, of probabilities, calibration errors by group.

    Parameters
    ----------
    scores : ScoreAudit

    Returns
    -------
    Table
    """
    area = scores.auc()
    columns = [Column("group"), Column("area under ROC", "right")]
    rows = [
        [name, with_interval(area.estimate(0, g))] for g, name in enumerate(scores.counts.groups)
    ]
    caption = f"Scores, with {level(scores.confidence)} intervals"
    if scores.counts.limits == (0.0, 1.0):
        found = scores.calibration()
        columns += [Column("calibration error", "right"), Column("by chance", "right")]
        for g, row in enumerate(rows):
            error, low, high = (float(x[g]) for x in found[5:8])
            shown = number(error) if math.isnan(error) else f"{error:.3f} [{low:.3f}, {high:.3f}]"
            row += [shown, number(found.by_chance[g])]
        caption += "; by chance: what the error would be on average if the scores were right"
    return Table(columns, rows, caption=caption)


def subgroup_table(found: Sequence[Subgroup], rate: str, confidence: float) -> Table:
    """Subgroups whose rate is far from the others', the farthest first.

    Parameters
    ----------
    found : sequence of Subgroup
    rate : str
    confidence : float

    Returns
    -------
    Table
    """
    columns = [
        Column("rows that meet"),
        Column("rows", "right"),
        Column(rate, "right"),
        Column("the others", "right"),
        Column("difference", "right"),
    ]
    rows = [
        [
            one.rule,
            f"{one.rows:,}",
            f"{one.rate:.3f}",
            f"{one.others:.3f}",
            f"{one.difference:+.3f} [{one.low:+.3f}, {one.high:+.3f}]",
        ]
        for one in found
    ]
    return Table(
        columns,
        rows,
        caption=f"Found on one half of the rows and, with these figures, again on the other; of "
        f"those listed {100 * (1 - confidence):.10g}% or less are mere chance in the mean",
    )


def subgroup_text(
    found: Sequence[Subgroup], rate: str, confidence: float, sampled: Sampled | None = None
) -> str:
    """The subgroups that were found, as plain text.

    Parameters
    ----------
    found : sequence of Subgroup
    rate : str
    confidence : float
    sampled : Sampled, optional
        The sample that was searched, if it was one.

    Returns
    -------
    str
    """
    parts: list[Table | str] = [f"No subgroup was found whose {rate} is far from the others'."]
    if found:
        parts = [subgroup_table(found[:MOST_LISTED], rate, confidence)]
    more = len(found) - MOST_LISTED
    parts += [f"and {more} more"] if more > 0 else []
    return plain_text([*parts, f"Searched in {sampled}."] if sampled else parts)


def score_text(scores: ScoreAudit) -> str:
    """The audit of scores as plain text.

    Parameters
    ----------
    scores : ScoreAudit

    Returns
    -------
    str
    """
    from equipoise.audit.result import Estimate

    found = scores.auc_gap()
    told = (
        f"areas differ by {with_interval(Estimate(*found[:3]))}; by chance "
        f"{number(found.expected)}, p {p_value(found.p_value)}"
    )
    return plain_text([score_table(scores), told])


def as_text(audit: Audit | NoisyAudit) -> str:
    """The whole audit as plain text.

    Parameters
    ----------
    audit : Audit

    Returns
    -------
    str
    """
    from equipoise.audit.noisy_tables import noise_parts
    from equipoise.audit.result import DEFAULT_RATES

    counts = audit.counts
    parts: list[Table | str] = [
        f"{how_many_rows(counts)}, {len(counts.groups)} groups, accuracy {percent(counts.accuracy)}"
    ]
    by_class = len(counts.classes) > 2
    together = [[rate] for rate in DEFAULT_RATES] if by_class else [DEFAULT_RATES]
    parts += [group_table(audit, rates) for rates in together]
    noise = noise_parts(audit)
    return plain_text([*parts, disparity_table(audit), *noise, *audit.undefined, *audit.unsure])


def plain_text(parts: Sequence[Table | str]) -> str:
    """Tables and sentences as a terminal shows them, however wide.

    Parameters
    ----------
    parts : sequence of Table or str

    Returns
    -------
    str
    """
    from rich.console import Console

    # As wide as it takes: a table that is squeezed loses its digits first.
    console = Console(file=io.StringIO(), width=10_000, force_terminal=False)
    for part in parts:
        if isinstance(part, str):
            console.print(part, markup=False, highlight=False)
        else:
            console.print(part.to_rich())
    text = console.file.getvalue()  # type: ignore[attr-defined]
    return str(text).rstrip()
