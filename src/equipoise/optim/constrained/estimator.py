"""What a mini-batch says of a constraint's value, with the noise kept out of the multipliers.

A method multiplies the gradient of the constraints by weights that depend on their values. The
gradient of one batch is good enough; its value is not, since the positive part of a noisy
estimate is biased upwards. An estimator therefore returns constraints whose *value* is its best
estimate and whose *gradient* is the batch's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from typing_extensions import override

from equipoise.optim.constrained.evaluations import Evaluations
from equipoise.optim.constrained.ratios import (
    Constraints,
    Ratios,
    averages_of,
    constraints_at,
    deviation,
)

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
        self._averages: Tensor | None = None

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
        with self.all_or_nothing():
            own = averages_of(seen)
            averages = self._average(own, seen, step)
            if averages is own and isinstance(seen, Tensor):
                constraints = seen  # as it is
            else:
                constraints = constraints_at(averages, seen)
            self._doubt_unseen(seen, averages)
            self._averages = averages
        return constraints

    def again(self, seen: Constraints) -> Tensor:
        """The last estimate, with the gradient of its first batch at other parameters.

        Parameters
        ----------
        seen : Tensor, shape (..., m), or Ratios
            The constraints on the same batch, evaluated anew.

        Returns
        -------
        Tensor, shape (..., m)
        """
        assert self._averages is not None
        return constraints_at(self._averages, seen)

    def all_or_nothing(self) -> AbstractContextManager[None]:
        """What is estimated in a block that fails is forgotten.

        What is tracked is replaced and never written into, so that nothing is copied for it.
        """
        return _AllOrNothing(vars(self))

    @property
    def error(self) -> Tensor | None:
        """Standard error of the last estimate, shape (..., m), where it was asked for.

        It speaks of the noise of batches, and not of how far an average lags behind parameters
        that move. It is infinite before two batches, and for what rests on a ratio that was
        never seen. Of ratios it is right to first order in the noise.
        """
        return self._error

    def correct(self, exact: Constraints) -> None:  # noqa: B027  (most have nothing to correct)
        """Put what is known of all rows, at the parameters as they are, in the place of the noise.

        Estimators that track nothing over the steps have no use for it, and do nothing.

        Parameters
        ----------
        exact : Tensor, shape (..., m), or Ratios
            The constraints on all rows.
        """

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
        away = deviation(seen, averages) / (1 + before) ** 0.5
        self._spread = self._spread.after(away, _unseen(seen, averages))
        self._error = self._spread.of_one_batch * now**0.5

    def _doubt_unseen(self, seen: Constraints, averages: Tensor) -> None:
        # Such a ratio is taken to be like the others, which no spread of batches tells against.
        if self._error is None:
            return
        unseen = _unseen(seen, averages)
        if unseen is not None:
            self._error = self._error.masked_fill(unseen, torch.inf)

    def state_dict(self) -> dict[str, Any]:
        """A snapshot of what has been tracked.

        Returns
        -------
        dict
        """
        spread = {}
        if self._spread is not None:
            spread["spread"] = self._spread.state_dict() | {"error": _copy(self._error)}
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
            spread = state["spread"]
            self._spread = _Spread(_copy(spread["squares"]), _copy(spread["mass"]))
            self._error = _copy(spread["error"])
        self._restore({name: _copy(x) for name, x in state.items() if name != "spread"})

    def _tracked(self) -> dict[str, Any]:
        return {}

    def _restore(self, tracked: dict[str, Any]) -> None:  # noqa: B027  (most track something)
        pass


def _copy(x: Any) -> Any:
    return x.clone() if isinstance(x, Tensor) else x


def carried(tracked: Tensor, new: Tensor) -> Tensor:
    """What has been tracked, where the new is.

    Parameters
    ----------
    tracked, new : Tensor
        Averages, as estimators keep them.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If their shapes differ: one that only broadcasts would count as several.
    """
    if tracked.shape != new.shape:
        raise ValueError(
            f"a batch gives constraints whose averages have shape {tuple(new.shape)}, but those "
            f"tracked so far have shape {tuple(tracked.shape)}."
        )
    return tracked.to(new.device)


def _unseen(seen: Constraints, averages: Tensor) -> Tensor | None:
    """Which constraints rest on a ratio whose denominator is 0; None if there is no such ratio."""
    if not isinstance(seen, Ratios) or float(averages[1].amin()) > 0:
        return None
    # What a function does not use of its ratios, it does not pass NaN on from.
    top, bottom = averages[:2]
    return seen.function(torch.where(bottom > 0, top / bottom, torch.nan)).isnan()


class _AllOrNothing:
    """Attributes that are put back if a block fails.

    A generator with ``contextmanager`` says the same in fewer lines, but takes several times as
    long, and every step enters two.
    """

    __slots__ = ("_kept", "_live")

    def __init__(self, live: dict[str, Any]) -> None:
        self._live, self._kept = live, live.copy()

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._live.update(self._kept)


@dataclass(frozen=True)
class _Spread:
    """The variance of what a single batch says, from squared deviations."""

    squares: Tensor | None = None
    mass: Tensor | float = 0.0

    def after(self, away: Tensor, unknown: Tensor | None) -> _Spread:
        squares = torch.zeros_like(away) if self.squares is None else carried(self.squares, away)
        mass = carried(self.mass, away) if isinstance(self.mass, Tensor) else self.mass
        share: Tensor | float = 1 - _LOOK_BACK
        if unknown is not None:
            share = torch.where(unknown, torch.zeros_like(away), share)
        return _Spread(squares.lerp(away.square(), share), mass + share * (1 - mass))

    @property
    def of_one_batch(self) -> Tensor:
        assert self.squares is not None
        variance = self.squares / self.mass
        if isinstance(self.mass, Tensor):
            variance = torch.where(self.mass > 0, variance, torch.inf)
        return variance.sqrt()

    def state_dict(self) -> dict[str, Any]:
        return {"squares": _copy(self.squares), "mass": _copy(self.mass)}


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
        last = None if self._last is None else carried(self._last, new)
        self._note(seen, last, before=1.0, now=1.0)
        if self._spread is not None:
            # The closure may fill one and the same tensor at each step.
            self._last = new.clone()
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
        second = carried(averages_of(step.look(1)[1]), new)
        # The first batch is an independent witness of how much batches differ.
        self._note(seen, second, before=1.0, now=1.0)
        return second
