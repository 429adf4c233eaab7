"""Switching subgradients: a step on the objective where the constraints hold, else on the worst."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import Node, get_gradient_edge
from typing_extensions import override

from equipoise.optim.constrained.estimator import Batch, Estimator
from equipoise.optim.constrained.method import ConstrainedOptimizer


class Switching(ConstrainedOptimizer):
    r"""Stochastic switching subgradient method.

    Algorithm 1 of Huang and Lin (2023, arXiv 2301.13314) on estimates: where the largest
    constraint is at most eps_k the k-th step, k = 1, 2, ..., descends on the objective, elsewhere
    on that largest constraint. There are no multipliers. Equations count by their absolute value.

    What the theory speaks of is not the last iterate but a random one of those at which a step on
    the objective was taken, drawn with probability proportional to the step size. It is kept on
    the way, in the memory of one more set of parameters.

    A constraint whose batch value is noisy looks violated nearly always when there are several,
    or one in both signs: the largest of them is biased upwards. Take an estimator that tracks.

    Parameters
    ----------
    base : torch.optim.Optimizer
        Its learning rate, of the first parameter group, is the step size on the objective.
    n_constraints : int or mapping from str to int
        m, or how many constraints there are under each name.
    n_replicates : int, optional
        r; each replicate decides for itself.
    tolerance : float
        eps >= 0, in units of the constraints.
    tolerance_decay : float
        eps_k = tolerance / k^tolerance_decay : 0 keeps it constant, 1/2 goes with step sizes that
        fall as 1 / sqrt(k).
    constraint_rate : float
        How much longer the step on a constraint is than one on the objective. It multiplies the
        gradient, which momentum and preconditioning then treat as any other: with Adam it hardly
        matters.
    caution : float
        How many standard errors are added to the estimates before they are compared. Where they
        are infinite, before a second batch or of a ratio never seen, constraints count as violated.
    burn_in : int
        S in the paper: how many first steps are not drawn from.
    equalities : collection of str
    estimator : Estimator, optional
        The batch's own value by default.
    seed : int
        Of the draws; the j-th replicate draws as one alone with ``seed + j`` does.

    Notes
    -----
    A parameter that only one of objective and constraints depends on has a gradient of 0 in the
    other's steps, since none at all would be passed over by Adam. So replicates end where each
    ends alone, although stacked both gradients are taken and one of them is multiplied by 0, where
    alone only the one that is stepped on is taken. In a process group it is both as well, since
    ``DistributedDataParallel`` waits for the gradients of all parameters.
    """

    def __init__(
        self,
        base: torch.optim.Optimizer,
        n_constraints: int | Mapping[str, int],
        n_replicates: int | None = None,
        *,
        tolerance: float = 0.01,
        tolerance_decay: float = 0.0,
        constraint_rate: float = 1.0,
        caution: float = 0.0,
        burn_in: int = 0,
        equalities: Collection[str] = (),
        estimator: Estimator | None = None,
        seed: int = 0,
    ) -> None:
        not_negative = {
            "tolerance": tolerance,
            "tolerance_decay": tolerance_decay,
            "caution": caution,
            "burn_in": burn_in,
        }
        for name, value in not_negative.items():
            if not 0 <= value < math.inf:
                raise ValueError(f"{name} must be at least 0 and finite, not {value}.")
        if not 0 < constraint_rate < math.inf:
            raise ValueError(f"constraint_rate must be positive and finite, not {constraint_rate}.")
        super().__init__(
            base, n_constraints, n_replicates, equalities=equalities, estimator=estimator or Batch()
        )
        if "lr" not in self.param_groups[0]:
            raise ValueError(
                f"base must have a learning rate 'lr', by which iterates are drawn; "
                f"{type(base).__name__} has none."
            )
        self.tolerance = tolerance
        self.tolerance_decay = tolerance_decay
        self.constraint_rate = constraint_rate
        self.caution = caution
        self.burn_in = burn_in
        like = self._parameters()[0]
        lower = self.layout.lower_bound(like)
        self._is_inequality = torch.as_tensor(lower, device=like.device) == 0
        self._steps = 0
        # Numbers and not tensors, here and in the reservoir: arithmetic on so few takes a fraction.
        self._objective_steps = [0] * (n_replicates or 1)
        self._reservoir = _Reservoir(n_replicates, seed)
        self._on_objective = torch.ones(self._shape, dtype=torch.bool)
        self._not_stepped_on: Tensor | None = None

    @property
    def random_iterate(self) -> list[Tensor] | None:
        """Parameters x_k of a random step on the objective, copied; None before there was one.

        Replicates that have not had any yet are NaN.
        """
        point = self._reservoir.point
        return None if point is None else [x.clone() for x in point]

    @property
    def share_of_objective_steps(self) -> Tensor:
        """Of all steps, shape () or (r,); NaN before the first."""
        return self._counts().double() / self._steps

    def _counts(self) -> Tensor:
        return torch.tensor(self._objective_steps).reshape(self._shape)

    @override
    def lagrangian(self, objective: Tensor, constraints: Tensor) -> Tensor:
        self._not_stepped_on = None
        if not self.layout.n_constraints:
            return objective
        violation = constraints
        if self.layout.equalities:
            violation = torch.where(self._is_inequality, constraints, constraints.abs())
        within, number = self._worst(violation.detach())
        self._on_objective = within.cpu()
        alone = self.n_replicates is None and not _in_process_group()
        if alone and objective.requires_grad and violation.requires_grad:
            # Only what is stepped on is differentiated.
            on_objective = bool(within)
            self._not_stepped_on = violation if on_objective else objective
            return objective if on_objective else self._scaled(_picked(violation, number))
        return torch.where(within, objective, self._scaled(_picked(violation, number)))

    def _scaled(self, worst: Tensor) -> Tensor:
        return worst if self.constraint_rate == 1 else self.constraint_rate * worst

    def _worst(self, violation: Tensor) -> tuple[Tensor, Tensor]:
        """Whether all constraints hold, and the number of the one to step on if not."""
        at_most = violation
        if self.caution > 0:
            error = self.estimator.error
            if error is None:
                raise ValueError(
                    f"caution needs standard errors, and {type(self.estimator).__name__} was made "
                    "without: give the estimator with_error=True, or leave caution at 0."
                )
            at_most = violation + self.caution * error
        number = at_most.argmax(-1)
        largest = _picked(at_most, number)
        if self.caution > 0:
            # Of constraints that may each be anything, the one that looks worst.
            number = torch.where(largest.isinf(), violation.argmax(-1), number)
        return largest <= self.tolerance / (self._steps + 1) ** self.tolerance_decay, number

    @override
    def _update(self) -> None:
        parameters = self._parameters()
        self._fill_in_zeros(parameters)
        decided: Any = self._on_objective.tolist()
        on_objective = [decided] if self.n_replicates is None else decided
        # Before the step: what is drawn from are the points at which the gradients were taken.
        if self._steps >= self.burn_in:
            rate = float(self.param_groups[0]["lr"])
            self._reservoir.offer(parameters, rate, on_objective)
        counts = zip(self._objective_steps, on_objective, strict=True)
        self._objective_steps = [count + on for count, on in counts]
        self._steps += 1
        super()._update()

    def _fill_in_zeros(self, parameters: Sequence[Tensor]) -> None:
        """Give gradients of 0 to the parameters that only the one not stepped on depends on."""
        other, self._not_stepped_on = self._not_stepped_on, None
        if other is None:
            return
        without = [p for p in parameters if p.grad is None and p.requires_grad]
        if without:
            reached = _graph_of(other)
            for p in without:
                if get_gradient_edge(p).node in reached:
                    p.grad = torch.zeros_like(p)

    @override
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        steps = state_dict["method"].get("objective_steps")
        if steps is not None and steps.shape != self._shape:
            raise ValueError(
                f"the state is one of replicates of shape {tuple(steps.shape)}, but {self._shape} "
                "are needed."
            )
        super().load_state_dict(state_dict)

    @override
    def _own_state(self) -> dict[str, Any]:
        return {
            "steps": self._steps,
            "objective_steps": self._counts(),
            "reservoir": self._reservoir.state_dict(),
        }

    @override
    def _load_own_state(self, state: dict[str, Any]) -> None:
        self._steps = int(state["steps"])
        self._objective_steps = state["objective_steps"].reshape(-1).tolist()
        self._reservoir.load_state_dict(state["reservoir"], self._parameters())

    @override
    def __getstate__(self) -> dict[str, Any]:
        # A graph cannot be copied.
        return {**super().__getstate__(), "_not_stepped_on": None}


def _picked(values: Tensor, number: Tensor) -> Tensor:
    if values.dim() == 1:
        return values[int(number)]
    return values.gather(-1, number[..., None])[..., 0]


def _in_process_group() -> bool:
    return torch.distributed.is_available() and torch.distributed.is_initialized()


def _graph_of(output: Tensor) -> set[Node]:
    """All that a gradient of it would pass, down to the leaves."""
    seen: set[Node] = set()
    ahead = [get_gradient_edge(output).node] if output.requires_grad else []
    while ahead:
        node = ahead.pop()
        if node not in seen:
            seen.add(node)
            ahead += [below for below, _ in node.next_functions if below is not None]
    return seen


class _Reservoir:
    """One point of a stream, drawn with probability proportional to its weight.

    A new point replaces the one that is kept with probability of its weight over the sum of all
    so far (Chao 1982, Biometrika 69(3), for a sample of one). The one that is kept when the sum is
    W is thus still kept when it has grown to W' with probability W / W', and how large the sum
    becomes until then can be drawn in advance, as W / u with u uniform: the jumps of Efraimidis and
    Spirakis (2006, Information Processing Letters 97(5)), with a random number for each
    replacement and not for each point.
    """

    def __init__(self, n_replicates: int | None, seed: int) -> None:
        self._n_replicates = n_replicates
        n = 1 if n_replicates is None else n_replicates
        # One each, so that what a replicate draws does not depend on how many others there are.
        self._generators = [torch.Generator().manual_seed(seed + j) for j in range(n)]
        self._weight = [0.0] * n
        self._kept_up_to = [0.0] * n
        self.point: list[Tensor] | None = None

    def offer(self, point: Sequence[Tensor], weight: float, offered: Sequence[bool]) -> None:
        """Take a point into account.

        Parameters
        ----------
        point : sequence of Tensor
            Their first axis is the replicates', where there are any.
        weight : float
        offered : sequence of bool
            To which replicates; of a single one without any.
        """
        taken = []
        for j, is_offered in enumerate(offered):
            if is_offered:
                self._weight[j] += weight
                if self._weight[j] > self._kept_up_to[j]:
                    u = torch.rand((), generator=self._generators[j], dtype=torch.float64).item()
                    self._kept_up_to[j] = self._weight[j] / (1 - u)
                    taken.append(j)
        if not taken:
            return
        if self._n_replicates is None:
            self.point = [x.detach().clone() for x in point]
            return
        kept = self.point or []
        # Of parameters that have been added since, what was kept knows nothing.
        kept += [torch.full_like(x, torch.nan).detach() for x in point[len(kept) :]]
        for old, new in zip(kept, point, strict=True):
            old[taken] = new.detach()[taken]
        self.point = kept

    def state_dict(self) -> dict[str, Any]:
        return {
            "weight": torch.tensor(self._weight, dtype=torch.float64),
            "kept_up_to": torch.tensor(self._kept_up_to, dtype=torch.float64),
            "generators": torch.stack([g.get_state() for g in self._generators]),
            "point": None if self.point is None else [x.clone() for x in self.point],
        }

    def load_state_dict(self, state: dict[str, Any], like: Sequence[Tensor]) -> None:
        self._weight = state["weight"].tolist()
        self._kept_up_to = state["kept_up_to"].tolist()
        for generator, drawn in zip(self._generators, state["generators"].cpu(), strict=True):
            # torch reads it as a structure, for which what comes from a file may lie askew.
            generator.set_state(drawn.clone())
        point = state["point"]
        if point is not None:
            point = [x.to(p.device, copy=True) for x, p in zip(point, like, strict=False)]
        self.point = point

    def __getstate__(self) -> dict[str, Any]:
        # Not every torch from 2.4 on can copy a generator.
        return {"n_replicates": self._n_replicates, **self.state_dict()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["n_replicates"], 0)  # type: ignore[misc]
        self.load_state_dict(state, state["point"] or [])
