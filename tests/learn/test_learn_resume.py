"""A training loop of one's own, killed and resumed from a file that holds no pickled code."""

from __future__ import annotations

import io
from functools import partial

import numpy as np
import pytest
import torch

from equipoise import Constraint, Groups
from equipoise.learn import METHODS, FairProblem, Rows, Setting, StackedMLP
from equipoise.learn.order import Order
from equipoise.learn.strata import StratifiedOrder, choose_shares

STEPS = 12
WRAPPERS = [name for name, method in METHODS.items() if method.wrap is not None]
PROMISES = [Constraint.parse('gap("selection") <= 0.1')]


class Loop:
    """Everything that a run consists of, and all of it in one state."""

    def __init__(self, method, *, stratified, seed=0):
        random = np.random.default_rng(1)
        group = (random.random(300) < 0.05).astype(int)
        features = random.normal(size=(300, 3)) + 0.5 * group[:, None]
        label = (features.sum(axis=1) > 0).astype(int)
        groups = Groups.from_codes(group, ["most", "few"])
        rows = Rows.of(features, label, groups)
        self.network = StackedMLP(3, (4,), 2, [seed, seed + 1])
        problem = FairProblem(self.network, rows, 2, PROMISES)
        self.order = Order(300, 32, [seed, seed + 1])
        if stratified:
            chosen = choose_shares(groups, rows.label.numpy(), 2, PROMISES, 32)
            self.order = StratifiedOrder(*chosen, 32, [seed, seed + 1])
            problem = FairProblem(self.network, rows, 2, PROMISES, self.order.importance)
        self.problem = problem
        base = torch.optim.Adam(self.network.parameters(), lr=0.01)
        setting = Setting(problem.n_constraints, 2, STEPS, lambda: problem.everything()[1], seed)
        self.optimizer = METHODS[method].wrap(base, setting)
        self.schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, STEPS)

    def run(self, steps):
        for _ in range(steps):
            drawn = {}
            self.optimizer.step(partial(self.batch, drawn))
            self.schedule.step()
        return self

    def batch(self, drawn, number):
        if number not in drawn:
            drawn[number] = self.order.next_batch()
        return self.problem(drawn[number])

    def parts(self):
        return {
            "network": self.network,
            "optimizer": self.optimizer,
            "schedule": self.schedule,
            "order": self.order,
        }

    def save(self):
        file = io.BytesIO()
        torch.save({name: part.state_dict() for name, part in self.parts().items()}, file)
        file.seek(0)
        return file

    def load(self, file):
        state = torch.load(file, weights_only=True)
        for name, part in self.parts().items():
            part.load_state_dict(state[name])
        return self


@pytest.mark.parametrize("stratified", [False, True])
@pytest.mark.parametrize("method", WRAPPERS)
def test_a_run_that_was_killed_goes_on_bit_for_bit(method, stratified):
    straight = Loop(method, stratified=stratified).run(STEPS)
    file = Loop(method, stratified=stratified).run(5).save()
    # A fresh process has other weights and streams until the state is loaded.
    resumed = Loop(method, stratified=stratified, seed=7).load(file).run(STEPS - 5)
    for one, other in zip(straight.network.parameters(), resumed.network.parameters(), strict=True):
        assert torch.equal(one, other)
    multipliers = straight.optimizer.multipliers
    if multipliers is not None:
        assert torch.equal(multipliers, resumed.optimizer.multipliers)
