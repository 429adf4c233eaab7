"""Peers, each as its documentation shows it, in one training loop."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

Step = Callable[[Callable[[], tuple[Tensor, Tensor]]], None]
"""Takes one step, given what evaluates the batch's objective () and constraints (m,)."""
Make = Callable[[torch.nn.Module, int, int], tuple[Step, torch.optim.Optimizer]]
"""From network, m and the number of steps."""

RATE, WEIGHT_DECAY = 0.003, 0.001


def _adam(network: torch.nn.Module) -> torch.optim.Optimizer:
    return torch.optim.Adam(network.parameters(), lr=RATE, weight_decay=WEIGHT_DECAY)


def _hct_alm(network: torch.nn.Module, m: int, steps: int) -> tuple[Step, torch.optim.Optimizer]:
    from humancompatible.train.dual_optim import ALM

    primal = _adam(network)
    dual = ALM(m=m, lr=0.05, penalty=1.0, is_ineq=True)
    return _forward_update(primal, dual), primal


def _hct_pbm(network: torch.nn.Module, m: int, steps: int) -> tuple[Step, torch.optim.Optimizer]:
    from humancompatible.train.dual_optim import PBM

    primal = _adam(network)
    dual = PBM(m=m, epoch_length=max(1, steps // 20))
    return _forward_update(primal, dual), primal


def _forward_update(primal: torch.optim.Optimizer, dual: Any) -> Step:
    def step(evaluate: Callable[[], tuple[Tensor, Tensor]]) -> None:
        objective, constraints = evaluate()
        primal.zero_grad()
        dual.forward_update(objective, constraints).backward()
        primal.step()

    return step


def _cooper(network: torch.nn.Module, m: int, steps: int) -> tuple[Step, torch.optim.Optimizer]:
    import cooper

    class Problem(cooper.ConstrainedMinimizationProblem):  # type: ignore[misc]
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

        def compute_cmp_state(
            self, evaluate: Callable[[], tuple[Tensor, Tensor]]
        ) -> cooper.CMPState:
            objective, constraints = evaluate()
            state = cooper.ConstraintState(violation=constraints)
            return cooper.CMPState(loss=objective, observed_constraints={self.fair: state})

    problem = Problem()
    primal = _adam(network)
    # An augmented Lagrangian moves its multipliers by the penalty coefficient times this rate.
    dual = torch.optim.SGD(problem.dual_parameters(), lr=0.05, maximize=True)
    optimizer = cooper.optim.AlternatingDualPrimalOptimizer(problem, primal, dual)

    def step(evaluate: Callable[[], tuple[Tensor, Tensor]]) -> None:
        optimizer.roll(compute_cmp_state_kwargs={"evaluate": evaluate})

    return step, primal


def _penalised(strength: float) -> Make:
    def make(network: torch.nn.Module, m: int, steps: int) -> tuple[Step, torch.optim.Optimizer]:
        primal = _adam(network)

        def step(evaluate: Callable[[], tuple[Tensor, Tensor]]) -> None:
            objective, constraints = evaluate()
            primal.zero_grad()
            (objective + strength * constraints.clamp(min=0).sum()).backward()
            primal.step()

        return step, primal

    return make


PEERS: dict[str, Sequence[Make]] = {
    "batch penalty": [_penalised(strength) for strength in (0.3, 1.0, 3.0)],
}
"""By name, the settings that are tried; those of one setting are tried at several levels."""

if importlib.util.find_spec("humancompatible") is not None:
    PEERS["humancompatible ALM"] = [_hct_alm]
    PEERS["humancompatible PBM"] = [_hct_pbm]
if importlib.util.find_spec("cooper") is not None:
    PEERS["cooper ALM"] = [_cooper]
