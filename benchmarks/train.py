"""What a promise costs a training step, and what training seeds together saves."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from benchmarks.clock import interleaved
from benchmarks.figure import Figure
from equipoise.constraints import Constraint
from equipoise.groups import Groups
from equipoise.learn import FairProblem, Rows, StackedMLP, TrainingSettings, find_method, train
from equipoise.learn.methods import Setting
from equipoise.learn.order import Order

ROWS, FEATURES, GROUPS, STEPS = 20_000, 40, 6, 60


def _rows() -> Rows:
    random = np.random.default_rng(0)
    group = random.integers(0, GROUPS, ROWS)
    features = random.normal(size=(ROWS, FEATURES)).astype(np.float32)
    features[:, 0] += 0.3 * group
    label = (features[:, :2].sum(axis=1) + random.normal(size=ROWS) > 1).astype(np.int64)
    return Rows.of(features, label, Groups.from_codes(group, [f"g{j}" for j in range(GROUPS)]))


def _steps(method_name: str, replicates: int, batch_size: int, rows: Rows) -> Any:
    method = find_method(method_name)
    constraint = Constraint.parse('gap("selection") <= 0.05')
    seeds = range(replicates)
    network = StackedMLP(FEATURES, (64, 32), 2, seeds)
    problem = FairProblem(network, rows, 2, [constraint] if method.heeds_constraint else [])
    base = torch.optim.Adam(network.parameters(), lr=1e-3)
    assert method.wrap is not None
    optimizer = method.wrap(
        base,
        Setting(problem.n_constraints, replicates, STEPS, lambda: problem.everything()[1], 0),
    )
    order = Order(len(rows), batch_size, seeds)

    def run() -> None:
        for _ in range(STEPS):
            batch = order.next_batch()
            optimizer.step(lambda _: problem(batch))  # noqa: B023

    return run


def figures() -> list[Figure]:
    torch.set_num_threads(1)
    rows = _rows()
    found = []
    for replicates, batch_size in ((5, 512), (1, 512), (1, 32)):
        taken = interleaved(
            {m: _steps(m, replicates, batch_size, rows) for m in ("erm", "penalty", "alm")},
            rounds=25,
        )
        step = taken["erm"] / STEPS * 1e3
        found += [
            Figure(
                f"train.{method}_over_erm.{replicates}x{batch_size}",
                taken[method] / taken["erm"],
                "<=",
                1.5,
                f"a step of {method} over one of erm, {step:.2f} ms ({replicates} models, "
                f"{batch_size} rows)",
            )
            for method in ("penalty", "alm")
        ]
    return [*found, _stacking(rows)]


def _stacking(rows: Rows) -> Figure:
    constraint = Constraint.parse('gap("selection") <= 0.05')
    settings = TrainingSettings(method="alm", steps=500, batch_size=64)

    def together() -> None:
        train(rows, 2, range(20), settings, constraint)

    def apart() -> None:
        for seed in range(20):
            train(rows, 2, [seed], settings, constraint)

    taken = interleaved({"together": together, "apart": apart}, rounds=3)
    return Figure(
        "train.loop_over_stack",
        taken["apart"] / taken["together"],
        ">=",
        5,
        "20 seeds one after another over 20 seeds at once (64 rows a step)",
    )
