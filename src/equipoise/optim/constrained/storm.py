"""Variance reduction by looking at the same batch before and after the step."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from typing_extensions import override

from equipoise.optim.constrained.estimator import Estimator, carried
from equipoise.optim.constrained.evaluations import Evaluations
from equipoise.optim.constrained.ratios import Constraints, averages_of


class Storm(Estimator):
    r"""Recursive momentum: an average that moves with the parameters.

    ::

        u_t = c(x_t; B_t) + (1 - a) (u_{t-1} - c(x_{t-1}; B_t))

    The average of the past is carried over to the new parameters by what the step changed on the
    new batch, so that it does not lag behind as a moving average does (Cutkosky and Orabona 2019,
    arXiv 1905.10018, there for gradients). It costs a second forward pass. Where a network draws
    dropout anew in that pass the estimate stays unbiased but gains less, and running statistics
    see the batch twice.

    Parameters
    ----------
    weight : float
        a in (0, 1], what a new batch counts; 1 is the batch itself.
    with_error : bool
        Whether standard errors are estimated too. They take the differences for exact.
    """

    looks_back = True

    def __init__(self, weight: float = 0.05, *, with_error: bool = False) -> None:
        if not 0 < weight <= 1:
            raise ValueError(f"weight must be in (0, 1], not {weight}.")
        super().__init__(with_error=with_error)
        self.weight = weight
        self._value: Tensor | None = None
        self._squares = 0.0

    @override
    def _average(self, new: Tensor, seen: Constraints, step: Evaluations | None) -> Tensor:
        assert step is not None
        before = step.constraints_before(0)
        if self._value is None or before is None:
            self._note(seen, None, 0.0, 1.0)
            self._value, self._squares = new.clone(), 1.0
            return self._value
        value, old = carried(self._value, new), carried(averages_of(before), new)
        squares = self.weight**2 + (1 - self.weight) ** 2 * self._squares
        self._note(before, value, self._squares, squares)
        self._value = new + (1 - self.weight) * (value - old)
        self._squares = squares
        return self._value

    @override
    def _tracked(self) -> dict[str, Any]:
        return {"value": self._value, "squares": self._squares}

    @override
    def _restore(self, tracked: dict[str, Any]) -> None:
        self._value, self._squares = tracked["value"], float(tracked["squares"])
