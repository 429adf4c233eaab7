"""Modes against what they cost, drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from equipoise.report import Figure, Line, clouds, lines
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
_SAMPLED = (GDA_ONCE, GDA, OPTIMISTIC, UNROLLED, COUNTERFACTUAL, KEPT, SKIP)
_PLACES = 40
_POINTS = 100


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


def sample_figure(results: Results) -> Figure:
    """What generators of the first seeds make in the end.

    Parameters
    ----------
    results : Results

    Returns
    -------
    Figure
    """
    mixture = results.setting.mixture
    drawn = {name: run.samples for name, run in results.runs.items() if name in _SAMPLED}
    seeds = min(len(samples) for samples in drawn.values())
    shown = {name: samples[:seeds, :_POINTS].tolist() for name, samples in drawn.items()}
    return clouds(
        shown,
        columns=[f"seed {seed}" for seed in range(seeds)],
        targets=mixture.centres,
        reach=1.5 * float(np.abs(np.array(mixture.centres)).max()),
        title=f"What generators make in the end: {mixture.name}",
        caption=f"{_POINTS} samples of each of the first seeds; rings are the centres, and wider "
        "than the modes.",
    )


def _figure(
    results: Results, spent: Callable[[Run], Array], last: float, x_label: str, caption: str
) -> Figure:
    most = len(results.setting.mixture.centres)
    panels = {}
    for title, names in _PANELS.items():
        drawn = [
            line
            for name in names
            if name in results.runs
            for line in _line(results.runs[name], spent, last, name, most)
        ]
        if len(drawn) > 1:
            panels[f"modes: {title}"] = drawn
    return lines(panels, x_label=x_label, caption=caption)


def _line(
    run: Run, spent: Callable[[Run], Array], last: float, label: str, most: int
) -> Sequence[Line]:
    # Seeds spend at their own pace: each is brought to common places before they are averaged.
    each = spent(run)
    end = min(last, float(each[-1].min()))
    start = float(each[0].max())
    if end <= start:
        return []
    places = np.linspace(start, end, _PLACES)
    modes = np.array([np.interp(places, each[:, s], run.modes[:, s]) for s in range(each.shape[1])])
    found = [over_seeds(column) for column in modes.T]
    # Student's interval does not know that there are between none and all of the modes.
    low, high = (
        np.clip([getattr(one, name) for one in found], 0, most) for name in ("low", "high")
    )
    return [Line(places, [one.value for one in found], label, low, high)]
