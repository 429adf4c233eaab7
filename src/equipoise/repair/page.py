"""The report of a repair: what moved, and what classifiers make of it."""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from equipoise.constraints import Constraint
from equipoise.repair.moved import MovedColumn, label_rates
from equipoise.report import Callout, Cell, Column, Facts, Page, Section, Table, Text

if TYPE_CHECKING:
    from equipoise.repair.run import Repair

_MOST_COLUMNS = 30
_ROUNDING = 1e-9
# Rows of a group whose rate has a standard error of up to 0.05.
_FEW = 100


def page(found: Repair) -> Page:
    """Describe the report.

    Parameters
    ----------
    found : Repair

    Returns
    -------
    Page
    """
    moved = found.moved
    sections = [
        Section("In short", [_callout(found)]),
        Section("Groups and labels", [group_table(found)], note=_SHARES),
        Section("Every other column", [column_table(found)] if moved.columns else [Text(_NONE)]),
    ]
    if found.judged:
        one = found.judged[0]
        note = f"Trained on {one.learnt:,} rows, judged on {one.held:,} others as they are. "
        sections.append(
            Section("What classifiers make of it", [judged_table(found)], note + _FOUND_ON)
        )
    elif found.not_judged:
        sections.append(
            Section("What classifiers make of it", [Text(f"Not trained: {found.not_judged}")])
        )
    sections.append(Section("How far the law is from the data", [_distances(found)], _DISTANCES))
    return Page(
        title=f"Repair of {found.name}",
        lead=f"{len(found.law.data.label):,} rows in {len(moved.groups)} groups, repaired for "
        f"{_promised(found)}.",
        sections=sections,
        footer=f"Made by equipoise {metadata.version('equipoise')}.",
    )


_SHARES = (
    "Law: exactly what rows are drawn from. Table: what the rows written have, which differ from "
    "the law by chance."
)
_NONE = "Label and group determine all columns."
_FOUND_ON = (
    "The repair was found on the rows trained on. Labels that keep a promise do not make decisions "
    "keep it."
)
_DISTANCES = (
    "On the levels of all columns together, where numbers are in intervals. The total variation is "
    "the share of rows that would have to be others; the divergence is that of the data from the "
    "law, in nats."
)


def tables(found: Repair) -> list[Table]:
    """What moved, as tables.

    Parameters
    ----------
    found : Repair

    Returns
    -------
    list of Table
    """
    shown = [group_table(found)]
    shown += [column_table(found)] if found.moved.columns else []
    shown += [judged_table(found)] if found.judged else []
    return shown


def group_table(found: Repair) -> Table:
    """Shares of groups and of labels in each, before and after.

    Parameters
    ----------
    found : Repair

    Returns
    -------
    Table
    """
    moved = found.moved
    two = len(moved.classes) == 2
    laws = {"data": moved.before, "law": moved.after, "table": found.drawn / found.drawn.sum()}
    columns = [Column("group"), *(Column(f"share, {name}", "right") for name in laws)]
    if not two:
        columns.append(Column("label"))
    called = f"rate of {moved.classes[1]!s}" if two else "rate"
    columns += [Column(f"{called}, {name}", "right") for name in laws]
    rows: list[list[str | Cell]] = []
    for g, group in enumerate(moved.groups):
        shares = [_percent(law[g].sum()) for law in laws.values()]
        for label in range(1, 2) if two else range(len(moved.classes)):
            first = [group, *shares] if two or not label else [""] * (1 + len(laws))
            named = [] if two else [str(moved.classes[label])]
            rates = [
                _percent(law[g, label] / law[g].sum() if law[g].sum() else np.nan)
                for law in laws.values()
            ]
            rows.append([*first, *named, *rates])
    for promise in found.promises:
        values = [
            f"{float(promise.disparity.value(label_rates(law))):.3f}" for law in laws.values()
        ]
        blank = [""] * (len(columns) - 1 - len(values))
        rows.append([str(promise.disparity), *blank, *values])
    return Table(columns, rows, caption="Groups, and labels in each, before and after")


def column_table(found: Repair) -> Table:
    """How far each column moved.

    Parameters
    ----------
    found : Repair

    Returns
    -------
    Table
    """
    ordered = sorted(found.moved.columns, key=lambda column: -column.distance)
    rows = [_row(column) for column in ordered[:_MOST_COLUMNS]]
    left = len(ordered) - len(rows)
    more = f" ({left} that moved less are not shown)" if left else ""
    return Table(
        [
            Column("column"),
            Column("moved", "right", note="total variation"),
            Column("most at"),
            Column("data", "right"),
            Column("law", "right"),
        ],
        rows,
        caption=f"How far the shares of each column's values moved{more}",
    )


def judged_table(found: Repair) -> Table:
    """Classifiers with and without the repair.

    Parameters
    ----------
    found : Repair

    Returns
    -------
    Table
    """
    fewest = found.judged[0].fewest
    few = f" (of the smallest group on {fewest} rows: chance decides)" if fewest < _FEW else ""
    return Table(
        [
            Column("classifier"),
            Column("trained on"),
            Column("accuracy", "right"),
            Column("gap", "right", note="of selection"),
            Column("ratio", "right", note="of selection"),
        ],
        [
            [
                one.learner,
                one.rows,
                _percent(one.accuracy),
                f"{one.gap:.3f}",
                "undefined" if np.isnan(one.ratio) else f"{one.ratio:.3f}",
            ]
            for one in found.judged
        ],
        caption=f"Classifiers trained with and without the repair{few}",
    )


def _row(column: MovedColumn) -> list[str | Cell]:
    most = int(np.abs(column.after - column.before).argmax())
    return [
        column.name,
        f"{column.distance:.3f}",
        column.levels[most],
        _percent(column.before[most]),
        _percent(column.after[most]),
    ]


def _callout(found: Repair) -> Callout:
    moved = found.moved
    kept = all(_keeps(promise, moved.after) for promise in found.promises)
    text = (
        f"The law gives {_percent(moved.distance)} of its mass elsewhere than the data do. "
        f"{_percent(moved.product_mass)} of the rows drawn from it combine values of several rows, "
        "the others are rows of the data."
    )
    if not found.promises:
        return Callout("info", "The rates of labels were left as they are", text)
    if kept:
        return Callout("good", f"The law keeps {_promised(found)}", text)
    return Callout(
        "warn",
        f"The law does not keep {_promised(found)}",
        f"{text}\n\nLabel and group are not one attribute, so that only the prior makes labels "
        "keep it: let exact be true, or give the product law less of a share.",
    )


def _distances(found: Repair) -> Facts:
    moved = found.moved
    divergence = (
        f"{moved.divergence:.4f}"
        if np.isfinite(moved.divergence)
        else "infinite: it never gives some rows that the data have"
    )
    return Facts(
        {
            "total variation": f"{moved.distance:.4f}",
            "KL(data || law)": divergence,
            "from the prior": f"{found.law.distribution.divergence:.4f} nats",
            "duality gap": f"{moved.gap:.1e} nats",
        }
    )


def _promised(found: Repair) -> str:
    return ", ".join(map(str, found.promises)) or "the shares of the groups"


def _keeps(promise: Constraint, joint: NDArray[np.float64]) -> bool:
    # A law that keeps a promise with equality does so up to rounding.
    value = float(promise.disparity.value(label_rates(joint)))
    over = value - promise.bound
    return (over if promise.sense == "<=" else -over) <= _ROUNDING


def _percent(share: float) -> str:
    return "undefined" if np.isnan(share) else f"{100 * share:.1f} %"
