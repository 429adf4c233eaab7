"""What a mini-batch says of a constraint's value, with the noise kept out of the multipliers.

A method multiplies the gradient of the constraints by weights that depend on their values. The
gradient of one batch is good enough; its value is not, since the positive part of a noisy
estimate is biased upwards. An estimator therefore returns constraints whose *value* is its best
estimate and whose *gradient* is the batch's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor
from typing_extensions import override

from equipoise.optim.constrained.evaluations import Evaluations
from equipoise.optim.constrained.ratios import Constraints, averages_of, constraints_at, deviation

_LOOK_BACK = 0.99


class Estimator(ABC):
    """Turns the constraints of a batch into constraints to act on.

    Parameters
    ----------
    with_error : bool
        Whether standard errors are estimated too, from how much batches differ from each other.

    Attributes
    ----------
    n_batches : int
        How many independent batches it looks at in a step.
    looks_back : bool
        Whether it evaluates batches at the parameters before the last step.
    """

    n_batches = 1
    looks_back = False

    def __init__(self, *, with_error: bool = False) -> None:
        self._spread = _Spread() if with_error else None
        self._error: Tensor | None = None

    def estimate(self, seen: Constraints, step: Evaluations | None = None) -> Tensor:
        """Take one step's batches into account.

        Parameters
        ----------
        seen : Tensor, shape (..., m), or Ratios
            The constraints on the step's first batch.
        step : Evaluations, optional
            Where the other batches are.

        Returns
        -------
        Tensor, shape (..., m)
            Its value is the estimate; its gradient is that of the first batch.

        Raises
        ------
        ValueError
            If more batches are needed than there are.
        """
        if step is None and (self.n_batches > 1 or self.looks_back):
            raise ValueError(
                f"{type(self).__name__} evaluates a step more than once: give step a closure."
            )
        averages = self._average(averages_of(seen), seen, step)
        return constraints_at(averages, seen)

    @property
    def error(self) -> Tensor | None:
        """Standard error of the last estimate, shape (..., m); infinite before two batches.

        It speaks of the noise of batches, and not of how far an average lags behind parameters
        that move. None where it was not asked for.
        """
        return self._error

    @abstractmethod
    def _average(self, new: Tensor, seen: Constraints, step: Evaluations | None) -> Tensor:
        """The averages to act on; ``new`` are the first batch's own."""

    def _note(self, seen: Constraints, averages: Tensor | None, before: float, now: float) -> None:
        # Shares are those of a batch's variance: in the averages from before, in those from now.
        if self._spread is None:
            return
        if averages is None:
            unknown = seen if isinstance(seen, Tensor) else seen.function(seen.statistic[0])
            self._error = torch.full_like(unknown.detach(), torch.inf)
            return
        self._spread.look(deviation(seen, averages) / (1 + before) ** 0.5)
        self._error = self._spread.of_one_batch * now**0.5

    def state_dict(self) -> dict[str, Any]:
        """A snapshot of what has been tracked.

        Returns
        -------
        dict
        """
        spread = {} if self._spread is None else {"spread": self._spread.state_dict()}
        return {name: _copy(x) for name, x in self._tracked().items()} | spread

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to a snapshot.

        Parameters
        ----------
        state : dict
            From :meth:`state_dict` of the same kind of estimator.

        Raises
        ------
        ValueError
            If it is another kind's.
        """
        own, given = self.state_dict().keys(), state.keys()
        if own != given:
            keeps = " and ".join(map(repr, sorted(own))) or "nothing"
            raise ValueError(
                f"{type(self).__name__} keeps {keeps}, but the state has {sorted(given)}."
            )
        if self._spread is not None:
            self._spread.load_state_dict(state["spread"])
        self._restore({name: _copy(x) for name, x in state.items() if name != "spread"})

    def _tracked(self) -> dict[str, Any]:
        return {}

    def _restore(self, tracked: dict[str, Any]) -> None:  # noqa: B027  (most track something)
        pass


def _copy(x: Any) -> Any:
    return x.clone() if isinstance(x, Tensor) else x


class _Spread:
    """The variance of what a single batch says, from squared deviations."""

    def __init__(self) -> None:
        self._squares: Tensor | None = None
        self._mass = 0.0

    def look(self, away: Tensor) -> None:
        if self._squares is None:
            self._squares = torch.zeros_like(away)
        self._squares.lerp_(away.square(), 1 - _LOOK_BACK)
        self._mass = _LOOK_BACK * self._mass + (1 - _LOOK_BACK)

    @property
    def of_one_batch(self) -> Tensor:
        assert self._squares is not None
        return (self._squares / self._mass).sqrt()

    def state_dict(self) -> dict[str, Any]:
        return {"squares": _copy(self._squares), "mass": self._mass}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._squares, self._mass = _copy(state["squares"]), float(state["mass"])


class Batch(Estimator):
    """The batch's own value: right for deterministic constraints and for large batches.

    A ratio whose denominator is 0 in the batch is taken to be like the others, and has no
    gradient: the batch says nothing of it.
    """

    def __init__(self, *, with_error: bool = False) -> None:
        super().__init__(with_error=with_error)
        self._last: Tensor | None = None

    @override
    def _average(self, new: Tensor, seen: Constraints, step: Evaluations | None) -> Tensor:
        # Two batches in turn differ by twice the variance of one.
        self._note(seen, self._last, before=1.0, now=1.0)
        if self._spread is not None:
            self._last = new
        return new

    @override
    def _tracked(self) -> dict[str, Any]:
        return {} if self._spread is None else {"last": self._last}

    @override
    def _restore(self, tracked: dict[str, Any]) -> None:
        self._last = tracked.get("last")


class SecondBatch(Estimator):
    """The value of one batch with the gradient of another that is independent of it.

    The product of the two is then unbiased, where the square of one batch's value would add the
    variance of the batch to the objective.
    """

    n_batches = 2

    @override
    def _average(self, new: Tensor, seen: Constraints, step: Evaluations | None) -> Tensor:
        assert step is not None
        second = step.look(1)[1]
        # The first batch is an independent witness of how much batches differ.
        self._note(seen, averages_of(second), before=1.0, now=1.0)
        return averages_of(second)
