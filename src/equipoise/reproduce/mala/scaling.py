"""Gradients for an effective draw against the dimension, at fixed h L d^(1/3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.audit import Estimate
from equipoise.report import Column, Figure, Line, Section, Table, Text, lines
from equipoise.reproduce.claim import Claim, Tier
from equipoise.reproduce.judge import judged, over_seeds, shown_above, shown_at_most
from equipoise.reproduce.mala.data import Data, posterior
from equipoise.reproduce.mala.published import BEST_ACCEPTANCE, MOST_STEPS, NONE, STEPS
from equipoise.reproduce.part import Cell, Part, Result, Shown
from equipoise.reproduce.within import within
from equipoise.sampling import run, start
from equipoise.sampling.densities import (
    MALA,
    Metric,
    RandomWalk,
    bound_regularity,
    curvature_step,
    regularity_step,
)
from equipoise.sampling.diagnostics import ess_mean

Array = NDArray[Any]

_CHAINS, _BURN = 8, 300
_SERIES: dict[str, tuple[Data, str]] = {
    "MALA, incoherent": ("incoherent", "MALA"),
    "MALA, coherent": ("coherent", "MALA"),
    "MALA, coherent, preconditioned": ("coherent", "preconditioned"),
    "random walk, incoherent": ("incoherent", "walk"),
}
_NEAR = 0.03  # of an acceptance


@dataclass(frozen=True)
class Setting:
    """One posterior and one way of sampling it.

    Attributes
    ----------
    series : str
    d : int
    seed : int
    draws : int
    """

    series: str
    d: int
    seed: int
    draws: int

    def cell(self) -> Cell:
        """The run of it."""
        decides = {"chains": _CHAINS, "burn": _BURN, **vars(self)}
        seconds = 2e-9 * (self.draws + _BURN) * _CHAINS * 20 * self.d * (self.d + 20)
        return Cell(f"{self.series}, d = {self.d}, seed {self.seed}", decides, self.run, seconds)

    def run(self) -> Result:
        """Sample, and count."""
        data, way = _SERIES[self.series]
        target = posterior(data, self.d, self.seed)
        mode = target.mode()
        laplace = Metric.of_precision(mode.hessian)
        most = float(np.linalg.eigvalsh(mode.hessian)[-1])
        kernel: MALA | RandomWalk
        if way == "walk":
            kernel = RandomWalk(target, RandomWalk.usual_step(self.d) * most**-0.5)
        elif way == "MALA":
            kernel = MALA(target, curvature_step(most, self.d))
        else:
            kernel = MALA(target, MALA.usual_step(self.d), laplace)
        # All but warm: drawn from the normal distribution at the mode.
        noise = np.random.default_rng([self.seed, self.d, 1]).standard_normal((_CHAINS, self.d))
        chains = start(kernel, mode.position + laplace.spread(noise), seed=self.seed)
        chains, _ = run(kernel, chains, _BURN)
        _, draws = run(kernel, chains, self.draws)
        sizes = ess_mean(draws.array)
        square = ess_mean((draws.array**2).sum(axis=2))
        steps = float(draws.counts["steps"].sum())
        bound = bound_regularity(target)
        return {
            "acceptance": float(draws.acceptance.mean()),
            "median": float(np.median(sizes)) / steps,
            "least": float(min(sizes.min(), square)) / steps,
            "curvature_step": curvature_step(most, self.d),
            "regularity_step": regularity_step(bound),
            "third": bound.third,
            "fourth": bound.fourth,
            "coherence": bound.coherence,
        }


def scaling_part(tier: Tier, _: Path | None) -> Part:
    """Effective draws a gradient in growing dimension.

    Returns
    -------
    Part
    """
    quick = tier == "quick"
    seeds = 4 if quick else 10
    sizes = {
        "MALA, incoherent": ((8, 16, 32, 64, 128) if quick else (8, 16, 32, 64, 128, 256), 2000),
        "MALA, coherent": ((8, 16, 32), 3000) if quick else ((8, 16, 32, 64), 20_000),
        "MALA, coherent, preconditioned": ((8, 16, 32, 64), 2000),
        "random walk, incoherent": ((8, 16, 32), 5000) if quick else ((8, 16, 32, 64), 30_000),
    }
    return part_of(
        [
            Setting(series, d, seed, draws)
            for series, (dimensions, draws) in sizes.items()
            for d in dimensions
            for seed in range(seeds)
        ]
    )


def part_of(settings: Sequence[Setting]) -> Part:
    """A part of some settings.

    Parameters
    ----------
    settings : sequence of Setting

    Returns
    -------
    Part
    """
    return Part("scaling", tuple(one.cell() for one in settings), partial(_show, settings))


def _show(settings: Sequence[Setting], results: Sequence[Result]) -> Shown:
    found: dict[str, dict[int, list[Result]]] = {}
    for one, result in zip(settings, results, strict=True):
        found.setdefault(one.series, {}).setdefault(one.d, []).append(result)
    exponents = {series: _exponent(of) for series, of in found.items()}
    table, steps = _table(found), _steps(found)
    return Shown(
        _claims(found, exponents),
        (table, steps),
        lambda: [
            Section("Gradients in growing dimension", [Text(_TEXT), _figure(found), table, steps])
        ],
    )


_TEXT = (
    "Posteriors of logistic regression with 20 rows a coefficient, sampled with the step size "
    "h = 2 d^(-1/3) / L, L the largest curvature at the mode. Incoherent rows are signs over "
    "sqrt(d). In coherent ones a single column is not divided: it sets L, and so the step size, "
    "for all. The metric of the Hessian at the mode takes that back. The random walk moves by "
    "2.38 / sqrt(d L) and asks for densities in place of gradients. Chains start at draws of the "
    "normal distribution at the mode. Effective draws are the median over coordinates: the least "
    "of d falls with d by chance alone."
)


def _each(of: Sequence[Result], name: str) -> Array:
    return np.array([one[name] for one in of])


def _exponent(of: Mapping[int, Sequence[Result]]) -> Estimate:
    """The power of d with which gradients for an effective draw grow, over seeds."""
    logs = np.log([1 / _each(results, "median") for results in of.values()])
    return over_seeds(np.polyfit(np.log(list(of)), logs, 1)[0])


def _claims(
    found: Mapping[str, Mapping[int, Sequence[Result]]], exponents: Mapping[str, Estimate]
) -> tuple[Claim, ...]:
    incoherent, coherent, scaled, walk = (exponents[series] for series in _SERIES)
    of = found["MALA, incoherent"]
    largest = max(of)
    accepted = over_seeds(_each(of[largest], "acceptance"))
    return (
        judged(
            "Incoherent data: gradients for an effective draw grow as d^p, p at most 2/3",
            STEPS,
            incoherent,
            shown_at_most(incoherent, MOST_STEPS),
        ),
        within(
            "Incoherent data: p is that of product targets, 1/3, within 0.1",
            NONE,
            incoherent,
            1 / 3 - 0.1,
            1 / 3 + 0.1,
        ),
        judged(
            "Data with one coherent direction: p is larger than 2/3",
            NONE,
            coherent,
            shown_above(coherent, MOST_STEPS),
        ),
        judged(
            "The same, preconditioned by the Hessian at the mode: p is at most 2/3 again",
            NONE,
            scaled,
            shown_at_most(scaled, MOST_STEPS),
        ),
        judged(
            "Random walk, incoherent data: p is larger than 2/3 (theory for products: 1)",
            NONE,
            walk,
            shown_above(walk, MOST_STEPS),
        ),
        within(
            f"h = 2 d^(-1/3) / L accepts {BEST_ACCEPTANCE} at d = {largest}, within {_NEAR}",
            f"{BEST_ACCEPTANCE}",
            accepted,
            BEST_ACCEPTANCE - _NEAR,
            BEST_ACCEPTANCE + _NEAR,
        ),
    )


def _table(found: Mapping[str, Mapping[int, Sequence[Result]]]) -> Table:
    rows = [
        [
            series,
            str(d),
            f"{_each(of, 'acceptance').mean():.3f}",
            f"{1 / _each(of, 'median').mean():.1f}",
            f"{1 / _each(of, 'least').mean():.1f}",
        ]
        for series, by_size in found.items()
        for d, of in by_size.items()
    ]
    names = ("d", "accepted", "steps an effective draw", "the same, worst coordinate or |x|^2")
    return Table([Column("sampler, data"), *(Column(name, "right") for name in names)], rows)


def _steps(found: Mapping[str, Mapping[int, Sequence[Result]]]) -> Table:
    shown = ("third", "fourth", "coherence", "regularity_step", "curvature_step")
    rows = [
        [data, str(d), *(f"{_each(of, name).mean():.3g}" for name in shown)]
        for data in ("incoherent", "coherent")
        for d, of in found[f"MALA, {data}"].items()
    ]
    names = ("d", "C3", "C4", "coherence, 1 to d", "h by regularity", "h by curvature")
    return Table(
        [Column("data"), *(Column(name, "right") for name in names)],
        rows,
        "Constants that hold everywhere, and the step sizes that follow",
    )


def _figure(found: Mapping[str, Mapping[int, Sequence[Result]]]) -> Figure:
    drawn = [
        Line(
            np.log2(list(of)),
            [1 / _each(results, "median").mean() for results in of.values()],
            series,
        )
        for series, of in found.items()
    ]
    panel = "steps an effective draw"
    return lines({panel: drawn}, x_label="log2 of the dimension", log=(panel,))
