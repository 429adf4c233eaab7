"""The plain Lagrangian: descent in the parameters, ascent in the multipliers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from copy import deepcopy
from functools import partial
from typing import Any

import torch
from torch import Tensor
from typing_extensions import override

from equipoise.optim.constrained.estimator import Batch, Estimator
from equipoise.optim.constrained.evaluations import Closure, Evaluations, require_finite
from equipoise.optim.constrained.method import ConstrainedOptimizer
from equipoise.optim.constrained.multipliers import (
    Dual,
    Multipliers,
    gradient_ascent,
    weighted_sum,
)
from equipoise.optim.constrained.ratios import Constraints, averages_of, constraints_at


class Lagrangian(ConstrainedOptimizer):
    r"""Stochastic gradient descent-ascent on f + y^T c (Arrow, Hurwicz, Uzawa 1958).

    ::

        x <- x - step along grad f(x) + sum_j y_j grad c_j(x)
        y <- P[y + eta c(x)]

    where P keeps multipliers of inequalities in [0, bound] and those of equations in
    [-bound, bound]. The gradient is weighed by the multipliers before their update. After it, one
    batch would be in both factors of y^T grad c, and its mean would be the gradient of a Lagrangian
    to which (eta / 2) times the variance of the batch's constraints has been added.

    On problems that are not strongly convex descent-ascent circles round the solution. Two cures
    are a controller of the multipliers, ``dual=lambda y: NuPI(y, lr=eta)``, and ``extragradient``,
    which looks ahead in the multipliers, ::

        y_half <- P[y + eta c(x)]
        x      <- x - step along grad f(x) + sum_j y_half_j grad c_j(x)
        y      <- P[y + eta c(x)]    with the new x

    (Korpelevich 1976; in this order the predictor-corrector method of Chen and Teboulle 1994). The
    constraints are evaluated once more after the step, on the same batch and without gradient. An
    estimator's value is carried to the new parameters by what the step has changed on that batch,
    c_hat + c(x_new; B) - c(x; B), which for :class:`Batch` is the batch's own value. With another
    ``dual`` than gradient ascent, y_half is still a plain step of that optimizer's current rate, so
    that its state sees only the second value, and its own step is taken from y.

    The extrapolated weights do depend on the values that the gradient is multiplied by: they are
    those of :class:`ALM` with penalty eta. Noisy constraints want an estimator there.

    Parameters
    ----------
    base : torch.optim.Optimizer
    n_constraints : int or mapping from str to int
        m, or how many constraints there are under each name.
    n_replicates : int, optional
        r, where independent problems are trained as one.
    multiplier_rate : float
        eta > 0, the step size of the multipliers.
    multiplier_bound : float
        The largest that a multiplier may become.
    dual : callable, optional
        Makes another torch optimizer for the multipliers than gradient ascent at that rate.
    extragradient : bool
        Whether to extrapolate the multipliers. A step then needs a closure, and takes a copy of
        parameters and optimizer state, with which it is undone if the values after it are not
        finite.
    equalities : collection of str
        Names of constraints that are to be 0.
    estimator : Estimator, optional
        The batch's own value by default.
    """

    def __init__(
        self,
        base: torch.optim.Optimizer,
        n_constraints: int | Mapping[str, int],
        n_replicates: int | None = None,
        *,
        multiplier_rate: float = 0.05,
        multiplier_bound: float = 100.0,
        dual: Dual | None = None,
        extragradient: bool = False,
        equalities: Collection[str] = (),
        estimator: Estimator | None = None,
    ) -> None:
        super().__init__(
            base, n_constraints, n_replicates, equalities=equalities, estimator=estimator or Batch()
        )
        self.extragradient = extragradient
        self._bound = multiplier_bound
        self._multipliers = Multipliers(
            self.layout,
            n_replicates,
            self._parameters()[0],
            dual or gradient_ascent(multiplier_rate),
            multiplier_bound,
        )
        if extragradient and "lr" not in self.dual.param_groups[0]:
            raise ValueError(
                "dual must make an optimizer with a learning rate (lr) for extragradient, which "
                "extrapolates by it."
            )

    @override
    def lagrangian(self, objective: Tensor, constraints: Tensor) -> Tensor:
        assert self._multipliers is not None
        weight = self._multipliers.value
        if self.extragradient:
            rate = float(self.dual.param_groups[0]["lr"])
            weight = self._multipliers.positive_part(
                torch.add(weight, constraints.detach(), alpha=rate)
            ).clamp(-self._bound, self._bound)
        return objective + weighted_sum(weight, constraints)

    @override
    def ascend(self, constraints: Tensor) -> None:
        assert self._multipliers is not None
        self._multipliers.ascend(constraints)

    @override
    def surrogate(
        self, objective: Tensor, constraints: Constraints | Mapping[str, Tensor]
    ) -> Tensor:
        if self.extragradient:
            raise ValueError("extragradient evaluates a step more than once: give step a closure.")
        return super().surrogate(objective, constraints)

    @override
    @torch.no_grad()
    def step(self, closure: Closure | None = None) -> Tensor:  # type: ignore[override]
        if not self.extragradient:
            return super().step(closure)
        if closure is None:
            raise RuntimeError(
                "extragradient evaluates a step more than once: give step a closure."
            )
        before = _Before(self.base)
        step = Evaluations(closure, self.layout, before.parameters, self._previous)
        try:
            with self.estimator.all_or_nothing():
                with torch.enable_grad():
                    merit = self._merit(step)
                self.base.zero_grad()
                merit.backward()
                # Copied: it may be a parameter itself, which the step changes.
                objective = step.look(0)[0].detach().clone()
                constraints = self._step_and_look_again(step, closure)
        except BaseException:
            before.restore(self.base)
            raise
        if self.estimator.looks_back:
            self._previous = before.values
        self.ascend(constraints)
        return objective

    step.hooked = True  # type: ignore[attr-defined]

    def _step_and_look_again(self, step: Evaluations, closure: Closure) -> Tensor:
        # The batch that the estimator has the value of; the first one, but for a second batch.
        number = self.estimator.n_batches - 1
        old = _own_value(step.look(number)[1])
        if getattr(self.base, "differentiates_again", False):
            self.base.step(partial(self._differentiate_again, closure))
        else:
            self.base.step()
        new = _own_value(Evaluations(closure, self.layout).look(number)[1])
        assert self._constraints is not None
        carried = self._constraints + (new - old)
        require_finite("constraints after the step", carried, self.layout)
        return carried


def _own_value(seen: Constraints) -> Tensor:
    return constraints_at(averages_of(seen), seen).detach()


class _Before:
    """Parameters and optimizer as they are before a step."""

    def __init__(self, base: torch.optim.Optimizer) -> None:
        self.parameters = [p for group in base.param_groups for p in group["params"]]
        self.values = [p.detach().clone() for p in self.parameters]
        # Through the state dict, since an optimizer may keep more than torch's state.
        self._state = _copy(base.state_dict())

    def restore(self, base: torch.optim.Optimizer) -> None:
        for parameter, value in zip(self.parameters, self.values, strict=True):
            parameter.copy_(value)
        base.load_state_dict(self._state)


def _copy(x: Any) -> Any:
    # As deepcopy does, but several times faster on tensors.
    if isinstance(x, Tensor):
        return x.clone()
    if isinstance(x, dict):
        return {name: _copy(part) for name, part in x.items()}
    return [_copy(part) for part in x] if isinstance(x, list) else deepcopy(x)
