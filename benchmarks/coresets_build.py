"""Making a summary against scikit-learn's k-means++, which only draws k centres."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import kmeans_plusplus
from threadpoolctl import threadpool_limits

from benchmarks.figure import Figure
from equipoise.coresets import Coreset, Stratified
from equipoise.reproduce.fair_coreset.tables import simulated

SIZES = ((200_000, 10, 20), (1_000_000, 10, 10), (1_000_000, 10, 50), (1_000_000, 50, 50))
_OF_K = 100
_ROUNDS = 3


def figures() -> list[Figure]:
    return [_figure(n, d, k) for n, d, k in SIZES]


def _figure(n: int, d: int, k: int) -> Figure:
    points = simulated(n, d, k).points
    builder = Stratified(k, _OF_K * k)
    builder_of_few = Coreset.from_block(points[:30_000])
    builder_of_few.reduce(builder)  # compiled before the clock starts
    ratios, ours = [], []
    with threadpool_limits(1):
        for seed in range(_ROUNDS):
            own = _cpu(partial(_build, points, builder, seed))
            theirs = _cpu(partial(kmeans_plusplus, points, k, random_state=seed))
            ratios.append(own / theirs)
            ours.append(own)
    return Figure(
        f"coresets.build_{n}_{d}_{k}",
        statistics.median(ratios),
        "<=",
        1.0,
        f"CPU of a summary of {_OF_K * k:,} of {n:,} x {d} over that of scikit-learn's "
        f"kmeans_plusplus, k = {k} ({statistics.median(ours):.2g} s)",
    )


def _build(points: NDArray[np.float64], builder: Stratified, seed: int) -> Coreset:
    return Coreset.from_block(points).reduce(builder, seed)


def _cpu(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began
