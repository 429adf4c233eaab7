"""Constraints on all rows, looked at from time to time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from typing_extensions import override

from equipoise.optim.constrained.estimator import Estimator, carried
from equipoise.optim.constrained.evaluations import Evaluations, require_finite
from equipoise.optim.constrained.ratios import Constraints, averages_of


class FullPass(Estimator):
    """The value on all rows, or on a large sample of them, taken every so many steps.

    Between two passes the value is held, or follows the parameters: with ``recursive`` it is
    SPIDER's estimate (Fang, Li, Lin, Zhang 2018, arXiv 1807.01695), ::

        u_t = u_{t-1} + c(x_t; B_t) - c(x_{t-1}; B_t) .

    Parameters
    ----------
    evaluate : callable
        Without arguments; returns the constraints on all rows, in the form in which the closure
        returns them. A function looks at the model that it was made with, also from a copy of
        the optimizer; a bound method is copied along with what it is bound to.
    every : int
        How many steps pass from one pass to the next. A pass over 20,000 rows costs a small
        network about what 10 to 20 steps do.
    recursive : bool
        Whether batches tell between the passes what the steps have changed.
    """

    def __init__(
        self,
        evaluate: Callable[[], Constraints | Mapping[str, Tensor]],
        every: int = 50,
        *,
        recursive: bool = False,
    ) -> None:
        if not isinstance(every, int) or isinstance(every, bool) or every < 1:
            raise ValueError(f"every must be a whole number of at least 1, not {every!r}.")
        super().__init__()
        self.evaluate = evaluate
        self.every = every
        self.recursive = recursive
        self.looks_back = recursive
        self._value: Tensor | None = None
        self._age = 0

    @override
    def _average(self, new: Tensor, seen: Constraints, step: Evaluations | None) -> Tensor:
        old = None
        due = self._value is None or self._age >= self.every
        if self.recursive and not due:
            assert step is not None
            old = step.constraints_before(0)
            due = old is None  # another optimizer took over, and this is its first step
        if due:
            self._value, self._age = self._pass(new, step), 0
        else:
            assert self._value is not None
            self._value = carried(self._value, new)
        if old is not None:
            self._value = self._value + new - carried(averages_of(old), new)
        self._age += 1
        return self._value

    def _pass(self, new: Tensor, step: Evaluations | None) -> Tensor:
        with torch.no_grad():
            seen = self.evaluate()
        if isinstance(seen, Mapping):
            if step is None:
                raise ValueError("named constraints on all rows need a step to tell their order.")
            seen = step.layout.flatten(seen)
        value = averages_of(seen)
        # Half precision is carried on in single, as that of batches is.
        dtype = torch.promote_types(value.dtype, torch.float32)
        value = value.to(new.device, dtype, copy=True)
        require_finite("constraints on all rows", value)
        if value.shape != new.shape:
            raise ValueError(
                f"evaluate gave constraints on all rows whose averages have shape "
                f"{tuple(value.shape)}, but those of a batch have shape {tuple(new.shape)}."
            )
        return value

    @override
    def _tracked(self) -> dict[str, Any]:
        return {"value": self._value, "age": self._age}

    @override
    def _restore(self, tracked: dict[str, Any]) -> None:
        self._value, self._age = tracked["value"], int(tracked["age"])
