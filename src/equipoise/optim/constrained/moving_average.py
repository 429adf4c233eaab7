"""Moving averages of what batches say of the constraints."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from typing_extensions import override

from equipoise.optim.constrained.estimator import Estimator, carried
from equipoise.optim.constrained.evaluations import Evaluations
from equipoise.optim.constrained.ratios import Constraints, averages_of


class MovingAverage(Estimator):
    """Exponential moving averages over batches, of numerators and denominators apart.

    Parameters
    ----------
    decay : float
        What share of the average is kept at each batch, in [0, 1). The average looks back about
        1 / (1 - decay) batches. Early averages are corrected for having started from nothing.
    with_error : bool
        Whether standard errors are estimated too.
    """

    def __init__(self, decay: float = 0.95, *, with_error: bool = False) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"decay must be in [0, 1), not {decay}.")
        super().__init__(with_error=with_error)
        self.decay = decay
        self._sum: Tensor | None = None
        self._mass = 0.0
        self._squares = 0.0  # of the weights of the batches in the sum

    @override
    def _average(self, new: Tensor, seen: Constraints, step: Evaluations | None) -> Tensor:
        tracked = torch.zeros_like(new) if self._sum is None else carried(self._sum, new)
        before, share = None, 0.0
        if self._sum is not None and self._spread is not None:
            before, share = tracked / self._mass, self._squares / self._mass**2
        self._sum = tracked.lerp(new, 1 - self.decay)
        self._mass = self.decay * self._mass + (1 - self.decay)
        self._squares = self.decay**2 * self._squares + (1 - self.decay) ** 2
        self._note(seen, before, share, self._squares / self._mass**2)
        return self._sum / self._mass

    @override
    def correct(self, exact: Constraints) -> None:
        """Take the exact averages for those tracked so far, at the weight that these have.

        Parameters
        ----------
        exact : Tensor, shape (..., m), or Ratios
            The constraints on all rows, at the parameters as they are.
        """
        if self._sum is not None:
            known = averages_of(exact)
            self._sum = carried(known, self._sum).to(self._sum.dtype) * self._mass

    @override
    def _tracked(self) -> dict[str, Any]:
        return {"tracked": self._sum, "mass": self._mass, "squares": self._squares}

    @override
    def _restore(self, tracked: dict[str, Any]) -> None:
        self._sum = tracked["tracked"]
        self._mass = float(tracked["mass"])
        self._squares = float(tracked["squares"])
