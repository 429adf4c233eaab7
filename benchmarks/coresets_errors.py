"""How far costs on a summary are off in the worst of 45 sets of centres, beside the paper's."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmarks.figure import Figure
from equipoise.coresets import (
    Builder,
    Coreset,
    CoresetStream,
    Stratified,
    TwoStage,
    draw_seeds,
    refine,
)
from equipoise.reproduce.fair_coreset.tables import simulated

ROWS, FEATURES, K = 50_000, 10, 10
SIZE = 100 * K
_SEEDS = 10
_BARS = {2.0: 0.025, 1.0: 0.015}
_BLOCK = 4_096


def figures() -> list[Figure]:
    points = simulated(ROWS, FEATURES, K).points
    found = []
    for power, bar in _BARS.items():
        rows = Coreset.from_block(points, power=power)
        sets = centre_sets(points, K, power, np.random.default_rng(0))
        exact = np.array([rows.cost(one) for one in sets])
        kind = f"z = {power:g}"

        def worst(coreset: Coreset, sets: list[NDArray[np.float64]] = sets) -> float:
            costs = np.array([coreset.cost(one) for one in sets])
            return float(np.abs(costs / exact - 1).max())  # noqa: B023

        def over_seeds(builder: Builder, rows: Coreset = rows) -> float:
            return float(np.mean([worst(rows.reduce(builder, s)) for s in range(_SEEDS)]))

        ours, literal = over_seeds(Stratified(K, SIZE)), over_seeds(TwoStage(K, SIZE))
        streamed = np.mean([worst(_streamed(points, power, seed)) for seed in range(_SEEDS)])
        found += [
            Figure(
                f"coresets.error_z{power:g}",
                ours,
                "<=",
                bar,
                f"{kind}: worst relative error of {SIZE:,} of {ROWS:,} points over {len(sets)} "
                f"sets of {K} centres, mean of {_SEEDS} seeds",
            ),
            Figure(
                f"coresets.error_over_two_stage_z{power:g}",
                ours / literal,
                "<=",
                1 / 3,
                f"{kind}: the same over that of the literal two stages ({literal:.3f})",
            ),
            Figure(
                f"coresets.stream_z{power:g}",
                float(streamed) / ours,
                "<=",
                1.3,
                f"{kind}: that of merging blocks of {_BLOCK:,} over that of all rows at once",
            ),
        ]
    return found


def centre_sets(
    points: NDArray[np.float64], k: int, power: float, random: np.random.Generator
) -> list[NDArray[np.float64]]:
    """15 of random rows, 10 by k-means++, 10 near the best and perturbed, 10 in one place."""
    n, spread = len(points), points.std(axis=0)
    few = points[random.choice(n, min(n, 10_000), replace=False)]
    ones = np.ones(len(few))
    sets = [points[random.choice(n, k, replace=False)] for _ in range(15)]
    sets += [few[draw_seeds(few, ones, k, power, random).rows] for _ in range(10)]
    for turn in range(10):
        near = refine(few, ones, few[draw_seeds(few, ones, k, power, random).rows], power)[0]
        sets.append(near + 0.02 * turn * spread * random.standard_normal(near.shape))
    for _ in range(10):
        at = points[random.integers(n)]
        sets.append(at + 0.05 * spread * random.standard_normal((k, points.shape[1])))
    return sets


def _streamed(points: NDArray[np.float64], power: float, seed: int) -> Coreset:
    stream = CoresetStream(Stratified(K, SIZE), FEATURES, power, block_rows=_BLOCK, seed=seed)
    for block in np.array_split(points, 17):
        stream.add(block)
    return stream.coreset
