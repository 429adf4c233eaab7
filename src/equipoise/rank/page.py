"""The report of a ranking: what it cost, exposure by group, and who moved."""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING

import numpy as np

from equipoise.report import Callout, Cell, Column, Figure, Line, Page, Section, Table, lines
from equipoise.shares import find_group

if TYPE_CHECKING:
    from equipoise.rank.run import Ranked

_MOST_ROWS = 10
_MOST_LINES = 8
_POINTS = 400


def page(found: Ranked) -> Page:
    """Describe the report.

    Parameters
    ----------
    found : Ranked

    Returns
    -------
    Page
    """
    ranking = found.ranking
    sections = [
        Section("In short", [_callout(found), cost_table(found)]),
        Section("Groups", [group_table(found), _shares(found)], note=_EXPOSURE),
        Section("Who moved", [count_table(found), moved_table(found)], note=_MOVED),
    ]
    return Page(
        title=f"Ranking of {found.name}",
        lead=f"{len(ranking.order):,} of {len(found.scores):,} rows in {len(found.groups)} groups, "
        f"ranked under {_promised(found)}.",
        sections=sections,
        footer=f"Made by equipoise {metadata.version('equipoise')}.",
    )


_EXPOSURE = (
    "Exposure is the mean worth of a group's positions, those who are not ranked having none. The "
    "first position is worth 1."
)
_MOVED = (
    "Rows are numbered from 1, as they stand in the table. Places are those within the ranking; "
    "behind its end all are alike."
)


def tables(found: Ranked) -> list[Table]:
    """What it cost and who moved, as tables.

    Parameters
    ----------
    found : Ranked

    Returns
    -------
    list of Table
    """
    return [cost_table(found), group_table(found), count_table(found), moved_table(found)]


def cost_table(found: Ranked) -> Table:
    """Utility, exposure and divergence, by score and under the bounds.

    Parameters
    ----------
    found : Ranked

    Returns
    -------
    Table
    """
    ranking = found.ranking
    before, after = found.exposure
    rows: list[list[str | Cell]] = [
        ["discounted utility", f"{ranking.best_utility:,.4g}", f"{ranking.utility:,.4g}"],
        ["utility lost", "", _percent(ranking.lost)],
        ["exposure gap", f"{before.gap:.4f}", f"{after.gap:.4f}"],
        ["exposure ratio", _figure(before.ratio), _figure(after.ratio)],
    ]
    if found.ndkl is not None:
        rows.append(["NDKL", *(_figure(value) for value in found.ndkl)])
    return Table(
        [Column(""), Column("by score", "right"), Column("ranked", "right")],
        rows,
        caption="What the bounds change",
    )


def group_table(found: Ranked) -> Table:
    """Shares and exposure of each group.

    Parameters
    ----------
    found : Ranked

    Returns
    -------
    Table
    """
    before, after = found.exposure
    columns = [
        Column("group"),
        Column("candidates", "right"),
        Column("by score", "right", note="of positions"),
        Column("ranked", "right", note="of positions"),
        Column("exposure", "right", note="by score"),
        Column("exposure", "right", note="ranked"),
    ]
    rows: list[list[str | Cell]] = [
        [
            name,
            _percent(before.candidates[g]),
            _percent(before.ranked[g]),
            _percent(after.ranked[g]),
            f"{before.exposure[g]:.4f}",
            f"{after.exposure[g]:.4f}",
        ]
        for g, name in enumerate(found.groups.names)
    ]
    return Table(columns, rows, caption="Groups by score and as ranked")


def count_table(found: Ranked) -> Table:
    """How many of each group moved.

    Parameters
    ----------
    found : Ranked

    Returns
    -------
    Table
    """
    n, m = len(found.ranking.order), len(found.scores)
    moved, there = found.moved, np.stack(found.places) <= n
    both = there.all(axis=0)
    counted = {"up": (moved > 0) & both, "down": (moved < 0) & both}
    if n < m:
        counted |= {"came in": there[1] & ~there[0], "left": there[0] & ~there[1]}
    codes, patterns = found.groups.patterns()
    rows: list[list[str | Cell]] = []
    for g, name in enumerate(found.groups.names):
        member = patterns[:, g][codes]
        rows.append([name, *(f"{int((member & some).sum()):,}" for some in counted.values())])
    columns = [Column("group"), *(Column(heading, "right") for heading in counted)]
    return Table(columns, rows, caption="How many of each group moved")


def moved_table(found: Ranked) -> Table:
    """The rows that gained and lost most places.

    Parameters
    ----------
    found : Ranked

    Returns
    -------
    Table
    """
    moved, n = found.moved, len(found.ranking.order)
    up = np.argsort(-moved, kind="stable")[:_MOST_ROWS]
    down = np.argsort(moved, kind="stable")[:_MOST_ROWS]
    chosen = [*up[moved[up] > 0], *down[moved[down] < 0][::-1]]
    codes, patterns = found.groups.patterns()
    rows: list[list[str | Cell]] = []
    for row in chosen:
        groups = np.flatnonzero(patterns[codes[row]])
        rows.append(
            [
                f"{row + 1:,}",
                ", ".join(found.groups.names[g] for g in groups) or "none",
                f"{found.scores[row]:,.4g}",
                *("-" if of[row] > n else f"{of[row]:,}" for of in found.places),
                f"{moved[row]:+,}",
            ]
        )
    return Table(
        [
            Column("row", "right"),
            Column("group"),
            Column("score", "right"),
            Column("by score", "right"),
            Column("ranked", "right"),
            Column("places", "right"),
        ],
        rows,
        caption=f"Of {int((moved != 0).sum()):,} rows that moved those that moved most",
    )


def _shares(found: Ranked) -> Figure:
    ranking, names = found.ranking, found.groups.names
    bounded = list(dict.fromkeys(find_group(bound, names) for bound in ranking.bounds))
    shown = (bounded or list(range(len(names))))[:_MOST_LINES]
    n = len(ranking.order)
    k = np.arange(1, n + 1)
    if n > _POINTS:  # what happens at the beginning matters most
        k = np.unique(np.geomspace(1, n, _POINTS).astype(np.int64))
    codes, patterns = found.groups.patterns()
    panels, wholes = {}, {}
    for g in shown:
        member = patterns[:, g][codes]
        drawn = [
            Line(k, np.cumsum(member[order])[k - 1] / k, name)
            for name, order in (("by score", ranking.by_score), ("ranked", ranking.order))
        ]
        panels[f"share of {names[g]}"] = drawn
        wholes[f"share of {names[g]}"] = (float(member.mean()), "of candidates")
    left = len(bounded) - len(shown)
    more = f" ({left} groups are not shown)" if left > 0 else ""
    return lines(
        panels,
        x_label="length of the prefix",
        references=wholes,
        caption=f"Shares of groups among the first{more}",
    )


def _callout(found: Ranked) -> Callout:
    ranking = found.ranking
    if ranking.shortfall:
        short = ", ".join(f"{name} by up to {by}" for name, by in ranking.shortfall.items())
        return Callout(
            "warn",
            "Some bounds are not kept",
            f"Groups overlap, and there are too many positions to solve for whole ones: {short}. "
            "Rank fewer, or bound intersections.",
        )
    cost = f"It costs {_percent(ranking.lost)} of the discounted sum of scores"
    if not ranking.exact:
        return Callout(
            "info",
            "The bounds are kept",
            f"{cost}. Whether that is the least cost is not proved: this ranking has a utility of "
            f"{ranking.utility:,.6g}, and none that keeps the bounds has more than "
            f"{ranking.limit:,.6g}.",
        )
    return Callout(
        "good",
        "The bounds are kept in every prefix",
        f"{cost}, and no ranking that keeps the bounds costs less. If the scores of a group are "
        "too low, what is lost is less than that, and may be a gain.",
    )


def _promised(found: Ranked) -> str:
    return "; ".join(map(str, found.ranking.bounds)) or "no bounds"


def _percent(share: float) -> str:
    return "undefined" if np.isnan(share) else f"{100 * share:.1f} %"


def _figure(value: float) -> str:
    if np.isnan(value):
        return "undefined"
    return f"{value:.4f}" if np.isfinite(value) else "infinite"
