"""What both parts found, as tables."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from equipoise.audit import Estimate
from equipoise.report import Cell, Column, Table
from equipoise.report.table import Kind
from equipoise.reproduce.constrained import published
from equipoise.reproduce.constrained.cell import Record
from equipoise.reproduce.constrained.fair import TaskResults
from equipoise.reproduce.constrained.paper import PaperResults
from equipoise.reproduce.judge import over_seeds, record_of_wins, share

_HEADINGS = {
    "independence": "Ind",
    "separation": "Sp",
    "inaccuracy": "Ina",
    "sufficiency": "Sf",
    "wasserstein": "Wd",
    "loss_gap": "loss gap",
    "auc": "AUC",
}


def paper_table(results: PaperResults, part: str) -> Table:
    """The paper's figures and ours, one under the other.

    Parameters
    ----------
    results : PaperResults
    part : {"train", "test"}

    Returns
    -------
    Table
    """
    columns = [Column("method"), Column("whose")]
    columns += [Column(_HEADINGS[what], "right") for what in (*published.MEASURES, "auc")]
    columns.append(Column("loss", "right"))
    rows: list[list[str | Cell]] = []
    for method in published.METHODS:
        theirs = [
            f"{published.published(part, method, what):.4f}"
            for what in (*published.MEASURES, "auc")
        ]
        ours = [
            _with_half_width(over_seeds(results.of(part, method, what)))
            for what in (*published.MEASURES, "auc", "loss")
        ]
        record = results.records[method]
        notes = ["multipliers restarted"] if record.restarts else []
        notes += [f"{record.n_diverged} diverged"] if record.n_diverged else []
        name = f"{method} ({', '.join(notes)})" if notes else method
        rows.append([name, "paper", *theirs, "—"])
        rows.append(["", "ours", *ours])
    return Table(
        columns,
        rows,
        f"{part} rows of {results.ready.task.name}: the paper's figures (Oklahoma, 30 seconds a "
        f"run) and ours ({results.size.rows_seen:,} rows seen, means of {results.size.seeds} seeds "
        "± 95 %). Wd is exactly the squared 2-Wasserstein distance, the paper's is of histograms",
    )


def task_table(results: Sequence[TaskResults]) -> Table:
    """The tasks, their levels, and how finely the test rows resolve them.

    Parameters
    ----------
    results : sequence of TaskResults

    Returns
    -------
    Table
    """
    columns = [
        Column("task"),
        Column("promise"),
        Column("rows", "right", "train, validation, test"),
        Column("groups", "right", "smallest of the test rows"),
        Column("standard error", "right", "of erm's figure, test"),
        Column("bound", "right", "in standard errors"),
    ]
    rows: list[list[str | Cell]] = []
    for one in results:
        task, parts = one.ready.task, one.ready.parts
        groups = parts["test"].groups
        assert groups is not None
        ratio = task.promise.bound / one.resolution
        rows.append(
            [
                task.name,
                task.constraint,
                ", ".join(f"{len(part):,}" for part in parts.values()),
                f"{len(groups)}, {groups.sizes.min():,}",
                f"{one.resolution:.4f}",
                Cell(f"{ratio:.1f}", kind="good" if ratio >= 2 else "warn"),
            ]
        )
    return Table(columns, rows, "Tasks of the fair comparison")


def frontier_table(results: TaskResults, *, wide: bool = False) -> Table:
    """What every contender reached on one task.

    Parameters
    ----------
    results : TaskResults
    wide : bool
        With what a terminal has no room for.

    Returns
    -------
    Table
    """
    parts = ("train", "validation", "test")
    columns = [
        Column("method"),
        Column("setting"),
        Column("loss", "right", "test"),
        Column("error", "right", "test"),
        *(Column("violation", "right", part) for part in (parts if wide else parts[2:])),
        *(Column("kept", "right", part) for part in parts),
    ]
    if wide:
        columns += [Column("stationarity", "right", "KKT, train"), Column("volume", "right")]
    columns += [
        Column("ms", "right", "a step"),
        Column("cost + violation", "right", "equal samples"),
        Column("cost + violation", "right", "equal time"),
    ]
    names = sorted(results.entries, key=lambda name: _last_if_nan(results.merit(name).mean()))
    rows = [_row(results, name, parts, wide=wide) for name in names]
    task = results.ready.task
    return Table(
        columns,
        rows,
        f"{task.name}, {task.constraint}: means over seeds ± 95 %, best first; cost is the "
        f"{'loss' if results.cost == 'loss' else 'error'}",
    )


def _row(results: TaskResults, name: str, parts: Sequence[str], *, wide: bool) -> list[str | Cell]:
    entry = results.entries[name]
    record = entry.samples
    if record.failed:
        return [name, entry.setting, Cell("diverged", kind="bad"), *[""] * (12 if wide else 8)]
    setting = entry.setting
    if record.n_diverged:
        setting += f" ({record.n_diverged} diverged)"
    # Thresholds change decisions and leave the probabilities, whose loss is erm's.
    after = entry.contender.grid[0].thresholds
    loss = "as erm" if after else _with_half_width(over_seeds(record.of("test", "loss")))
    row: list[str | Cell] = [
        name,
        setting,
        loss,
        _with_half_width(over_seeds(record.of("test", "inaccuracy"))),
        *(_violation(record, part) for part in (parts if wide else parts[2:])),
        *(_kept(record, part, wide=wide) for part in parts),
    ]
    if wide:
        row.append("—" if after else f"{np.nanmean(record.kkt['stationarity']):.3f}")
        row.append("—" if after else f"{results.volume(name):.3f}")
    return [
        *row,
        f"{1000 * record.seconds / record.cell['training']['steps']:.1f}",
        _with_half_width(over_seeds(results.merit(name))),
        _with_half_width(over_seeds(results.merit(name, equal_time=True))),
    ]


def wins_table(results: Sequence[TaskResults], *, equal_time: bool = False) -> Table:
    """On how many tasks each method beats each other, ties, and loses.

    Parameters
    ----------
    results : sequence of TaskResults
    equal_time : bool

    Returns
    -------
    Table
    """
    methods = list(dict.fromkeys(name for task in results for name in task.entries))
    costs = [
        {name: task.merit(name, equal_time=equal_time) for name in task.entries} for task in results
    ]
    found = record_of_wins(costs, methods)
    totals = {
        a: [sum(found[a, b][which] for b in methods if b != a) for which in range(3)]
        for a in methods
    }
    methods.sort(key=lambda name: totals[name][2] - totals[name][0])
    rows: list[list[str | Cell]] = [
        [
            f"{number}. {a}",
            "-".join(map(str, totals[a])),
            *("" if a == b else "-".join(map(str, found[a, b])) for b in methods),
        ]
        for number, a in enumerate(methods, 1)
    ]
    return Table(
        [
            Column("method"),
            Column("all", "right"),
            *(Column(f"{number}.", "right") for number in range(1, len(methods) + 1)),
        ],
        rows,
        f"Wins-ties-losses over {len(results)} tasks against each other, by cost + violation on "
        f"the test rows, equal {'time' if equal_time else 'samples'} (signed-rank test on paired "
        "seeds, 5 %)",
    )


def _violation(record: Record, part: str) -> str:
    return f"{over_seeds(record.of(part, 'violation')).value:+.3f}"


def _kept(record: Record, part: str, *, wide: bool) -> Cell:
    each = record.of(part, "violation") <= 0
    kept = share(each)
    kind: Kind = "good" if kept.value >= 0.9 else "bad" if kept.value < 0.5 else "warn"
    interval = f" [{kept.low:.0%}, {kept.high:.0%}]" if wide else ""
    return Cell(f"{each.sum()}/{each.size}{interval}", kind=kind)


def _with_half_width(figure: Estimate) -> str:
    if np.isnan(figure.value):
        return "diverged"
    return f"{figure.value:.4f}±{(figure.high - figure.low) / 2:.4f}"


def _last_if_nan(value: float) -> float:
    return np.inf if np.isnan(value) else float(value)
