"""Fair costs: how far off they are on a summary of real tables, and what one exact cost takes."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from ortools.graph.python import min_cost_flow

from benchmarks.figure import Figure
from equipoise.coresets import Coreset, Stratified
from equipoise.coresets.assignment import Assignment, assign_masses
from equipoise.coresets.distances import all_costs
from equipoise.reproduce.fair_coreset.queries import fair_cost, make_queries
from equipoise.reproduce.fair_coreset.tables import READERS, People, available, simulated

K = 3
_SEEDS = 20
_ROUNDS = 5
# Table, z, points of the summary, and the bar: the mean over seeds of the largest relative error.
_TABLES = (("Bank", 1.0, 900, 0.006), ("Adult", 2.0, 3_200, 0.016), ("Diabetes", 1.0, 3_200, 0.008))
_UNIT = 2**40


def figures() -> list[Figure]:
    folder = Path(os.environ["EQUIPOISE_DATA"]) if os.environ.get("EQUIPOISE_DATA") else None
    there = available(folder)
    found = []
    for name, power, size, bar in _TABLES:
        if folder is None or name not in there:
            print(f"left out: fair costs of {name}, whose files EQUIPOISE_DATA does not have")
            continue
        found.append(_error(name, READERS[name](folder).scaled(), power, size, bar))
    if folder is not None and "Bank" in there:
        people, table = READERS["Bank"](folder).scaled(), "Bank"
    else:
        people, table = simulated(41_188, 10).scaled(), "simulated rows"
    return [*found, *_overlapping(people, table), *_disjoint(people, table)]


def _error(name: str, people: People, power: float, size: int, bar: float) -> Figure:
    rows = Coreset.from_block(people.points, collections=people.collections, power=power)
    queries = make_queries(people, K, power, (16, 4, 0), 0)
    exact = np.array([fair_cost(rows, people.members, query) for query in queries])
    worst = []
    for seed in range(_SEEDS):
        coreset = rows.reduce(Stratified(K, size), seed)
        costs = np.array([fair_cost(coreset, people.members, query) for query in queries])
        worst.append(np.abs(costs / exact - 1).max())
    return Figure(
        f"coresets.fair_error_{name}",
        float(np.mean(worst)),
        "<=",
        bar,
        f"{name}, scaled, z = {power:g}, {size:,} points: largest error of {len(queries)} fair "
        f"costs, mean of {_SEEDS} seeds",
    )


def _overlapping(people: People, table: str) -> list[Figure]:
    query = make_queries(people, K, 1.0, (0, 1, 0), 0)[0]
    costs = all_costs(people.points, query.centres, 1.0)
    ones = np.ones(len(costs))

    def by(method: Literal["dual", "program"]) -> Assignment:
        return assign_masses(
            costs, ones, people.collections, people.members, query.masses, method=method
        )

    by("dual")
    ours = statistics.median(_cpu(lambda: by("dual")) for _ in range(_ROUNDS))
    theirs = _cpu(lambda: by("program"))
    found, exact = by("dual"), by("program")
    what = f"a fair cost of {len(costs):,} rows ({table}), k = {K}, two overlapping types"
    return [
        Figure("coresets.fair_cost_seconds", ours, "<=", 0.5, f"{what}, CPU seconds"),
        Figure("coresets.fair_cost_gap", found.gap, "<=", 1e-3, f"{what}, certified relative gap"),
        Figure(
            "coresets.fair_cost_off",
            abs(found.value / exact.value - 1),
            "<=",
            1e-3,
            f"{what}, off from the linear program",
        ),
        Figure(
            "coresets.fair_cost_over_highs",
            theirs / ours,
            ">=",
            20,
            f"{what}: HiGHS over ours ({theirs:.1f} s)",
        ),
    ]


def _disjoint(people: People, table: str) -> list[Figure]:
    query = make_queries(people, K, 1.0, (1, 0, 0), 0)[0]
    costs = all_costs(people.points, query.centres, 1.0)
    ones, alone = np.ones(len(costs)), np.eye(len(people.members), dtype=np.bool_)

    def ours() -> float:
        return assign_masses(costs, ones, people.collections, alone, query.masses).value

    def flow() -> float:
        return sum(
            _bare_flow(costs[people.collections == g], query.masses[g])
            for g in range(len(query.masses))
        )

    off = abs(ours() / flow() - 1)
    times = [(_cpu(ours), _cpu(flow)) for _ in range(_ROUNDS)]
    what = f"a fair cost of {len(costs):,} rows ({table}), k = {K}, masses by collection"
    return [
        Figure(
            "coresets.flow_over_ortools",
            statistics.median(one / other for one, other in times),
            "<=",
            2,
            f"{what}: ours over OR-Tools' bare flows "
            f"({statistics.median(other for _, other in times):.2g} s), CPU",
        ),
        Figure("coresets.flow_off", off, "<=", 1e-6, f"{what}: off from these flows"),
    ]


def _bare_flow(costs: NDArray[np.float64], masses: NDArray[np.float64]) -> float:
    n, k = costs.shape
    if not n:
        return 0.0
    unit = max(float(costs.max()), 1e-300) / _UNIT * n
    flow = min_cost_flow.SimpleMinCostFlow()
    arcs = flow.add_arcs_with_capacity_and_unit_cost(
        np.repeat(np.arange(n), k),
        np.tile(np.arange(n, n + k), n),
        np.ones(n * k, np.int64),
        np.round(costs.ravel() / unit).astype(np.int64),
    )
    supplies = np.concatenate([np.ones(n, np.int64), -masses.astype(np.int64)])
    flow.set_nodes_supplies(np.arange(n + k), supplies)
    assert flow.solve() == flow.OPTIMAL
    return float(costs.ravel() @ flow.flows(arcs))


def _cpu(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began
