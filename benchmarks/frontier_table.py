"""Who won: the rule, the table, and a figure a peer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import stats

from benchmarks.figure import Figure
from benchmarks.frontier_method import Judge, Method, preferred
from benchmarks.frontier_task import Result, Task, Tried
from equipoise.report import Cell, Column, Table

Found = dict[str, dict[str, list[list[Tried]]]]
"""By task and method: by seed, what each setting did."""

JUDGES: dict[Judge, str] = {"loss": "test loss", "error": "0-1 test loss"}


def outcome(ours: Sequence[Result], theirs: Sequence[Result], judge: Judge) -> str:
    """Who keeps the promise nearer, or else has the lower loss, beyond chance (paired by seed)."""
    excess = [np.array([max(r.violation, 0.0) for r in results]) for results in (ours, theirs)]
    for a, b in (excess, [_values(results, judge) for results in (ours, theirs)]):
        difference = a - b
        if np.ptp(difference) == 0 and difference[0] == 0:
            continue
        if stats.ttest_rel(a, b).pvalue < 0.05:
            return "won" if difference.mean() < 0 else "lost"
    return "even"


def wins(us: Method, peer: Method, found: Found) -> Figure:
    """How many tasks are won of those that are not even."""
    outcomes = [_against(us, peer, methods) for methods in found.values() if peer.name in methods]
    won, lost = outcomes.count("won"), outcomes.count("lost")
    granted = f"; {peer.note}" if peer.note else ""
    return Figure(
        f"frontier.wins_over.{peer.name.replace(' ', '_')}",
        won / max(1, won + lost) if won + lost else math.nan,
        ">=",
        0.5,
        f"tasks won of those won or lost against {peer.name} by {JUDGES[peer.judged_by]} "
        f"({won} won, {lost} lost, {len(outcomes) - won - lost} even, "
        f"{len(found) - len(outcomes)} not entered{granted})",
    )


def table(us: Method, peers: Sequence[Method], tasks: Sequence[Task], found: Found) -> Table:
    """A block a task: ours chosen by loss, who is judged by it, and the same for the error."""
    columns = [
        Column("task"),
        Column("method"),
        Column("test loss", "right"),
        Column("test error", "right"),
        Column("violation", "right"),
        Column("kept", "right"),
        Column("judged by"),
        Column("ours against it"),
    ]
    body: list[list[str | Cell]] = []
    for task in tasks:
        methods, name = found[task.name], task.name
        for judge, called in JUDGES.items():
            judged = [peer for peer in peers if peer.judged_by == judge]
            for method in [us, *judged] if judged else []:
                row, against = [method.name, "", "", "", ""], method.refuses(task)
                if not against:
                    row = _row(method, [preferred(t, judge) for t in methods[method.name]])
                    against = "" if method is us else _against(us, method, methods)
                body.append([name, *row, called, _cell(against)])
                name = ""
    notes = "; ".join(f"{peer.name}: {peer.note}" for peer in peers if peer.note)
    return Table(columns, body, caption=notes)


def _row(method: Method, results: Sequence[Result]) -> list[str]:
    loss, error, violation = (_values(results, what) for what in ("loss", "error", "violation"))
    return [
        method.name,
        "" if np.isnan(loss).all() else f"{loss.mean():.4f} ± {loss.std(ddof=1):.4f}",
        f"{error.mean():.4f} ± {error.std(ddof=1):.4f}",
        f"{violation.mean():+.3f} ± {violation.std(ddof=1):.3f}",
        f"{(violation <= 0).sum()}/{len(results)}",
    ]


def _against(us: Method, peer: Method, methods: dict[str, list[list[Tried]]]) -> str:
    judge = peer.judged_by
    ours, theirs = ([preferred(tried, judge) for tried in methods[one.name]] for one in (us, peer))
    return outcome(ours, theirs, judge)


def _values(results: Sequence[Result], what: str) -> Any:
    return np.array([getattr(r, what) for r in results], np.float64)


def _cell(text: str) -> Cell:
    kinds: dict[str, Any] = {"won": "good", "lost": "bad"}
    return Cell(text, kind=kinds.get(text, "none"))
