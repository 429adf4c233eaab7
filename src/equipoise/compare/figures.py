"""The figures of a comparison's report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from equipoise.audit.words import level
from equipoise.compare.corrected import audit_of, corrected
from equipoise.compare.summary import pareto
from equipoise.compare.table import averaged_models
from equipoise.learn import History
from equipoise.report import Figure, Interval, Line, Point, intervals, lines, scatter

if TYPE_CHECKING:
    from equipoise.compare.result import Comparison

_LONGEST_NAME = 40


def frontier_figure(comparison: Comparison, number: int = 0) -> Figure:
    """Draw accuracy against disparity: methods with intervals, single models behind them.

    Parameters
    ----------
    comparison : Comparison
    number : int
        Of the promise, from 0.

    Returns
    -------
    Figure
    """
    constraint = comparison.settings.constraints[number]
    disparity = constraint.disparity
    points, faint, places = [], [], {}
    for s in comparison.summaries:
        if s.trial.chosen is None:
            continue
        found = s.promises[number].disparity
        points.append(
            Point(
                found.value,
                s.accuracy.value,
                found.low,
                found.high,
                s.accuracy.low,
                s.accuracy.high,
                s.method,
                s.method,
            )
        )
        places[s.method] = (found.value, s.accuracy.value)
        for counted in s.trial.counts["test"]:
            counts = corrected(counted, comparison.flips)
            x, y = float(disparity.value(counts.rates(disparity.rate))), counts.accuracy
            faint.append(Point(x, y, np.nan, np.nan, np.nan, np.nan, "", s.method))
    smaller = constraint.sense == "<="
    front = pareto(places, smaller)
    return scatter(
        points,
        x_label=f"{disparity} on the test rows ({'smaller' if smaller else 'larger'} is fairer)",
        y_label="accuracy on the test rows",
        # Steps to the right say "at most this unfair"; they would be wrong the other way round.
        frontier=[places[name] for name in front] if smaller else (),
        vertical=(constraint.bound, "the promise"),
        faint=faint,
        caption=(
            f"Large marks are means over {averaged_models(comparison)}, with "
            f"{level(comparison.settings.confidence)} intervals for one more training run on a "
            "sample like this; small marks are the single models."
            + (
                " The stepped line is the frontier: the most accuracy at no more unfairness."
                if smaller
                else ""
            )
        ),
    )


def rates_figure(comparison: Comparison, rate: str) -> Figure:
    """Draw a rate of each group and of each method's chosen model.

    Parameters
    ----------
    comparison : Comparison
    rate : str

    Returns
    -------
    Figure
    """
    rows: dict[str, list[Interval]] = {}
    for s in comparison.summaries:
        counts = s.trial.counts_of_chosen("test")
        if counts is None:
            continue
        told = corrected(counts, comparison.flips)
        found = audit_of(told, comparison.settings.confidence).rates(rate)
        single = len(found.components) == 1
        rows[s.method] = [
            Interval(
                _short(group if single else f"{group}: {component}"),
                float(found.values[c, g]),
                float(found.low[c, g]),
                float(found.high[c, g]),
                f"n = {int(found.support[c, g]):,}",
            )
            for c, component in enumerate(found.components)
            for g, group in enumerate(counts.groups)
        ]
    return intervals(
        rows,
        x_label=f"{rate} of each method's chosen model on the test rows",
        title=f"{rate} by group",
        caption=f"With {level(comparison.settings.confidence)} intervals; n is "
        + (
            "what the rate is a share of."
            if comparison.flips is None
            else "how many rows of known group would tell as much."
        ),
    )


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def training_figure(comparison: Comparison) -> Figure:
    """Draw training as it went: loss, accuracy, each promised figure and the multipliers.

    Parameters
    ----------
    comparison : Comparison

    Returns
    -------
    Figure
    """
    seen = {t.method: t.history for t in comparison.trials if t.history is not None}
    panels = {
        "training loss": _panel(seen, {name: one.loss for name, one in seen.items()}),
        "accuracy on the validation rows": _panel(
            seen, {name: one.accuracy for name, one in seen.items()}
        ),
    }
    references = {}
    for number, constraint in enumerate(comparison.settings.constraints):
        promised = f"{constraint.disparity} on the validation rows"
        disparity = {name: one.disparity[..., number] for name, one in seen.items()}
        panels[promised] = _panel(seen, disparity)
        references[promised] = (constraint.bound, "the promise")
    panels["largest multiplier"] = _panel(
        seen, {name: one.multiplier for name, one in seen.items()}
    )
    panels = {name: panel for name, panel in panels.items() if panel}
    return lines(
        panels,
        x_label="optimizer steps",
        references={name: line for name, line in references.items() if name in panels},
        caption="Means over models; bands reach from the smallest to the largest.",
    )


def _panel(histories: dict[str, History], curves: dict[str, NDArray[np.float64]]) -> list[Line]:
    # The curves (t, r) by method; none of a method where it is undefined throughout.
    return [
        Line(
            histories[method].step,
            curve.mean(axis=1),
            method,
            curve.min(axis=1),
            curve.max(axis=1),
        )
        for method, curve in curves.items()
        if not np.isnan(curve).all()
    ]
