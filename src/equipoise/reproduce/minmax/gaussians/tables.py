"""The table of a mixture, beside what the paper has."""

from __future__ import annotations

import numpy as np

from equipoise.report import Cell, Column, Table
from equipoise.reproduce.judge import over_seeds
from equipoise.reproduce.minmax import published
from equipoise.reproduce.minmax.gaussians.claims import all_found
from equipoise.reproduce.minmax.gaussians.mixture import WEIGHTED_RING
from equipoise.reproduce.minmax.gaussians.results import Array, Results
from equipoise.reproduce.minmax.stack.variants import COUNTERFACTUAL, GDA, GDA_ONCE

_PAPER = {
    COUNTERFACTUAL: f"{100 * published.FOUR_MODES:.0f}% all",
    GDA_ONCE: f"{100 * published.GDA_ONE_MODE:.0f}% one",
}


def mixture_table(results: Results) -> Table:
    """What each variant found.

    Parameters
    ----------
    results : Results

    Returns
    -------
    Table
    """
    setting = results.setting
    published_here = setting.mixture == WEIGHTED_RING
    budget = results.runs[GDA].gradients[-1]
    best = max(results.runs, key=lambda name: float(results.runs[name].last.mean()))
    rows: list[list[str | Cell]] = []
    for name, run in results.runs.items():
        own = budget[: len(run.share)]
        reaches = bool((run.gradients[-1] >= own).all())
        rows.append(
            [
                Cell(name, strong=name == best),
                _shown(run.last, 1),
                f"{100 * all_found(results, name).mean():.0f}%",
                _shown(run.modes_at(own), 1) if reaches else "",
                _shown(100 * run.mass[-1], 0),
                f"{run.forgotten.mean():.1f}",
                _shown(100 * run.lost, 0),
                f"{100 * run.share.mean():.0f}%",
                f"{run.gradients[-1].mean():,.0f}",
                f"{1000 * run.seconds:.1f}",
                *([_PAPER.get(name, "")] if published_here else []),
            ]
        )
    plan, mixture, name = setting.plan, setting.mixture, setting.mixture.name
    seeds = f"{results.n_seeds} seeds{_fewer(results)}"
    return Table(
        [
            Column("variant"),
            Column("modes", "right", f"of {len(mixture.centres)}, in the end"),
            Column("all of them", "right", "share of runs"),
            Column("modes", "right", f"at gradients of {GDA}"),
            Column("mass", "right", "% within 3 deviations"),
            Column("lost", "right", f"in {plan.looks} looks"),
            Column("lost", "right", "% of modes, a look"),
            Column("moves kept", "right"),
            Column("gradients", "right", "a run"),
            Column("ms", "right", "a step"),
            *([Column("paper", "right", "runs")] if published_here else []),
        ],
        rows,
        f"{name[0].upper()}{name[1:]}: {seeds}, {plan.iterations} iterations, batches of "
        f"{setting.batch_size}, k = {plan.k}, free passes {plan.free_pass:g}; means "
        f"with 95% intervals. A mode counts with {100 * mixture.least_share:.3g}% of the samples "
        f"within {mixture.radius:g} of its centre, and is lost if it does not at the next look. "
        "Gradients are of one player on one batch, milliseconds of one core and one seed",
    )


def _fewer(results: Results) -> str:
    named = [name for name, run in results.runs.items() if len(run.share) < results.n_seeds]
    return f" ({len(results.runs[named[0]].share)} of {' and '.join(named)})" if named else ""


def _shown(values: Array, digits: int) -> str:
    found = over_seeds(np.asarray(values, np.float64))
    if np.isnan(found.value):
        return ""
    return f"{found.value:.{digits}f} ± {(found.high - found.low) / 2:.{digits}f}"
