"""What a step may look at: the problem on its independent batches, now and one step ago."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from equipoise.optim.constrained.layout import Layout
from equipoise.optim.constrained.ratios import Constraints, Ratios

Seen = tuple[Tensor, Constraints | Mapping[str, Tensor]]
Closure = Callable[[int], Seen]
"""Given the number of one of the step's independent batches, returns (objective, constraints)."""

_HALF = (torch.float16, torch.bfloat16)
_FEW = 64


class Evaluations:
    """The problem on the batches of one step, each evaluated at most once.

    Parameters
    ----------
    closure : callable
        ``closure(i)`` evaluates the i-th independent batch of this step; asked twice, it
        evaluates the same rows.
    layout : Layout
    parameters : sequence of Tensor
        What the problem depends on.
    previous : sequence of Tensor, optional
        The parameters before the last step.
    """

    def __init__(
        self,
        closure: Closure,
        layout: Layout,
        parameters: Sequence[Tensor] = (),
        previous: Sequence[Tensor] | None = None,
    ) -> None:
        self._closure = closure
        self.layout = layout
        self._parameters = parameters
        self._previous = previous
        self._seen: dict[int, tuple[Tensor, Constraints]] = {}
        self._seen_before: dict[int, Constraints] = {}

    def look(self, number: int, *, with_gradient: bool = False) -> tuple[Tensor, Constraints]:
        """Objective and constraints on one of the step's batches.

        Parameters
        ----------
        number : int
        with_gradient : bool
            Whether a gradient will be wanted; it is known when the batch is first asked for.

        Returns
        -------
        objective : Tensor, shape () or (r,)
        constraints : Tensor, shape (m,) or (r, m), or Ratios

        Raises
        ------
        FloatingPointError
            If any of it is not finite.
        """
        if number not in self._seen:
            if torch.is_grad_enabled() == with_gradient:
                self._seen[number] = self._evaluate(number)
            else:
                with torch.set_grad_enabled(with_gradient):
                    self._seen[number] = self._evaluate(number)
        return self._seen[number]

    def constraints_before(self, number: int) -> Constraints | None:
        """Constraints on one of this step's batches, at the parameters before the last step.

        Parameters
        ----------
        number : int

        Returns
        -------
        Tensor, Ratios or None
            Without gradient; None in the first step.
        """
        if self._previous is None:
            return None
        if number not in self._seen_before:
            now = [p.detach().clone() for p in self._parameters]
            # Not through autograd, which would call gradients of this step's graph outdated
            # although the parameters come back bit for bit.
            try:
                _overwrite(self._parameters, self._previous)
                with torch.no_grad():
                    # What the closure returns may share memory with the parameters.
                    self._seen_before[number] = _kept(self._evaluate(number)[1])
            finally:
                _overwrite(self._parameters, now)
        return self._seen_before[number]

    def _evaluate(self, number: int) -> tuple[Tensor, Constraints]:
        objective, constraints = self._closure(number)
        if not isinstance(objective, Tensor) or not isinstance(
            constraints, (Tensor, Ratios, Mapping)
        ):
            raise TypeError(
                "the objective must be a tensor and the constraints a tensor, Ratios or a mapping "
                f"from names to tensors, not {type(objective).__name__} and "
                f"{type(constraints).__name__}."
            )
        if isinstance(constraints, Mapping):
            constraints = self.layout.flatten(constraints)
        # What autocast has computed in half precision is averaged in single.
        if isinstance(constraints, Tensor) and constraints.dtype in _HALF:
            constraints = constraints.float()
        elif isinstance(constraints, Ratios) and constraints.proxy.dtype in _HALF:
            constraints = Ratios(
                constraints.statistic.float(), constraints.proxy.float(), constraints.function
            )
        _require_finite_batch(objective, constraints, self.layout)
        return objective, constraints


def _kept(seen: Constraints) -> Constraints:
    if isinstance(seen, Ratios):
        return Ratios(seen.statistic.clone(), seen.proxy.clone(), seen.function)
    return seen.clone()


def _overwrite(parameters: Sequence[Tensor], values: Sequence[Tensor]) -> None:
    for parameter, value in zip(parameters, values, strict=True):
        parameter.data.copy_(value)
    # Under autocast torch keeps what it has cast, and does not see that it changed.
    torch.clear_autocast_cache()


def _require_finite_batch(objective: Tensor, seen: Constraints, layout: Layout) -> None:
    if finite(objective) and finite(seen.values if isinstance(seen, Ratios) else seen):
        return
    require_finite("objective", objective)
    if isinstance(seen, Ratios):
        for name, part in seen.parts.items():
            require_finite(f"{name} of the constraints", part)
    else:
        require_finite("constraints", seen, layout)


def finite(values: Tensor) -> bool:
    """Whether there is neither NaN nor infinity, as far as one number tells.

    Parameters
    ----------
    values : Tensor

    Returns
    -------
    bool
        False also of finite values whose sum is too large.
    """
    if values.dim() == 1 and len(values) <= _FEW:
        return math.isfinite(sum(values.tolist()))  # sooner than torch has begun to add them up
    return math.isfinite((values.detach().sum() if values.dim() else values).item())


def require_finite(what: str, values: Tensor, layout: Layout | None = None) -> None:
    """Refuse NaN and infinity, and say where they are.

    Parameters
    ----------
    what : str
    values : Tensor
    layout : Layout, optional
        Names the last axis.

    Raises
    ------
    FloatingPointError
    """
    if finite(values):
        return
    where = torch.nonzero(~torch.isfinite(values)).tolist()
    if not where:  # only their sum is too large
        return
    named = ""
    if layout is not None and values.shape[-1] == layout.n_constraints:
        names = dict.fromkeys(layout.name_of(place[-1]) for place in where)
        named = f" ({', '.join(list(names)[:5])})"
    more = f" and {len(where) - 5:,} more places" if len(where) > 5 else ""
    raise FloatingPointError(
        f"not finite: the {what}, of shape {tuple(values.shape)}, at {where[:5]}{more}{named}; a "
        "smaller learning rate, or data without NaN and infinity, may cure it."
    )
