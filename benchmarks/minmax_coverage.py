"""How often the intervals of a greedy check hold the truth, where the truth has a closed form."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from rich.console import Console
from torch import Tensor

from benchmarks.figure import Figure
from equipoise.optim.minmax.intervals import derivatives
from equipoise.optim.minmax.smoothing import Draws, directions
from equipoise.report import Column, Table

SIGMA, RUNS, CONFIDENCE = 0.1, 300, 0.95
DIMENSIONS = (1, 3)
PAIRS = {40: 0.93, 400: 0.95}  # and the share that is to be held


def _density(t: float) -> float:
    return math.exp(-(t**2) / 2) / math.sqrt(2 * math.pi)


@dataclass(frozen=True)
class Case:
    """A truncated value around a point, in units of sigma.

    Attributes
    ----------
    value : callable
        Of draws, shape (n, d); returns shape (n,), nowhere above 0.
    slope : float
        Length of E z m(z).
    bend : float
        Lowest eigenvalue of E (z z^T - I) m(z).
    """

    value: Callable[[Tensor], Tensor]
    slope: float
    bend: float


CASES = {
    "a slope": Case(lambda z: z[:, 0].clamp_max(0), 0.5, -_density(0)),
    "a step": Case(lambda z: -(z[:, 0] < -0.5).double(), _density(0.5), -0.5 * _density(0.5)),
    "a far step": Case(lambda z: -(z[:, 0] > 1.5).double(), _density(1.5), -1.5 * _density(1.5)),
    "a hilltop": Case(lambda z: -z.square().sum(1), 0.0, -2.0),
    "a ridge": Case(lambda z: -z[:, 0].square(), 0.0, -2.0),
}


def figures() -> list[Figure]:
    rows: list[list[str]] = []
    found = []
    for n, bar in PAIRS.items():
        worst = 1.0
        for name, case in CASES.items():
            for d in DIMENSIONS:
                slope, bend = _covered(case, d, n)
                worst = min(worst, slope, bend)
                rows.append([name, str(d), str(n), f"{slope:.3f}", f"{bend:.3f}"])
        found.append(
            Figure(
                f"minmax.coverage.{n}_pairs",
                worst,
                ">=",
                bar,
                f"least share of {RUNS} intervals for {CONFIDENCE:.0%} that hold the truth, "
                f"{n} pairs",
            )
        )
    columns = [
        Column("coverage around"),
        Column("dimensions", "right"),
        Column("pairs", "right"),
        Column("gradient", "right"),
        Column("curvature", "right"),
    ]
    Console(width=110).print(Table(columns, rows).to_rich())
    return found


def _covered(case: Case, d: int, n: int) -> tuple[float, float]:
    truth = (case.slope / SIGMA, case.bend / SIGMA**2)
    hits = [0, 0]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for _ in range(RUNS):
            z = directions([torch.zeros(d, dtype=torch.float64)], n)
            stacked = torch.stack([part for (part,) in z])
            both = [case.value(sign * stacked).tolist() for sign in (1, -1)]
            found = derivatives(Draws(z, *both), SIGMA, CONFIDENCE)
            for i, interval in enumerate(found):
                # A gradient of 0 is found as 0 up to rounding.
                hits[i] += interval.low - 1e-9 <= truth[i] <= interval.high + 1e-9
    return hits[0] / RUNS, hits[1] / RUNS
