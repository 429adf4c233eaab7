"""The table and the figure of a set of images."""

from __future__ import annotations

import numpy as np

from equipoise.report import Cell, Column, Figure, Line, Table, lines
from equipoise.reproduce.judge import over_seeds
from equipoise.reproduce.minmax import published
from equipoise.reproduce.minmax.images.results import Array, Results
from equipoise.reproduce.minmax.stack.variants import (
    COIN,
    COUNTERFACTUAL,
    GDA,
    KEPT,
    OPTIMISTIC,
    SKIP,
    SKIP_KEPT,
)

_PANELS = {
    "methods": (GDA, OPTIMISTIC, COUNTERFACTUAL, KEPT),
    "controls": (GDA, COIN, SKIP, KEPT, SKIP_KEPT),
}


def image_table(results: Results) -> Table:
    """What each variant makes.

    Parameters
    ----------
    results : Results

    Returns
    -------
    Table
    """
    task = results.task
    best = min(results.runs, key=lambda name: float(results.uneven(name).mean()))
    rows: list[list[str | Cell]] = []
    for name, run in results.runs.items():
        made = results.made(name)
        rows.append(
            [
                Cell(name, strong=name == best),
                _shown(made, 1),
                f"{100 * (made == task.n_classes).mean():.0f}%",
                _shown(results.uneven(name), 3),
                _shown(run.score, 2),
                _shown(run.distance, 2),
                f"{100 * run.share.mean():.0f}%",
                f"{run.gradients[-1].mean():,.0f}",
                f"{1000 * run.seconds:.1f}",
                _paper(results, name),
            ]
        )
    blank = ["", "", "", ""]
    real = [f"{results.real_score:.2f}", f"{results.real_distance:.2f}"]
    rows.append(["real images", f"{task.n_classes}", "", "0", *real, *blank])
    plan = task.plan
    return Table(
        [
            Column("variant"),
            Column("classes made", "right", f"of {task.n_classes}"),
            Column("all of them", "right", "share of runs"),
            Column("unevenness", "right", "after the first third"),
            Column("class score", "right", "our classifier"),
            Column("Frechet distance", "right", "our features"),
            Column("moves kept", "right"),
            Column("gradients", "right", "a run"),
            Column("ms", "right", "a step"),
            Column("paper", "right", "runs, MNIST" if task.n_classes == 2 else ""),
        ],
        rows,
        f"{task.name[0].upper()}{task.name[1:]}: {results.n_seeds} seeds, {plan.iterations} "
        f"iterations, batches of {task.batch_size}, k = {plan.k}, free passes "
        f"{plan.free_pass:g}; means with 95% intervals. A class counts with "
        f"{100 * task.least_share:.2g}% of the images; unevenness is half the sum of the "
        "differences to the real shares. Scores are of a small classifier trained here and cannot "
        "be compared with published ones. Gradients are of one player on one batch, milliseconds "
        "of one core and one seed",
    )


def even_figure(results: Results) -> Figure:
    """Unevenness of classes along the training.

    Parameters
    ----------
    results : Results

    Returns
    -------
    Figure
    """
    task = results.task
    places = np.linspace(0, task.plan.iterations, task.plan.looks + 1)[1:]
    panels = {
        f"unevenness: {title}": [
            _line(results, name, places) for name in names if name in results.runs
        ]
        for title, names in _PANELS.items()
    }
    return lines(
        panels,
        x_label="iterations",
        caption=f"{task.name}: how far the shares of classes are from the real ones; means over "
        f"{results.n_seeds} seeds with 95% intervals.",
    )


def _line(results: Results, name: str, places: Array) -> Line:
    each = results.runs[name].unevenness(results.real_classes)
    found = [over_seeds(look) for look in each]
    low, high = ([getattr(one, end) for one in found] for end in ("low", "high"))
    return Line(places, [one.value for one in found], name, low, high)


def _paper(results: Results, name: str) -> str:
    task = results.task
    if task.n_classes == 2:
        both = {KEPT: published.BOTH_DIGITS, GDA: published.GDA_BOTH_DIGITS}
        return f"{100 * both[name]:.0f}% both" if name in both else ""
    if task.source == "cifar10":
        names = {KEPT: "accept/reject", GDA: "GDA", OPTIMISTIC: "optimistic"}
        score = published.INCEPTION_CIFAR.get(names.get(name, ""))
        return "" if score is None else f"Inception score {score:g}"
    return ""


def _shown(values: Array, digits: int) -> str:
    found = over_seeds(values)
    return f"{found.value:.{digits}f} ± {(found.high - found.low) / 2:.{digits}f}"
