"""Methods side by side, and promise by promise where there are several."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

from equipoise.audit.words import bound, level, percent, percent_with_interval, with_interval
from equipoise.compare.summary import MethodSummary
from equipoise.constraints import Constraint
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

_Say = tuple[Column, Callable[[MethodSummary], str | Cell]]


def answer_tables(comparison: Comparison, figures: Sequence[Figure]) -> list[Table]:
    """A row a method, its name first.

    Parameters
    ----------
    comparison : Comparison
    figures : sequence of str
        What the other columns say.

    Returns
    -------
    list of Table
        One. Of several promises the first says whether all are kept, and each has a table of its
        own after it with what of the figures is about a promise.
    """
    promises = comparison.settings.constraints
    shared = _of_method(comparison)
    own = [_of_promise(number, promise) for number, promise in enumerate(promises)]
    if len(promises) == 1:
        say = shared | own[0]
        columns = [*(say[f] for f in figures), *_where_any(comparison)]
        return [_table(comparison, columns, on_noise(comparison))]
    promised = [figure for figure in figures if figure in own[0]]
    columns = [shared[figure] for figure in figures if figure not in promised]
    columns.insert(figures.index(promised[0]), _all_promises(comparison))
    return [
        _table(comparison, [*columns, *_where_any(comparison)], on_noise(comparison)),
        *(
            _table(comparison, [say[figure] for figure in promised], str(promise))
            for promise, say in zip(promises, own, strict=True)
        ),
    ]


def on_noise(comparison: Comparison) -> str:
    """Say of which groups the figures are.

    Parameters
    ----------
    comparison : Comparison

    Returns
    -------
    str
        Empty unless groups are observed with errors.
    """
    if comparison.flips is None:
        return ""
    return "corrected for errors in the groups: figures of groups are those of the true ones"


def how_many_diverged(summary: MethodSummary) -> str:
    """How many of a method's models diverged.

    Parameters
    ----------
    summary : MethodSummary

    Returns
    -------
    str
        Such as "2 of 5 models"; empty if none did.
    """
    diverged, trained = len(summary.trial.diverged), len(summary.trial.seeds)
    return f"{diverged} of {trained} models" if diverged else ""


def averaged_models(comparison: Comparison) -> str:
    """Over what the figures of a method are means.

    Parameters
    ----------
    comparison : Comparison

    Returns
    -------
    str
        Such as "5 models".
    """
    if any(s.trial.diverged for s in comparison.summaries):
        return "the models that did not diverge"
    return f"{comparison.settings.seeds} models"


def _of_method(comparison: Comparison) -> dict[Figure, _Say]:
    seconds = comparison.folder.seconds()
    return {
        "accuracy": (Column("accuracy", "right"), lambda s: percent(s.accuracy.value)),
        "accuracy with interval": (
            Column("accuracy", "right"),
            lambda s: percent_with_interval(s.accuracy),
        ),
        "worst group": (
            Column("worst group", "right"),
            lambda s: percent(s.worst_accuracy.value),
        ),
        "seconds": (
            Column("seconds", "right"),
            lambda s: f"{seconds[s.method]:.1f}" if s.method in seconds else "",
        ),
    }


def _of_promise(number: int, promise: Constraint) -> dict[Figure, _Say]:
    def certificate(s: MethodSummary) -> Cell:
        found = s.promises[number].certificate
        return Cell(str(found), kind=_KINDS[found.verdict])

    return {
        "disparity": (
            Column(str(promise.disparity), "right"),
            lambda s: with_interval(s.promises[number].disparity),
        ),
        "certificate": (Column("certificate"), certificate),
        "bound": (Column("bound", "right"), lambda s: bound(s.promises[number].certificate)),
    }


def rates_table(comparison: Comparison) -> Table | None:
    """The learning rates that were tried, where optimizers were compared.

    Parameters
    ----------
    comparison : Comparison

    Returns
    -------
    Table or None
    """
    rows: list[list[str | Cell]] = []
    for summary in comparison.summaries:
        for one in summary.trial.rates:
            loss = "diverged" if one.loss is None else f"{one.loss:.4f}"
            kept = f"{one.kept} of {one.finished}"
            rows.append(
                [
                    summary.method,
                    Cell(f"{one.rate:g}", strong=one is summary.trial.rate),
                    kept,
                    loss,
                ]
            )
    if not rows:
        return None
    return Table(
        [
            Column("method"),
            Column("learning rate", "right"),
            Column("models that keep the promise", "right"),
            Column("cross-entropy", "right"),
        ],
        rows,
        "Learning rates, judged on the validation rows: of those at which half of the models keep "
        "what training was asked for, the one of least cross-entropy is taken. A method that is "
        "asked for nothing keeps it.",
    )


def _all_promises(comparison: Comparison) -> _Say:
    kept = f"kept ({level(comparison.settings.confidence)})"
    return Column("all promises"), lambda s: Cell(
        kept if s.verdict == "kept" else s.verdict, kind=_KINDS[s.verdict]
    )


def _where_any(comparison: Comparison) -> list[_Say]:
    """Columns for what happened to some methods only."""
    found: list[_Say] = []
    if any(s.trial.rates for s in comparison.summaries):
        found.append((Column("rate", "right"), _rate))
    if any(s.trial.diverged for s in comparison.summaries):
        found.append((Column("diverged"), how_many_diverged))
    return found


def _rate(summary: MethodSummary) -> str:
    taken = summary.trial.rate
    return "" if taken is None else f"{taken.rate:g}"


def _table(comparison: Comparison, columns: Sequence[_Say], caption: str = "") -> Table:
    rows: list[list[str | Cell]] = [
        [
            Cell(summary.method, strong=summary is comparison.best),
            *(words(summary) for _, words in columns),
        ]
        for summary in comparison.summaries
    ]
    return Table([Column("method"), *(column for column, _ in columns)], rows, caption)
