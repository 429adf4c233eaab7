"""Modes against what they cost, drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from equipoise.report import Figure, Line, lines
from equipoise.reproduce.judge import over_seeds
from equipoise.reproduce.minmax.gaussians.results import Array, Results, Run
from equipoise.reproduce.minmax.stack.variants import (
    COIN,
    COUNTERFACTUAL,
    GDA,
    GDA_ONCE,
    KEPT,
    OPTIMISTIC,
    SKIP,
    SKIP_KEPT,
    STATIONARY,
    UNROLLED,
)

_PANELS: dict[str, tuple[str, ...]] = {
    "descent-ascent and its relatives": (GDA_ONCE, GDA, OPTIMISTIC, UNROLLED, COUNTERFACTUAL),
    "accept/reject": (COUNTERFACTUAL, KEPT, STATIONARY),
    "controls": (COUNTERFACTUAL, GDA, COIN, SKIP, SKIP_KEPT),
}
_PLACES = 40


def gradient_figure(results: Results) -> Figure:
    """Modes against gradients.

    Parameters
    ----------
    results : Results

    Returns
    -------
    Figure
    """
    # What costs many times the rest would press all else to the left.
    last = 2.2 * float(results.runs[GDA].gradients[-1].max())
    return _figure(
        results,
        lambda run: run.gradients,
        last,
        "gradients of one player on one batch",
        f"Modes covered on the {results.setting.mixture.name} against gradients, means over "
        f"{results.n_seeds} seeds with 95% intervals.",
    )


def move_figure(results: Results) -> Figure:
    """Modes against moves of the generator that stayed.

    Parameters
    ----------
    results : Results

    Returns
    -------
    Figure
    """
    return _figure(
        results,
        lambda run: run.moves,
        float(results.setting.plan.iterations),
        "moves of the generator that stayed",
        f"The same on the {results.setting.mixture.name} against moves of the generator that "
        "stayed: what a variant refuses or skips costs nothing here.",
    )


def _figure(
    results: Results, spent: Callable[[Run], Array], last: float, x_label: str, caption: str
) -> Figure:
    panels = {}
    for title, names in _PANELS.items():
        drawn = [
            line
            for name in names
            if name in results.runs
            for line in _line(results.runs[name], spent, last, name)
        ]
        if drawn:
            panels[f"modes: {title}"] = drawn
    return lines(panels, x_label=x_label, caption=caption)


def _line(run: Run, spent: Callable[[Run], Array], last: float, label: str) -> Sequence[Line]:
    # Seeds spend at their own pace: each is brought to common places before they are averaged.
    each = spent(run)
    end = min(last, float(each[-1].min()))
    start = float(each[0].max())
    if end <= start:
        return []
    places = np.linspace(start, end, _PLACES)
    modes = np.array([np.interp(places, each[:, s], run.modes[:, s]) for s in range(each.shape[1])])
    found = [over_seeds(column) for column in modes.T]
    low, high = ([getattr(one, name) for one in found] for name in ("low", "high"))
    return [Line(places, [one.value for one in found], label, low, high)]
