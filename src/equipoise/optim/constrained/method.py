"""What every constrained method is: a torch optimizer that decides another one's direction."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor

from equipoise.optim.constrained.estimators import Constraints, Estimator, Ratios

Closure = Callable[[int], tuple[Tensor, Constraints]]
"""Given the number of one of the step's independent batches, returns (objective, constraints)."""


class ConstrainedOptimizer(torch.optim.Optimizer):
    """Base of the methods for min E f(x) subject to E c(x) <= 0.

    It shares parameter groups and state with the optimizer that it wraps, so a learning-rate
    scheduler may be given either. What looks at gradients before the step, such as a hook that
    clips them, belongs on the wrapped one: before the wrapper's step there are none.

    Independent problems can be trained as one: with objectives of shape (r,) and constraints of
    shape (r, m), each of the r replicates has multipliers of its own, and the replicates do not
    see each other as long as the wrapped optimizer acts on each coordinate alone (SGD, Adam,
    RMSprop, ... do).

    Parameters
    ----------
    base : torch.optim.Optimizer
        Takes the step.
    estimator : Estimator
        Of the constraints' values.
    """

    def __init__(self, base: torch.optim.Optimizer, estimator: Estimator) -> None:
        if not isinstance(base, torch.optim.Optimizer):
            raise TypeError(f"base must be a torch optimizer, not {type(base).__name__}.")
        super().__init__(base.param_groups, base.defaults)
        self.base = base
        self.estimator = estimator
        self._share_for_good()

    def _share_for_good(self) -> None:
        self._share()
        # torch makes the groups anew when a state is loaded, by whichever of the two.
        self.base.register_load_state_dict_post_hook(lambda _: self._share())

    def _share(self) -> None:
        self.param_groups = self.base.param_groups
        self.state = self.base.state

    def __getstate__(self) -> dict[str, Any]:
        # torch's own keeps nothing but groups and state, so that copies would lack the rest; what
        # torch or a scheduler has hung on this very object (hooks, a step that counts) stays here.
        own = {
            name: value
            for name, value in vars(self).items()
            if name != "step" and not name.startswith("_optimizer_")
        }
        return {**super().__getstate__(), **own}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._share_for_good()

    @abstractmethod
    def lagrangian(self, objective: Tensor, constraints: Tensor) -> Tensor:
        """The function whose gradient is the direction.

        Parameters
        ----------
        objective : Tensor, shape () or (r,)
        constraints : Tensor, shape (m,) or (r, m)
            Estimated values with the gradient of the batch.

        Returns
        -------
        Tensor
            Of the objective's shape.
        """

    def ascend(self, constraints: Tensor) -> None:
        """Update the multipliers, after the step; methods without any do nothing.

        Parameters
        ----------
        constraints : Tensor, shape (m,) or (r, m)
            Estimated values, detached.
        """

    @property
    def multipliers(self) -> Tensor | None:
        """Estimates of the Lagrange multipliers, of the constraints' shape, where there are any."""
        return None

    @torch.no_grad()
    def step(self, closure: Closure) -> Tensor:  # type: ignore[override]
        """Take one step.

        Parameters
        ----------
        closure : callable
            ``closure(i)`` evaluates the i-th independent batch and returns the objective, shape
            () or (r,), and the constraints, shape (m,) or (r, m), without calling backward.

        Returns
        -------
        Tensor
            The objective on the batch, detached.

        Raises
        ------
        FloatingPointError
            If the objective or a constraint is not finite; parameters, multipliers and the
            wrapped optimizer are left as they were before the step.
        ValueError
            If the shapes of objective, constraints and multipliers do not go together.
        """
        with torch.enable_grad():
            objective, seen = closure(0)
            # Looked at before the estimator is, so that a failed step leaves no trace anywhere.
            _require_finite_batch(objective, seen)
            constraints = self.estimator.estimate(seen)
            self._require_shapes(objective, constraints)
            lagrangian = self.lagrangian(objective, constraints)
            total = lagrangian.sum()
            if not math.isfinite(total.detach()):
                _require_finite("constraints", constraints)
                _require_finite("Lagrangian", lagrangian)
        self.base.zero_grad()
        total.backward()
        self.base.step()
        self.ascend(constraints.detach())
        return objective.detach()

    def _require_shapes(self, objective: Tensor, constraints: Tensor) -> None:
        # Shapes that only broadcast would count some terms several times.
        shape, multipliers = tuple(constraints.shape), self.multipliers
        if tuple(objective.shape) != shape[:-1] or not shape:
            raise ValueError(
                "the objective must have shape () or (r,) and the constraints (m,) or (r, m), not "
                f"{tuple(objective.shape)} and {shape}."
            )
        if multipliers is not None and tuple(multipliers.shape) != shape:
            raise ValueError(
                f"the constraints have shape {shape}, but this {type(self).__name__} was made for "
                f"{tuple(multipliers.shape)}."
            )

    def state_dict(self) -> dict[str, Any]:
        """A snapshot: the wrapped optimizer, the estimator and the method's own tensors."""
        return {
            # torch gives its live tensors, which the next step would change.
            "base": deepcopy(self.base.state_dict()),
            "estimator": self.estimator.state_dict(),
            "method": {name: x.clone() for name, x in self._own_tensors().items()},
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go back to a snapshot.

        Parameters
        ----------
        state_dict : dict
            From :meth:`state_dict` of the same method around the same kind of optimizer.

        Raises
        ------
        ValueError
            If it is another method's, or of another number of constraints or replicates.
        """
        saved, own = state_dict["method"], self._own_tensors()
        given, wanted = _shapes(saved), _shapes(own)
        if given != wanted:
            raise ValueError(
                f"the state holds {given}, but this {type(self).__name__} needs {wanted}."
            )
        self.estimator.load_state_dict(state_dict["estimator"])
        self.base.load_state_dict(deepcopy(state_dict["base"]))
        for name, x in own.items():
            x.copy_(saved[name])

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters to optimise; they go to the wrapped optimizer.

        Parameters
        ----------
        param_group : dict
        """
        if hasattr(self, "base"):
            self.base.add_param_group(param_group)
        else:
            super().add_param_group(param_group)

    def _own_tensors(self) -> dict[str, Tensor]:
        return {}


def _shapes(tensors: dict[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(x.shape) for name, x in tensors.items()}


def _require_finite_batch(objective: Tensor, seen: Constraints) -> None:
    values = seen.values if isinstance(seen, Ratios) else seen.detach()
    if math.isfinite(objective.detach().sum() + values.sum()):
        return
    _require_finite("objective", objective)
    parts = seen.parts if isinstance(seen, Ratios) else {"": seen}
    for name, part in parts.items():
        _require_finite(f"{name} of the constraints" if name else "constraints", part)


def _require_finite(what: str, values: Tensor) -> None:
    if math.isfinite(values.detach().sum()):
        return
    where = torch.nonzero(~torch.isfinite(values)).tolist()
    if not where:  # only their sum is too large
        return
    more = f" and {len(where) - 5:,} more places" if len(where) > 5 else ""
    raise FloatingPointError(
        f"not finite: the {what}, of shape {tuple(values.shape)}, at {where[:5]}{more}; a smaller "
        "learning rate, or data without NaN and infinity, may cure it."
    )
