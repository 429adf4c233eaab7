"""Steps of other packages for constrained training, each as its documentation shows it."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from benchmarks.constrained_problem import (
    BATCH,
    N_MANY,
    N_NAMED,
    NAMES,
    ROWS,
    AdultLike,
    Problem,
    network,
)

Loop = Callable[[], object]
RATE = 0.01


def installed(module: str) -> bool:
    """Whether a peer is there; says so if it is not."""
    if importlib.util.find_spec(module) is not None:
        return True
    print(f"{module} is not installed (pip install 'equipoise[peers]'): not compared")
    return False


def peers(data: AdultLike) -> dict[str, Loop]:
    """Loops of all peers that are installed, by name."""
    loops: dict[str, Loop] = {}
    if installed("humancompatible"):
        loops |= _humancompatible(data)
    if installed("cooper"):
        loops |= _cooper(data)
    if installed("fairret"):
        loops["fairret NormLoss"] = _fairret(data)
    return loops


def _humancompatible(data: AdultLike) -> dict[str, Loop]:
    from humancompatible.train.dual_optim import ALM, PBM, SSG

    def alm(m: int) -> Any:
        return ALM(m=m, lr=0.05, penalty=1.0, is_ineq=True)

    grouped = alm(1)
    for _ in NAMES[1:]:
        grouped.add_constraint_group(m=1, is_ineq=True)
    two, many = data.two, data.many(N_MANY)
    sgd, adam = torch.optim.SGD, torch.optim.Adam
    return {
        "hct ALM m2": _forward_update(data, sgd, alm(2), two),
        "hct ALM m2 adam": _forward_update(data, adam, alm(2), two),
        "hct ALM m1000": _forward_update(data, sgd, alm(N_MANY), many),
        "hct ALM named45": _forward_update(data, sgd, grouped, data.named()),
        "hct ALM plain m2": _forward_update(data, sgd, ALM(m=2, lr=0.05, is_ineq=True), two),
        "hct PBM m2": _forward_update(data, sgd, PBM(m=2, epoch_length=ROWS // BATCH), two),
        "hct SSG m2": _forward_update(data, sgd, SSG(m=2, constraint_tol=0.01), two),
    }


def _forward_update(data: AdultLike, base: Any, dual: Any, problem: Any) -> Loop:
    model, draw = network(), data.batches()
    optimizer = base(model.parameters(), lr=RATE)

    def step() -> None:
        loss, constraints = problem(model, draw())
        dual.forward_update(loss, constraints).backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def _cooper(data: AdultLike) -> dict[str, Loop]:
    import cooper

    many, of_all = data.many(N_MANY), data.many(N_NAMED)
    lagrangian, augmented = (
        cooper.formulations.Lagrangian,
        cooper.formulations.AugmentedLagrangian,
    )
    sgd, adam = torch.optim.SGD, torch.optim.Adam
    return {
        "cooper Lagrangian m2": _roll(data, sgd, [2], lagrangian, data.two),
        "cooper Lagrangian m1000": _roll(data, sgd, [N_MANY], lagrangian, many),
        "cooper ALM m2": _roll(data, sgd, [2], augmented, data.two),
        "cooper ALM m2 adam": _roll(data, adam, [2], augmented, data.two),
        "cooper ALM m1000": _roll(data, sgd, [N_MANY], augmented, many),
        "cooper ALM named45": _roll(data, sgd, [1] * N_NAMED, augmented, of_all),
    }


def _roll(
    data: AdultLike, base: Any, sizes: Sequence[int], formulation: Any, problem: Problem
) -> Loop:
    import cooper

    is_augmented = formulation is cooper.formulations.AugmentedLagrangian

    def constraint(size: int) -> Any:
        coefficients = cooper.penalty_coefficients
        return cooper.Constraint(
            multiplier=cooper.multipliers.DenseMultiplier(num_constraints=size),
            constraint_type=cooper.ConstraintType.INEQUALITY,
            formulation_type=formulation,
            penalty_coefficient=coefficients.DensePenaltyCoefficient(init=torch.tensor(1.0))
            if is_augmented
            else None,
        )

    class GroupLosses(cooper.ConstrainedMinimizationProblem):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.all = [constraint(size) for size in sizes]
            for number, one in enumerate(self.all):
                setattr(self, f"group{number}", one)

        def compute_cmp_state(self, model: torch.nn.Module, rows: Tensor) -> Any:
            loss, violation = problem(model, rows)
            parts = [violation] if len(self.all) == 1 else violation.split(1)
            states = [cooper.ConstraintState(violation=part) for part in parts]
            observed = dict(zip(self.all, states, strict=True))
            return cooper.CMPState(loss=loss, observed_constraints=observed)

    model, draw, cmp = network(), data.batches(), GroupLosses()
    kind = "AlternatingDualPrimalOptimizer" if is_augmented else "SimultaneousOptimizer"
    optimizer = getattr(cooper.optim, kind)(
        cmp=cmp,
        primal_optimizers=base(model.parameters(), lr=RATE),
        dual_optimizers=torch.optim.SGD(cmp.dual_parameters(), lr=0.05, maximize=True),
    )
    return lambda: optimizer.roll(compute_cmp_state_kwargs={"model": model, "rows": draw()})


def _fairret(data: AdultLike) -> Loop:
    from fairret.loss import NormLoss
    from fairret.statistic import PositiveRate

    model, draw, term = network(), data.batches(), NormLoss(PositiveRate())
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)

    def step() -> None:
        rows = draw()
        optimizer.zero_grad()
        logit = model(data.x[rows])
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logit[:, 0], data.y[rows])
        (loss + term(logit, data.of_two[rows])).backward()
        optimizer.step()

    return step
