"""The paper's figures 3, 4 and 5, and intervals of its tables, drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from equipoise.report import Figure, Interval, Line, Point, intervals, lines, scatter
from equipoise.reproduce.autobalance import published
from equipoise.reproduce.autobalance.birds_methods import FAMILIES, blend_name
from equipoise.reproduce.autobalance.results import Results
from equipoise.reproduce.autobalance.tail import TailTask
from equipoise.reproduce.autobalance.tail_methods import AUTOBALANCE
from equipoise.reproduce.judge import over_seeds

Array = NDArray[np.float64]

_TERMS = {"additive": "l", "multiplicative": "Delta"}
_AXES = {"balanced": "balanced error, %", "deo": "difference of equalized odds, points"}
_LEARNT = ("l&Delta", "l&Delta, LA init", AUTOBALANCE)


def error_figure(results: Results) -> Figure:
    """Balanced errors of all methods, beside the paper's where it has the data.

    Parameters
    ----------
    results : Results

    Returns
    -------
    Figure
    """
    ours = []
    for method in results.methods:
        found = over_seeds(results.of(method.name))
        ours.append(Interval(method.name, found.value, found.low, found.high))
    rows = {"ours": ours}
    task = results.task
    column = task.published if isinstance(task, TailTask) else ""
    if column:
        rows["paper"] = [
            Interval(method.name, value, value, value)
            for method in results.methods
            if method.name in published.TABLE_1
            for value in [published.TABLE_1[method.name][column]]
        ]
    return intervals(
        rows,
        x_label="balanced error, %",
        title=task.name,
        caption="Means over seeds with 95 % intervals.",
    )


def learnt_figure(results: Results) -> Figure:
    """Figure 3: what was learnt, by the frequency of the class.

    Parameters
    ----------
    results : Results
        Of a task with classes made rare.

    Returns
    -------
    Figure
    """
    counts = results.counts[:, 0]
    x = np.arange(1, len(counts) + 1)
    prior = np.log(counts / counts.sum())
    panels = {
        name: [
            line
            for method in _LEARNT
            for line in _line(x, [getattr(one, term) for one in results.records[method]], method)
        ]
        for term, name in _TERMS.items()
    }
    adjusted = {"l": prior - prior.mean(), "Delta": np.ones(len(x))}
    for name, values in adjusted.items():
        panels[name].append(Line(x, values, "LA"))
    return lines(
        panels,
        x_label="class, the most frequent first",
        caption=f"Figure 3 on {results.task.name}: l (less its mean over classes) and Delta that "
        "searches found, means over seeds with 95 % intervals. Smaller values ask for a larger "
        "margin; the paper's caption says larger parameters, which its equation 2.1 reverses.",
    )


def trajectory_figure(results: Results) -> Figure:
    """Figure 4: the terms along the search, of frequent and of rare classes.

    Parameters
    ----------
    results : Results
        Of a task with classes made rare.

    Returns
    -------
    Figure
    """
    panels = {}
    for method, terms in (("l&Delta", _TERMS), ("Delta", {"multiplicative": "Delta"})):
        records = [one for one in results.records[method] if one.trajectory is not None]
        if not records:
            continue
        for term, name in terms.items():
            # Seeds have the same steps: searches are of one length.
            each = np.array([getattr(one.trajectory, term) for one in records])
            steps = np.array(records[0].trajectory.step)  # type: ignore[union-attr]
            last = each.shape[2] - 1
            chosen = sorted({0, last // 3, 2 * last // 3, last})
            panels[f"{name} in the search of {method}"] = [
                line for k in chosen for line in _line(steps, each[:, :, k], f"class {k + 1}")
            ]
    return lines(
        panels,
        x_label="steps of training",
        caption=f"Figure 4 on {results.task.name}: terms along the search, of the most frequent "
        "class (1), the rarest, and two between; means over seeds with 95 % intervals.",
    )


def frontier_figure(results: Results, weights: Sequence[float], figure: str) -> Figure:
    """Figure 5: blends with the cross-entropy, by the standard error and another figure.

    Parameters
    ----------
    results : Results
        Of Waterbirds.
    weights : sequence of float
        Of the cross-entropy.
    figure : {"balanced", "deo"}

    Returns
    -------
    Figure
    """
    points = [_point(results, "CE", figure, "CE", "CE")]
    points += [
        _point(results, blend_name(family, weight), figure, f"{weight:g}", family)
        for family in FAMILIES
        for weight in weights
    ]
    drawn = {blend_name(family, weight) for family in FAMILIES for weight in weights} | {"CE"}
    for method in results.methods:
        if method.name in drawn:
            continue
        # A family's own name is that of its blend without cross-entropy.
        pure = method.name in FAMILIES
        label, series = ("0", method.name) if pure else (method.name, "others")
        points.append(_point(results, method.name, figure, label, series))
    return scatter(
        points,
        x_label="standard error, %",
        y_label=_AXES[figure],
        title=f"Figure 5: {_AXES[figure]}",
        caption="Labels of blends are the share of cross-entropy, in training or, for AutoBalance, "
        "in what validation rows are judged by; means over seeds with 95 % intervals.",
    )


def _point(results: Results, method: str, figure: str, label: str, series: str) -> Point:
    x, y = (over_seeds(results.of(method, what)) for what in ("standard", figure))
    return Point(x.value, y.value, x.low, x.high, y.low, y.high, label, series)


def _line(x: NDArray[np.integer], each: Sequence[Array | None] | Array, label: str) -> list[Line]:
    # Of no seed there is no line; of one there is no band.
    values = [one for one in each if one is not None]
    if not values:
        return []
    found = [over_seeds(column) for column in np.array(values).T]
    if len(values) < 2:
        return [Line(x, [one.value for one in found], label)]
    low, high = ([getattr(one, end) for one in found] for end in ("low", "high"))
    return [Line(x, [one.value for one in found], label, low, high)]
