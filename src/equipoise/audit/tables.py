"""An audit as tables, for a terminal or a page."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from equipoise.audit.words import by_chance, level, number, p_value, percent, with_interval
from equipoise.report import Column, Table

if TYPE_CHECKING:
    from equipoise.audit.result import Audit
    from equipoise.rates import Rate


def group_table(audit: Audit, rates: Sequence[str | Rate] | None = None) -> Table:
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
        rows.append([name, f"{size:,}", *cells])
    return Table(columns, rows, caption=f"By group, with {level(audit.confidence)} intervals")


def disparity_table(audit: Audit) -> Table:
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


def as_text(audit: Audit) -> str:
    """The whole audit as plain text.

    Parameters
    ----------
    audit : Audit

    Returns
    -------
    str
    """
    from rich.console import Console

    from equipoise.audit.result import DEFAULT_RATES

    # As wide as it takes: a table that is squeezed loses its digits first.
    console = Console(file=io.StringIO(), width=10_000, force_terminal=False)
    counts = audit.counts
    console.print(
        f"{counts.n_rows:,} rows, {len(counts.groups)} groups, accuracy {percent(counts.accuracy)}",
        markup=False,
        highlight=False,
    )
    by_class = len(counts.classes) > 2
    for rates in [[rate] for rate in DEFAULT_RATES] if by_class else [DEFAULT_RATES]:
        console.print(group_table(audit, rates).to_rich())
    console.print(disparity_table(audit).to_rich())
    for line in [*audit.undefined, *audit.unsure]:
        console.print(line, markup=False, highlight=False)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    return str(text).rstrip()
