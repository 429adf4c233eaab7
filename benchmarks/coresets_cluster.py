"""Clusterings by way of a summary against the same on all rows."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from benchmarks.figure import Figure
from equipoise.cluster import CoresetKMeans
from equipoise.reproduce.fair_coreset.speed import Setting
from equipoise.reproduce.fair_coreset.tables import available, simulated

ROWS, FEATURES, K, STARTS = 1_000_000, 10, 50, 10
_ROUNDS = 3
_FAIR = ("Adult", "Bank", "Diabetes")


def figures() -> list[Figure]:
    with threadpool_limits(1):
        return [*_plain(), *_fair()]


def _plain() -> list[Figure]:
    points = simulated(ROWS, FEATURES, K).points
    CoresetKMeans(2, size=100).fit(points[:1_000])  # compiled before the clock starts
    taken, costs = [], []
    for seed in range(_ROUNDS):
        ours = CoresetKMeans(K, n_init=STARTS, random_state=seed)
        seconds, fitted = _cpu(partial(ours.fit, points))
        taken.append(seconds)
        costs.append(fitted.inertia_)
    theirs, whole = _cpu(lambda: KMeans(K, n_init=STARTS, random_state=0).fit(points))
    median = statistics.median(taken)
    what = f"k-means of {ROWS:,} x {FEATURES}, k = {K}, {STARTS} starts"
    return [
        Figure(
            "coresets.kmeans_over_sklearn",
            theirs / median,
            ">=",
            20,
            f"{what}: scikit-learn's CPU seconds over ours ({theirs:.0f} s, {median:.2f} s)",
        ),
        Figure(
            "coresets.kmeans_cost",
            max(costs) / whole.inertia_,
            "<=",
            1.02,
            f"{what}: the cost of all rows, over scikit-learn's, at the worst of {_ROUNDS} seeds",
        ),
    ]


def _fair() -> list[Figure]:
    named = os.environ.get("EQUIPOISE_DATA")
    folder = Path(named) if named else None
    there = [name for name in _FAIR if name in available(folder)]
    if not there:
        print("left out: fair clusterings of tables, whose files EQUIPOISE_DATA does not have")
    found = []
    for name in there or ["simulated"]:
        for types in ("one", "all"):
            setting = Setting(name, folder, types, 2.0, 3, 0, 10_000)
            result = setting.run()
            summary, rows, program = (result[way] for way in ("summary", "rows", "program"))
            key = f"coresets.fair_{name}_{types}"
            found += [
                Figure(
                    f"{key}_times",
                    rows["seconds"] / summary["seconds"],
                    ">=",
                    1,
                    f"{setting.name}: our CPU for all rows over that by a summary "
                    f"({summary['seconds']:.2f} s), from rows to labels",
                ),
                Figure(
                    f"{key}_program_times",
                    program["rows"]["seconds"] / program["summary"]["seconds"],
                    ">=",
                    10,
                    f"{setting.name}: a linear program of {program['of']:,} rows over that of a "
                    "summary of 500",
                ),
                Figure(
                    f"{key}_cost",
                    summary["cost"] / rows["cost"],
                    "<=",
                    1.02,
                    f"{setting.name}: cost by a summary over that of all rows",
                ),
                Figure(
                    f"{key}_excess",
                    summary["excess"],
                    "<=",
                    12,
                    f"{setting.name}: rows by which a bound is exceeded",
                ),
            ]
    return found


def _cpu(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.process_time()
    found = work()
    return time.process_time() - began, found
