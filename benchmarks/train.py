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
from equipoise.learn.order import Order

ROWS, FEATURES, GROUPS, STEPS = 20_000, 40, 6, 60


def _rows() -> Rows:
    random = np.random.default_rng(0)
    group = random.integers(0, GROUPS, ROWS)
    features = random.normal(size=(ROWS, FEATURES)).astype(np.float32)
    features[:, 0] += 0.3 * group
    label = (features[:, :2].sum(axis=1) + random.normal(size=ROWS) > 1).astype(np.int64)
    return Rows.of(features, label, Groups.from_codes(group, [f"g{j}" for j in range(GROUPS)]))


def _steps(method: str, replicates: int, batch_size: int, rows: Rows) -> Any:
    constraint = Constraint.parse('gap("selection") <= 0.05')
    seeds = range(replicates)
    network = StackedMLP(FEATURES, (64, 32), 2, seeds)
    problem = FairProblem(network, rows, 2, constraint)
    base = torch.optim.Adam(network.parameters(), lr=1e-3)
    optimizer = find_method(method).wrap(base, constraint.n_violations(2, GROUPS), replicates)
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
    for replicates, batch_size in ((1, 32), (1, 512), (5, 512)):
        taken = interleaved(
            {m: _steps(m, replicates, batch_size, rows) for m in ("erm", "penalty", "alm")},
            rounds=15,
        )
        plain = _plain_step(replicates, batch_size, rows)
        bare = interleaved({"plain": plain, "alm": _steps("alm", replicates, batch_size, rows)}, 15)
        where = f"{replicates} models, {batch_size} rows a step"
        name = f"{replicates}x{batch_size}"
        found += [
            Figure(
                f"train.alm_over_erm.{name}",
                taken["alm"] / taken["erm"],
                "<=",
                1.5,
                f"a step of alm over one of erm ({where})",
            ),
            Figure(
                f"train.alm_over_plain_torch.{name}",
                bare["alm"] / bare["plain"],
                "<=",
                1.5,
                f"a step of alm over a plain torch loop without groups ({where})",
            ),
        ]
    return [*found, _stacking(rows)]


def _plain_step(replicates: int, batch_size: int, rows: Rows) -> Any:
    network = StackedMLP(FEATURES, (64, 32), 2, range(replicates))
    base = torch.optim.Adam(network.parameters(), lr=1e-3)
    order = Order(len(rows), batch_size, range(replicates))

    def run() -> None:
        for _ in range(STEPS):
            batch = order.next_batch()
            logits = network(rows.features[batch])
            loss = torch.nn.functional.cross_entropy(
                logits.flatten(0, 1), rows.label[batch].flatten()
            )
            base.zero_grad()
            loss.backward()
            base.step()

    return run


def _stacking(rows: Rows) -> Figure:
    constraint = Constraint.parse('gap("selection") <= 0.05')
    settings = TrainingSettings(method="alm", steps=100, batch_size=64)

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
