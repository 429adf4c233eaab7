"""Methods side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

from equipoise.audit.words import bound, percent, percent_with_interval, with_interval
from equipoise.compare.summary import MethodSummary
from equipoise.report import Cell, Column, Table

if TYPE_CHECKING:
    from equipoise.compare.result import Comparison

Figure = Literal[
    "accuracy",
    "accuracy with interval",
    "worst group",
    "disparity",
    "certificate",
    "bound",
    "seconds",
]

_KINDS: dict[str, Literal["good", "warn", "bad"]] = {
    "kept": "good",
    "not shown": "warn",
    "broken": "bad",
}


def method_table(comparison: Comparison, figures: Sequence[Figure]) -> Table:
    """A row a method, its name first.

    Parameters
    ----------
    comparison : Comparison
    figures : sequence of str
        What the other columns say.

    Returns
    -------
    Table
    """
    seconds = comparison.folder.seconds()
    disparity = str(comparison.settings.constraint.disparity)
    say: dict[Figure, tuple[Column, Callable[[MethodSummary], str | Cell]]] = {
        "accuracy": (Column("accuracy", "right"), lambda s: percent(s.accuracy.value)),
        "accuracy with interval": (
            Column("accuracy", "right"),
            lambda s: percent_with_interval(s.accuracy),
        ),
        "worst group": (
            Column("worst group", "right"),
            lambda s: percent(s.worst_accuracy.value),
        ),
        "disparity": (Column(disparity, "right"), lambda s: with_interval(s.disparity)),
        "certificate": (
            Column("certificate"),
            lambda s: Cell(str(s.certificate), kind=_KINDS[s.certificate.verdict]),
        ),
        "bound": (Column("bound", "right"), lambda s: bound(s.certificate)),
        "seconds": (
            Column("seconds", "right"),
            lambda s: f"{seconds[s.method]:.1f}" if s.method in seconds else "",
        ),
    }
    chosen = [say[figure] for figure in figures]
    rows: list[list[str | Cell]] = [
        [
            Cell(summary.method, strong=summary is comparison.best),
            *(words(summary) for _, words in chosen),
        ]
        for summary in comparison.summaries
    ]
    return Table([Column("method"), *(column for column, _ in chosen)], rows)
