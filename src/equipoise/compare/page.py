"""The report of a comparison: the answer first, then what it rests on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from equipoise.audit import Audit
from equipoise.audit.words import level
from equipoise.compare.answer import answer
from equipoise.compare.settings import PARTS
from equipoise.compare.summary import pareto
from equipoise.compare.table import method_table
from equipoise.learn import METHODS
from equipoise.report import (
    Callout,
    Code,
    Facts,
    Figure,
    Interval,
    Line,
    Page,
    Point,
    Section,
    Table,
    Text,
    intervals,
    lines,
    scatter,
)

if TYPE_CHECKING:
    from equipoise.compare.result import Comparison


_LONGEST_NAME = 40


def page(comparison: Comparison) -> Page:
    """Describe the report.

    Parameters
    ----------
    comparison : Comparison

    Returns
    -------
    Page
        The same for the same results, to the byte.
    """
    data, settings = comparison.description["data"], comparison.settings
    sensitive = " and ".join(data["sensitive"])
    rates = dict.fromkeys([str(settings.constraint.disparity.rate), "accuracy"])
    means = (
        f"Figures are means over {settings.seeds} models and the test rows; certificate and its "
        "bound are of each method's chosen model."
    )
    return Page(
        title=f"{data['target']} from {data['name']}",
        lead=(
            f"{len(settings.methods)} ways of training, {settings.seeds} models each, on "
            f"{data['rows']:,} rows, under the promise {settings.constraint} over the groups of "
            f"{sensitive}."
        ),
        sections=[
            Section("The answer", [_callout(comparison), _methods(comparison), Text(means)]),
            Section("Accuracy against fairness", [frontier_figure(comparison)]),
            Section("Group by group", [_rates_by_group(comparison, rate) for rate in rates]),
            Section("Training", [_curves(comparison)]),
            Section("How it was done", _how(comparison)),
        ],
        footer=f"Made by equipoise {comparison.description['versions']['equipoise']}.",
    )


def _callout(comparison: Comparison) -> Callout:
    found = answer(comparison)
    kind: Literal["good", "bad"] = "good" if comparison.best else "bad"
    return Callout(kind, found.heading, found.text)


def _methods(comparison: Comparison) -> Table:
    return method_table(
        comparison,
        [
            "certificate",
            "bound",
            "disparity",
            "accuracy with interval",
            "worst group",
        ],
    )


def frontier_figure(comparison: Comparison) -> Figure:
    """Draw accuracy against disparity: methods with intervals, single models behind them.

    Parameters
    ----------
    comparison : Comparison

    Returns
    -------
    Figure
    """
    constraint = comparison.settings.constraint
    disparity = constraint.disparity
    points, faint, places = [], [], {}
    for s in comparison.summaries:
        points.append(
            Point(
                s.disparity.value,
                s.accuracy.value,
                s.disparity.low,
                s.disparity.high,
                s.accuracy.low,
                s.accuracy.high,
                s.method,
                s.method,
            )
        )
        places[s.method] = (s.disparity.value, s.accuracy.value)
        for counts in s.trial.counts["test"]:
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
            f"Large marks are means over {comparison.settings.seeds} models, with "
            f"{level(comparison.settings.confidence)} intervals for one more training run on a "
            "sample like this; small marks are the single models."
            + (
                " The stepped line is the frontier: the most accuracy at no more unfairness."
                if smaller
                else ""
            )
        ),
    )


def _rates_by_group(comparison: Comparison, rate: str) -> Figure:
    rows: dict[str, list[Interval]] = {}
    for s in comparison.summaries:
        counts = s.trial.counts["test"][s.trial.chosen]
        found = Audit(counts, comparison.settings.confidence).rates(rate)
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
        caption=f"With {level(comparison.settings.confidence)} intervals; n is what the rate is a "
        "share of.",
    )


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def _curves(comparison: Comparison) -> Figure:
    constraint = comparison.settings.constraint
    panels: dict[str, list[Line]] = {}
    promised = f"{constraint.disparity} on the validation rows"
    for name, curve in (
        ("training loss", "loss"),
        ("accuracy on the validation rows", "accuracy"),
        (promised, "disparity"),
        ("largest multiplier", "multiplier"),
    ):
        found = []
        for trial in comparison.trials:
            values = getattr(trial.history, curve)
            if np.isnan(values).all():
                continue
            found.append(
                Line(
                    trial.history.step,
                    values.mean(axis=1),
                    trial.method,
                    values.min(axis=1),
                    values.max(axis=1),
                )
            )
        if found:
            panels[name] = found
    return lines(
        panels,
        x_label="optimizer steps",
        references={promised: (constraint.bound, "the promise")} if promised in panels else {},
        caption="Means over models; bands reach from the smallest to the largest.",
    )


def _on_weights(data: dict[str, Any]) -> list[Text]:
    if not data["weighted"]:
        return []
    return [
        Text(
            "Rows were weighted in the loss. The promise, every figure and the certificate count "
            "each row once."
        )
    ]


def _how(comparison: Comparison) -> list[Text | Facts | Code]:
    described, settings = comparison.description, comparison.settings
    data, training = described["data"], settings.training
    parts = ", ".join(
        f"{sum(described['groups'][part]):,} {part}"
        if settings.how == "crossed"
        else f"{share:.0%} {part}"
        for part, share in PARTS.items()
    )
    methods = "\n\n".join(f"{m}: {METHODS[m].title}." for m in settings.methods)
    return [
        Text(
            f"Rows were divided at random, by group and label, into {parts}. Models learn from "
            "the first, the second chooses among a method's models and among methods, figures are "
            "from the third, and what models decide on the fourth is looked at for the certificate "
            "alone. Training was asked to keep more than the promise, by "
            f"{described['margin']:g}, so that fresh rows could show that it is kept."
        ),
        Text(
            "A certificate speaks of the population from which these rows were drawn, one "
            "independently of the other. Asking again and again, with other methods or margins, "
            "until one is granted, is not covered by its confidence."
        ),
        *_on_weights(data),
        Text(methods),
        Facts(
            {
                "target": f"{data['target']}: {', '.join(map(str, data['classes']))}",
                "sensitive columns": ", ".join(data["sensitive"]),
                "groups": ", ".join(described["group_names"]),
                "features": f"{len(described['features'])} made of {', '.join(data['features'])}",
                "network": f"hidden layers of {' and '.join(map(str, training.hidden)) or 'no'} "
                "units",
                "optimizer": f"{training.optimizer}, {training.steps:,} steps of "
                f"{training.batch_size} rows, learning rate {training.learning_rate:g}",
                "confidence": f"{level(settings.confidence)}, shared by {len(settings.methods)} "
                "certificates",
                "data fingerprint": data["fingerprint"],
                "versions": ", ".join(f"{k} {v}" for k, v in described["versions"].items()),
            }
        ),
        Code(described["request"]),
    ]
