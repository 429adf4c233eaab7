"""The tables: ours beside the paper's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from equipoise.report import Cell, Column, Table
from equipoise.reproduce.autobalance import published
from equipoise.reproduce.autobalance.birds import BirdsTask
from equipoise.reproduce.autobalance.birds_methods import FAMILIES
from equipoise.reproduce.autobalance.claims import Comparison
from equipoise.reproduce.autobalance.results import Results, shown, standard_error
from equipoise.reproduce.autobalance.tail import TailTask

# Of more different choices the ends are told.
_LISTED = 3


def tail_table(results: Results) -> Table:
    """Balanced errors, beside the paper's table 1.

    Parameters
    ----------
    results : Results
        Of a task with classes made rare.

    Returns
    -------
    Table
    """
    task = results.task
    assert isinstance(task, TailTask)
    best = results.best()
    rows: list[list[str | Cell]] = []
    for method in results.methods:
        name = method.name
        paper = published.TABLE_1.get(name, {}).get(task.published)
        records = results.records[name]
        rows.append(
            [
                Cell(name, strong=name == best),
                method.kind,
                shown(results.of(name)),
                "" if name == best else shown(results.behind(name, best)),
                shown(results.of(name, "worst")),
                "" if paper is None else f"{paper:.2f}",
                f"{np.mean([one.seconds for one in records]):.1f}",
            ]
        )
    counts = results.counts[:, 0]
    return Table(
        [
            Column("method"),
            Column("loss"),
            Column("balanced error", "right", "%"),
            Column(f"less {best}'s", "right", "points, paired"),
            Column("worst class", "right", "%"),
            Column("paper", "right", task.published or "no such data"),
            Column("seconds", "right", "of one core"),
        ],
        rows,
        f"{task.name}: {len(results.records[best])} seeds, {counts.sum()} rows, {counts[0]} of the "
        f"first class to {counts[-1]} of the last, a fifth held out; means with 95 % intervals",
    )


def birds_table(results: Results) -> Table:
    """Errors and differences of equalized odds, beside the paper's table 3.

    Parameters
    ----------
    results : Results
        Of Waterbirds.

    Returns
    -------
    Table
    """
    rows: list[list[str | Cell]] = []
    for method in results.methods:
        paper = published.TABLE_3.get(method.name, {})
        rows.append(
            [
                method.name,
                shown(results.of(method.name, "standard")),
                *(
                    text
                    for figure in ("balanced", "worst", "deo")
                    for text in (
                        shown(results.of(method.name, figure)),
                        f"{paper[figure]:.2f}" if paper else "",
                    )
                ),
                f"{np.mean([one.seconds for one in results.records[method.name]]):.1f}",
            ]
        )
    return Table(
        [
            Column("method"),
            Column("standard error", "right", "%"),
            Column("balanced error", "right", "%"),
            Column("paper", "right"),
            Column("worst cell", "right", "%"),
            Column("paper", "right"),
            Column("DEO", "right", "points"),
            Column("paper", "right"),
            Column("seconds", "right", "of one core"),
        ],
        rows,
        f"{results.task.name}: {len(results.records['CE'])} seeds; means with 95 % intervals. "
        + _incomparable(results),
    )


def chosen_table(results: Results) -> Table:
    """What methods that choose something have chosen.

    Parameters
    ----------
    results : Results

    Returns
    -------
    Table
        A row for each such method.
    """
    said = {
        method.name: _notes([one.note for one in results.records[method.name]])
        for method in results.methods
    }
    return Table(
        [Column("method"), Column("chosen on the way")],
        [[name, what] for name, what in said.items() if what],
        f"{results.task.name}: what methods chose on the rows held out",
    )


def volume_table(results: Results, weights: Sequence[float]) -> Table:
    """How much of the planes of figure 5 each family of blends dominates.

    Parameters
    ----------
    results : Results
        Of Waterbirds.
    weights : sequence of float

    Returns
    -------
    Table
    """
    return Table(
        [
            Column("blended with CE"),
            Column("standard and balanced error", "right", "% of the plane"),
            Column("standard error and DEO", "right", "% of the plane"),
        ],
        [
            [
                family,
                *(
                    shown(results.volumes(family, weights, figure))
                    for figure in ("balanced", "deo")
                ),
            ]
            for family in FAMILIES
        ],
        "Figure 5 as hypervolumes, of CE and of blends with "
        f"{', '.join(f'{weight:g}' for weight in weights)} of it",
    )


def comparison_table(found: Sequence[Comparison]) -> Table:
    """AutoBalance beside the best fixed loss of each task.

    Parameters
    ----------
    found : sequence of Comparison

    Returns
    -------
    Table
    """
    rows: list[list[str | Cell]] = [
        [
            one.task,
            one.best,
            shown(one.behind),
            f"{standard_error(one.behind):.2f}",
            Cell("no", kind="bad") if not one.beyond <= 0 else Cell("yes", kind="good"),
            "yes" if one.behind.mean() < 0 else "no",
        ]
        for one in found
    ]
    return Table(
        [
            Column("task"),
            Column("best fixed loss", note="in hindsight"),
            Column("AutoBalance less it", "right", "points, paired"),
            Column("standard error", "right", "points"),
            Column("within one"),
            Column("better"),
        ],
        rows,
        "Balanced error of AutoBalance less that of the fixed loss with the least mean test error, "
        "which nobody could have chosen without the test rows",
    )


def _incomparable(results: Results) -> str:
    task = results.task
    assert isinstance(task, BirdsTask)
    return (
        "Your features, which need not be the paper's: theirs are of a ResNet18"
        if task.file
        else "The paper's are features of a ResNet18 and ours are simulated: compare the shape of "
        "the tables and not the sizes"
    )


def _notes(notes: Sequence[str]) -> str:
    said = Counter(note for note in notes if note)
    if len(said) > _LISTED:
        return f"{min(said)} to {max(said)}"
    return ", ".join(f"{note} ({times} of {len(notes)})" for note, times in said.most_common())
