"""Gaps against training loss, and against epochs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from equipoise.compare.study.entry import Entry
from equipoise.compare.study.protocols import figures
from equipoise.report import Figure, Interval, Line, intervals, lines
from equipoise.reproduce.judge import over_seeds
from equipoise.reproduce.optimizers.networks.against import Against
from equipoise.reproduce.optimizers.networks.setting import Results

_PANELS = {
    "adaptive": ("SGD", "Momentum", "RMSprop", "Adam", "AdamW", "NAdam"),
    "others": ("SGD", "Muon", "SOAP", "Sophia", "SAM", "Lion", "SignSGD"),
    "lines of reference": ("SGD", "balanced SGD", "group DRO"),
}


def loss_figure(results: Results, against: Against) -> Figure:
    """The figure against training loss: every optimizer at its best rate, epoch by epoch.

    Parameters
    ----------
    results : Results
    against : Against
        For the disparity.

    Returns
    -------
    Figure
    """

    def line(name: str, entry: Entry) -> Line:
        at = entry.tuned(-1)
        x = np.log10(np.maximum(entry.train_loss[at].mean(-1), 1e-4))
        y = figures(entry, against.disparity)[at].mean(-1)
        order = np.argsort(-x)
        return Line(-x[order], y[order], name)

    return lines(
        _panels(results, against, line),
        x_label="-log10 of the training loss, which falls from left to right",
        caption=f"{results.setting.title}: means over seeds after each look, each optimizer at its "
        f"best rate. Over all rates, looks and seeds, {against.explained}.",
    )


def epoch_figure(results: Results, against: Against) -> Figure:
    """The figure against epochs, with intervals over seeds.

    Parameters
    ----------
    results : Results
    against : Against

    Returns
    -------
    Figure
    """

    def line(name: str, entry: Entry) -> Line:
        found = [over_seeds(each) for each in figures(entry, against.disparity)[entry.tuned(-1)]]
        low, high = ([getattr(one, end) for one in found] for end in ("low", "high"))
        return Line(entry.looks, [one.value for one in found], name, low, high)

    return lines(
        _panels(results, against, line),
        x_label="epoch",
        caption=f"{results.setting.title}: means over seeds with 95% intervals.",
    )


def protocol_figure(results: Results, against: Against) -> Figure:
    """Differences from SGD under the protocols.

    Parameters
    ----------
    results : Results
    against : Against

    Returns
    -------
    Figure
    """
    rows: dict[str, list[Interval]] = {}
    for (name, protocol), found in against.found.items():
        if found.seeds is not None and protocol != "tuned for the worst group":
            rows.setdefault(protocol, []).append(Interval(name, *found.seeds.mean))
    epoch = results.setting.looks[against.look]
    return intervals(
        rows,
        x_label=f"{against.disparity} less SGD's",
        title=f"{results.setting.title}, epoch {epoch}",
        reference=(0.0, "SGD"),
        caption="Means over paired seeds with BCa intervals.",
    )


def _panels(
    results: Results, against: Against, line: Callable[[str, Entry], Line]
) -> dict[str, list[Line]]:
    found = {
        f"{against.disparity}: {title}": [
            line(name, results.entries[name]) for name in names if name in results.entries
        ]
        for title, names in _PANELS.items()
    }
    return {title: drawn for title, drawn in found.items() if drawn}
