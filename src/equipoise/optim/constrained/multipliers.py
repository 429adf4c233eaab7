"""Lagrange multipliers: one flat tensor within its bounds, moved by any torch optimizer."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor

from equipoise.optim.constrained.layout import Layout

Dual = Callable[[list[Tensor]], torch.optim.Optimizer]
"""Makes the optimizer of the multipliers, such as ``lambda y: torch.optim.Adam(y, lr=0.01)``."""

# A multiplier that overshoots comes back from its bound; one that is still there after several
# looks will stay.
_LOOK_EVERY = 100
_LOOKS = 5


class InfeasibleWarning(UserWarning):
    """A constraint is violated although its multiplier is as large as it may become."""


class Multipliers:
    """Multipliers of the constraints of a layout.

    Parameters
    ----------
    layout : Layout
    n_replicates : int or None
        r, where independent problems are trained as one.
    like : Tensor
        A parameter, on whose device they are kept.
    dual : callable
        Makes the torch optimizer that moves them. It is told the negative of the direction of
        ascent as gradient, so it is one that minimises, as torch's do.
    bound : float
        No multiplier becomes larger than this. One that stays there tells of a constraint that
        cannot be met.

    Attributes
    ----------
    value : Tensor, shape (m,) or (r, m)
    optimizer : torch.optim.Optimizer
        Give it to a scheduler to change the rate of the multipliers.
    """

    def __init__(
        self, layout: Layout, n_replicates: int | None, like: Tensor, dual: Dual, bound: float
    ) -> None:
        if not bound > 0:
            raise ValueError(f"multiplier_bound must be positive, not {bound}.")
        m = layout.n_constraints
        # In half precision the small steps of a multiplier would soon be rounded away.
        dtype = torch.promote_types(like.dtype, torch.float32)
        self.value = torch.zeros(
            (m,) if n_replicates is None else (n_replicates, m), dtype=dtype, device=like.device
        )
        self.optimizer = dual([self.value])
        held = [p for group in self.optimizer.param_groups for p in group["params"]]
        if len(held) != 1 or held[0] is not self.value:
            raise ValueError("dual must make an optimizer of the very list that it is given.")
        if any(group.get("maximize") for group in self.optimizer.param_groups):
            raise ValueError("dual must minimise (maximize=False): the sign is taken care of.")
        self._layout = layout
        self._lower = layout.lower_bound(self.value)
        self._bound = bound
        self._upper = None if bound == math.inf else bound
        self._ascents = 0
        self._looks_at_bound: Tensor | None = None
        self._said = False

    def ascend(self, direction: Tensor) -> None:
        """Step towards a direction and back into the bounds.

        Parameters
        ----------
        direction : Tensor, of the shape of ``value``
            What the constraints' values ask for: positive where more weight is wanted.
        """
        if direction.dtype != self.value.dtype:
            direction = direction.to(self.value.dtype)
        self.value.grad = -direction
        self.optimizer.step()
        self.project()
        self._ascents += 1
        if not self._said and self._upper is not None and not self._ascents % _LOOK_EVERY:
            self._tell_of_infeasible(direction)

    def project(self) -> None:
        """Go to the nearest multipliers within the bounds."""
        if isinstance(self._lower, Tensor):
            self.value.clamp_(-self._bound, self._bound)
            torch.maximum(self.value, self._lower, out=self.value)
        elif self._lower == 0:
            self.value.clamp_(0, self._upper)
        else:
            self.value.clamp_(-self._bound, self._bound)

    def positive_part(self, weight: Tensor) -> Tensor:
        """The weights of inequalities cut off at 0; those of equations as they are.

        Parameters
        ----------
        weight : Tensor, of the shape of ``value``

        Returns
        -------
        Tensor
        """
        if isinstance(self._lower, Tensor):
            return torch.maximum(weight, self._lower)
        return weight.relu() if self._lower == 0 else weight

    def raised(self, constraints: Tensor, least: Tensor) -> Tensor:
        """The values of inequalities, but at least so much; those of equations as they are.

        Parameters
        ----------
        constraints, least : Tensor, of the shape of ``value``

        Returns
        -------
        Tensor
        """
        if isinstance(self._lower, Tensor):
            return torch.where(self._lower == 0, torch.maximum(constraints, least), constraints)
        return torch.maximum(constraints, least) if self._lower == 0 else constraints

    def _tell_of_infeasible(self, direction: Tensor) -> None:
        at_bound = (self.value.abs() >= self._bound) & (direction * self.value > 0)
        looks = torch.zeros_like(at_bound, dtype=torch.int64)
        if self._looks_at_bound is not None:
            looks = self._looks_at_bound
        self._looks_at_bound = (looks + 1) * at_bound
        at_bound = self._looks_at_bound >= _LOOKS
        if not bool(at_bound.any()):
            return
        numbers = sorted({place[-1] for place in torch.nonzero(at_bound).tolist()})
        names = ", ".join(self._layout.name_of(number) for number in numbers[:5])
        more = f" and {len(numbers) - 5:,} more" if len(numbers) > 5 else ""
        warnings.warn(
            f"the multiplier of {names}{more} has reached its bound of {self._bound:g}, and the "
            "constraint is still violated: it cannot be met, or not by this model. Ask for less, "
            "or raise multiplier_bound.",
            InfeasibleWarning,
            stacklevel=4,
        )
        self._said = True

    def state_dict(self) -> dict[str, Any]:
        """A snapshot.

        Returns
        -------
        dict
        """
        looks = self._looks_at_bound
        return {
            "value": self.value.clone(),
            "optimizer": deepcopy(self.optimizer.state_dict()),
            "ascents": self._ascents,
            "looks_at_bound": None if looks is None else looks.clone(),
            "said": self._said,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to a snapshot.

        Parameters
        ----------
        state : dict

        Raises
        ------
        ValueError
            If it is of another number of constraints or replicates.
        """
        if state["value"].shape != self.value.shape:
            raise ValueError(
                f"the state holds multipliers of shape {tuple(state['value'].shape)}, but "
                f"{tuple(self.value.shape)} are needed."
            )
        self.value.copy_(state["value"])
        self.optimizer.load_state_dict(deepcopy(state["optimizer"]))
        looks = state["looks_at_bound"]
        self._looks_at_bound = None if looks is None else looks.to(self.value.device, copy=True)
        self._ascents, self._said = int(state["ascents"]), bool(state["said"])


def gradient_ascent(rate: float) -> Dual:
    """Plain gradient ascent on the multipliers.

    Parameters
    ----------
    rate : float
        Its step size.

    Returns
    -------
    callable
    """
    if not 0 < rate < math.inf:
        raise ValueError(f"multiplier_rate must be positive and finite, not {rate}.")
    return lambda multipliers: _GradientDescent(multipliers, {"lr": rate})


class _GradientDescent(torch.optim.Optimizer):
    """y <- y - lr g and nothing else.

    torch's own has every step recorded for the profiler and looks for momentum and the like, which
    takes longer than a layer of a small network does.
    """

    def step(self, closure: None = None) -> None:  # type: ignore[override]
        if self._optimizer_step_pre_hooks or self._optimizer_step_post_hooks:
            self._descend_with_hooks()
        else:
            self._descend()

    step.hooked = True  # type: ignore[attr-defined]  # so that torch leaves it as it is

    def _descend(self) -> None:
        for group in self.param_groups:
            for y in group["params"]:
                if y.grad is not None:
                    y.add_(y.grad, alpha=-group["lr"])

    _descend_with_hooks = torch.optim.Optimizer.profile_hook_step(_descend)


def weighted_sum(weight: Tensor, constraints: Tensor) -> Tensor:
    """The sum over the constraints of each times its weight.

    Parameters
    ----------
    weight, constraints : Tensor, shape (..., m)

    Returns
    -------
    Tensor, shape (...)
    """
    if weight.dtype != constraints.dtype:
        return (weight * constraints).sum(-1)
    # The less general, the faster.
    return (torch.dot if weight.dim() == 1 else torch.linalg.vecdot)(weight, constraints)
