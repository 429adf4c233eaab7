"""Rankings under bounds of every prefix: seconds, and what peers make of the same task."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.figure import Figure
from benchmarks.rank_peers import peers
from equipoise import Groups
from equipoise.rank import Bound, rank_items

_ITEMS = 1_000_000
_ROUNDS = 5


def figures() -> list[Figure]:
    """Processor seconds of a full ranking, beside FA*IR and AIF360 where these are installed.

    Returns
    -------
    list of Figure
    """
    with threadpool_limits(1):
        found = [
            Figure(
                f"rank_{name}_seconds",
                _processor_seconds(work),
                "<=",
                bar,
                f"{_ITEMS:,} items ranked in full, {what}: processor seconds",
            )
            for name, bar, what, work in (
                ("20_groups", 0.8, "lower bounds of 20 groups", _task(20, 20)),
                ("one_group", 0.25, "one protected group of two", _task(2, 1)),
            )
        ]
        return [*found, *peers()]


def _task(n_groups: int, n_bounds: int) -> Callable[[], Any]:
    random = np.random.default_rng(0)
    codes = random.choice(n_groups, _ITEMS, p=random.dirichlet(np.full(n_groups, 5.0)))
    scores = random.normal(size=_ITEMS) - 0.1 * codes
    groups = Groups.from_codes(codes, [f"group {g}" for g in range(n_groups)])
    shares = groups.sizes / _ITEMS
    bounds = [
        Bound.of_share(groups.names[g], ">=", np.floor(95 * shares[g]) / 100)
        for g in range(n_groups - n_bounds, n_groups)
    ]
    return lambda: rank_items(scores, groups, bounds)


def _processor_seconds(work: Callable[[], Any]) -> float:
    work()  # compiles
    taken = []
    for _ in range(_ROUNDS):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return statistics.median(taken)
