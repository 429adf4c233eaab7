"""What optimizers came to, and how far they are from SGD."""

from __future__ import annotations

from typing import get_args

import numpy as np

from equipoise.compare.study.protocols import accuracy, figures, of_perfect_decisions
from equipoise.constraints import Disparity
from equipoise.report import Cell, Column, Table
from equipoise.reproduce.optimizers.networks.against import Against
from equipoise.reproduce.optimizers.networks.against import Column as Protocol
from equipoise.reproduce.optimizers.networks.setting import Results

_SHOWN = {
    "worst group": 'worst("accuracy")',
    "accuracy gap": 'gap("accuracy")',
    "odds gap": 'gap("equalized_odds")',
    "odds ratio": 'ratio("equalized_odds")',
    "opportunity gap": 'gap("true_positive")',
    "parity gap": 'gap("selection")',
    "parity ratio": 'ratio("selection")',
}


def tuned_table(results: Results, look: int) -> Table:
    """Figures of every contender at its best rate.

    Parameters
    ----------
    results : Results
    look : int

    Returns
    -------
    Table
    """
    shown = {name: Disparity.parse(text) for name, text in _SHOWN.items()}
    every = {
        name: {column: figures(entry, one) for column, one in shown.items()}
        for name, entry in results.entries.items()
    }
    rows = []
    for name, entry in results.entries.items():
        at = entry.tuned(look)
        right = accuracy(entry)[at, look]
        means = [every[name][column][at, look].mean() for column in shown]
        rows.append(
            [
                name,
                f"{entry.rate(at):g}{' (edge)' if entry.at_edge(at) else ''}",
                f"{entry.train_loss[at, look].mean():.3g}",
                f"{right.mean():.3f}",
                *("undefined" if np.isnan(x) else f"{x:.3f}" for x in means),
            ]
        )
    names = ("rate", "train loss", "accuracy", *shown)
    epoch = results.setting.looks[look]
    first = next(iter(results.entries.values()))
    gap, ratio = (of_perfect_decisions(first, shown[f"parity {kind}"]) for kind in ("gap", "ratio"))
    return Table(
        [Column("optimizer"), *(Column(name, "right") for name in names)],
        rows,
        f"{results.setting.title}: each at the rate of the least validation loss, epoch {epoch}, "
        f"means over {results.setting.n_seeds} seeds. If all decisions were right, the parity gap "
        f"would be {gap:.3f} and the ratio {ratio:.3f}",
    )


def against_table(results: Results, against: Against) -> Table:
    """Differences from SGD under every protocol.

    Parameters
    ----------
    results : Results
    against : Against

    Returns
    -------
    Table
    """
    protocols = get_args(Protocol)
    names = dict.fromkeys(name for name, _ in against.found)
    rows: list[list[str | Cell]] = [
        [name, *(_cell(results, against, name, protocol) for protocol in protocols)]
        for name in names
    ]
    epoch = results.setting.looks[against.look]
    return Table(
        [Column("optimizer"), *(Column(name, "right") for name in protocols)],
        rows,
        f"{results.setting.title}: {against.disparity} less SGD's, epoch {epoch}, means over "
        "paired seeds; p is Wilcoxon's, exact and two-sided, by Holm for the whole table. Matched "
        f"losses are those of all epochs and rates; {against.explained}. Edge: one of the two "
        "rates is the last that was tried",
    )


def _cell(results: Results, against: Against, name: str, protocol: Protocol) -> Cell:
    found = against.found[name, protocol]
    if found.seeds is None:
        return Cell("undefined")
    text = f"{found.seeds.mean.value:+.3f} (p {p_text(found.p)})"
    if protocol == "tuned for the worst group" and against.worst_at_edge(results, name):
        text += " (edge)"
    return Cell(text, kind="good" if found.less else "bad" if found.more else "none")


def p_text(value: float) -> str:
    """A p-value to three digits.

    Parameters
    ----------
    value : float

    Returns
    -------
    str
    """
    return "< .001" if value < 0.001 else f"{value:.3f}".lstrip("0") if value < 1 else "1"
