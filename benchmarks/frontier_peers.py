"""Peers that train in one loop, each as its documentation shows it."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from benchmarks.frontier_batches import Batches, Evaluated, evaluate, stricter
from benchmarks.frontier_method import Method, no_losses
from benchmarks.frontier_task import HIDDEN, Budget, Task, Tried, adam, measure_networks
from equipoise.constraints import Constraint
from equipoise.learn import StackedMLP

Step = Callable[[Callable[[], Evaluated]], None]
"""Takes one step, given what draws a batch and evaluates the network on it."""


@dataclass(frozen=True)
class Problem:
    """What a peer is told before the first step: the promise, m, and what it may spend."""

    promise: Constraint
    m: int
    budget: Budget


Make = Callable[[torch.nn.Module, Problem], tuple[Step, torch.optim.Optimizer]]


def _hct_alm(network: torch.nn.Module, problem: Problem) -> tuple[Step, torch.optim.Optimizer]:
    from humancompatible.train.dual_optim import ALM

    primal = adam(network, problem.budget)
    dual = ALM(m=problem.m, lr=0.05, penalty=1.0, is_ineq=True)
    return _forward_update(primal, dual), primal


def _hct_pbm(network: torch.nn.Module, problem: Problem) -> tuple[Step, torch.optim.Optimizer]:
    from humancompatible.train.dual_optim import PBM

    primal = adam(network, problem.budget)
    dual = PBM(m=problem.m, epoch_length=max(1, problem.budget.steps // 20))
    return _forward_update(primal, dual), primal


def _forward_update(primal: torch.optim.Optimizer, dual: Any) -> Step:
    def step(evaluate: Callable[[], Evaluated]) -> None:
        seen = evaluate()
        primal.zero_grad()
        dual.forward_update(seen.objective, seen.constraints).backward()
        primal.step()

    return step


def _cooper(network: torch.nn.Module, problem: Problem) -> tuple[Step, torch.optim.Optimizer]:
    import cooper

    m = problem.m

    class Promise(cooper.ConstrainedMinimizationProblem):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.fair = cooper.Constraint(
                constraint_type=cooper.ConstraintType.INEQUALITY,
                multiplier=cooper.multipliers.DenseMultiplier(num_constraints=m),
                formulation_type=cooper.formulations.AugmentedLagrangian,
                penalty_coefficient=cooper.penalty_coefficients.DensePenaltyCoefficient(
                    torch.tensor(1.0)
                ),
            )

        def compute_cmp_state(self, evaluate: Callable[[], Evaluated]) -> cooper.CMPState:
            seen = evaluate()
            state = cooper.ConstraintState(violation=seen.constraints)
            return cooper.CMPState(loss=seen.objective, observed_constraints={self.fair: state})

    promise = Promise()
    primal = adam(network, problem.budget)
    # An augmented Lagrangian moves its multipliers by the penalty coefficient times this rate.
    dual = torch.optim.SGD(promise.dual_parameters(), lr=0.05, maximize=True)
    optimizer = cooper.optim.AlternatingDualPrimalOptimizer(promise, primal, dual)

    def step(evaluate: Callable[[], Evaluated]) -> None:
        optimizer.roll(compute_cmp_state_kwargs={"evaluate": evaluate})

    return step, primal


def _penalised(strength: float) -> Make:
    def make(network: torch.nn.Module, problem: Problem) -> tuple[Step, torch.optim.Optimizer]:
        primal = adam(network, problem.budget)

        def step(evaluate: Callable[[], Evaluated]) -> None:
            seen = evaluate()
            primal.zero_grad()
            (seen.objective + strength * seen.constraints.clamp(min=0).sum()).backward()
            primal.step()

        return step, primal

    return make


def _fairret(strength: float) -> Make:
    from fairret.loss import NormLoss

    def make(network: torch.nn.Module, problem: Problem) -> tuple[Step, torch.optim.Optimizer]:
        primal = adam(network, problem.budget)
        statistic, told_label = _fairret_statistic(problem.promise)
        term = NormLoss(statistic)

        def step(evaluate: Callable[[], Evaluated]) -> None:
            seen = evaluate()
            # The one logit that a network with a sigmoid would have.
            logit = (seen.logits[:, 1] - seen.logits[:, 0])[:, None]
            told = [seen.batch.label.float()[:, None]] if told_label else []
            primal.zero_grad()
            (seen.objective + strength * term(logit, seen.batch.members, *told)).backward()
            primal.step()

        return step, primal

    return make


def _fairret_statistic(promise: Constraint) -> tuple[Any, bool]:
    # And whether it depends on the label.
    from fairret import statistic

    if promise.disparity.rate.name == "selection":
        return statistic.PositiveRate(), False
    true_positive = statistic.TruePositiveRate()
    if promise.disparity.rate.name == "true_positive":
        return true_positive, True
    false_positive = statistic.FalsePositiveRate()
    return statistic.StackedLinearFractionalStatistic(true_positive, false_positive), True


def _train(task: Task, make: Make, level: float, seed: int) -> StackedMLP:
    rows, k = task.parts["train"], task.n_classes
    network = StackedMLP(rows.features.shape[1], HIDDEN, k, [seed])
    promise = stricter(task, level)
    batches = Batches(task, seed)
    m = promise.n_violations(k, len(task.groups("train")))
    step, primal = make(network, Problem(promise, m, task.budget))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(primal, task.budget.steps)
    for _ in range(task.budget.steps):
        step(lambda: evaluate(network, promise, batches.draw()))
        schedule.step()
    return network


def _method(name: str, package: str, makes: Sequence[Make], **more: Any) -> Method:
    # Of one setting, it is tried at the levels of the promise.
    def run(task: Task) -> Iterator[list[Tried]]:
        settings = [(make, 1.0) for make in makes]
        if len(makes) == 1:
            settings = [(makes[0], level) for level in task.budget.levels]
        for seed in range(task.budget.seeds):
            yield [
                measure_networks(_train(task, make, level, seed), task)[0]
                for make, level in settings
            ]

    return Method(name, package, run, **more)


def trainers() -> list[Method]:
    """Those that are installed."""
    found = [_method("batch penalty", "torch", [_penalised(s) for s in (0.3, 1.0, 3.0)])]
    if importlib.util.find_spec("humancompatible") is not None:
        package = "humancompatible-train"
        found.append(_method("humancompatible ALM", package, [_hct_alm]))
        found.append(_method("humancompatible PBM", package, [_hct_pbm]))
    if importlib.util.find_spec("cooper") is not None:
        found.append(_method("cooper ALM", "cooper-optim", [_cooper]))
    if importlib.util.find_spec("fairret") is not None:
        # It pulls the rates together as far as its strength goes, and knows no bound.
        strengths = [_fairret(s) for s in (0.05, 0.13, 0.4)]
        found.append(_method("fairret NormLoss", "fairret", strengths, refuses=no_losses))
    return found
