"""Constraints on all rows, looked at from time to time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from typing_extensions import override

from equipoise.optim.constrained.estimator import Estimator
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
        returns them.
    every : int
        How many steps pass from one pass to the next. A pass over 20,000 rows costs a small
        network about what 10 to 20 steps do.
    recursive : bool
        Whether batches tell between the passes what the steps have changed.
    """

    def __init__(
        self, evaluate: Callable[[], Constraints], every: int = 50, *, recursive: bool = False
    ) -> None:
        if every < 1:
            raise ValueError(f"every must be at least 1, not {every}.")
        super().__init__()
        self.evaluate = evaluate
        self.every = every
        self.recursive = recursive
        self.looks_back = recursive
        self._value: Tensor | None = None
        self._age = 0

    @override
    def _average(self, new: Tensor, seen: Constraints, step: Evaluations | None) -> Tensor:
        if self._value is None or self._age >= self.every:
            with torch.no_grad():
                value = averages_of(self.evaluate()).clone()
            require_finite("constraints on all rows", value)
            self._value, self._age = value, 0
        elif self.recursive:
            assert step is not None
            before = step.constraints_before(0)
            assert before is not None
            self._value = self._value + new - averages_of(before)
        self._age += 1
        return self._value

    @override
    def _tracked(self) -> dict[str, Any]:
        return {"value": self._value, "age": self._age}

    @override
    def _restore(self, tracked: dict[str, Any]) -> None:
        self._value, self._age = tracked["value"], int(tracked["age"])
