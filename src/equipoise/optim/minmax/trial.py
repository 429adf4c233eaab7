"""One proposal of the minimizer and the maximizer's answer to it, compared with what was before."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from equipoise.optim.minmax.player import Closure, Player, evaluate
from equipoise.optim.minmax.proposal import Proposal
from equipoise.optim.minmax.response import Answer, Response, ResponseLimitWarning
from equipoise.optim.minmax.snapshot import Buffers, Snapshot, Stateful
from equipoise.optim.streams import Streams

Reason = Literal["fell", "free pass", "did not fall", "not finite", "no response"]


@dataclass(frozen=True)
class StepReport:
    """What became of a proposal.

    Attributes
    ----------
    accepted : bool
        With a free pass or without.
    before, after : float
        The two values that were compared, on the same batch and random numbers. ``after`` is not
        a number where it could not be had.
    n_ascent_steps : int
        Of the maximizer, in answer to the proposal.
    stationarity : float or None
        Norm of the maximizer's gradient mapping after the proposal, where the response looks at it.
    reason : {"fell", "free pass", "did not fall", "not finite", "no response"}
    """

    accepted: bool
    before: float
    after: float
    n_ascent_steps: int
    stationarity: float | None
    reason: Reason


class Trial:
    """A proposal and the answer, up to the point where both might stay; again and again.

    Parameters
    ----------
    minimizer, maximizer : Player
    buffers : Buffers
        Watched.
    carried : sequence of Stateful
    """

    def __init__(
        self, minimizer: Player, maximizer: Player, buffers: Buffers, carried: Sequence[Stateful]
    ) -> None:
        self._min = minimizer
        self._max = maximizer
        self._buffers = buffers
        self._start = Snapshot([minimizer.optimizer, maximizer.optimizer], buffers, carried)
        self._one_look_is_enough = True

    def run(
        self, closure: Closure, proposal: Proposal, response: Response, delta: float
    ) -> StepReport:
        """Leave everything where the proposal and the answer lead.

        Parameters
        ----------
        closure : callable
        proposal : callable
        response : Response
        delta : float

        Returns
        -------
        StepReport

        Raises
        ------
        FloatingPointError
            If the value before the proposal is not finite; everything is as it was.
        """
        self._streams = Streams(p.device for p in self._min.parameters + self._max.parameters)
        self._start.mark()
        try:
            if response.settles:
                # It is no part of the proposal, and stays; as mostly there is nothing to do, it
                # is not to leave its mark on running means.
                with self._buffers.unchanged():
                    settled = self._answer(response, closure)
                self._start.mark()
                if not settled.reached:
                    return self._without_response(self._value(closure), settled)
            noise = self._streams.get()
            if response.counterfactual:
                self._answer(response, closure)
                value_noise: list[Any] | None = self._streams.get()
                before = self._value(closure)
                if self._streams.at(noise):
                    value_noise = None
                self._start.restore()
                moved = self._move(proposal, closure)
            else:
                before, moved, value_noise = self._look_and_move(proposal, closure, noise)
            if not moved:
                return StepReport(False, before, float("nan"), 0, None, "not finite")
            return self._meet(closure, response, before, delta, noise, value_noise)
        except BaseException:
            self._start.restore()
            raise

    def refuse(self, *, but: torch.optim.Optimizer | None = None) -> None:
        """Go back.

        Parameters
        ----------
        but : torch.optim.Optimizer, optional
            One that is to stay as it is.
        """
        self._start.restore(but=but)

    def _look_and_move(
        self, proposal: Proposal, closure: Closure, noise: list[Any]
    ) -> tuple[float, bool, list[Any] | None]:
        # The value whose gradient a proposal follows is f before the move. Where no random numbers
        # are drawn, to evaluate it again would give the same number; where they are, it is of the
        # very noise that the gradient follows, and the comparison is to be on other noise.
        if self._one_look_is_enough and getattr(proposal, "looks_first", False):
            first = _FirstLook(closure, self._streams, noise)
            moved = self._move(proposal, first)
            if first.value is not None:
                return first.value, moved, None
            self._one_look_is_enough = False
            self._start.restore()
            self._streams.set(noise)
        before = self._value(closure)
        return before, self._move(proposal, closure), noise

    def _move(self, proposal: Proposal, closure: Closure) -> bool:
        try:
            proposal(self._min, closure)
        except FloatingPointError:
            return False
        self._min.return_to_set()
        # A proposal of the caller's may have called backward, which reaches both.
        self._min.optimizer.zero_grad()
        self._max.optimizer.zero_grad()
        return True

    def _meet(
        self,
        closure: Closure,
        response: Response,
        before: float,
        delta: float,
        noise: list[Any],
        value_noise: list[Any] | None,
    ) -> StepReport:
        streams = self._streams
        beyond: list[Any] | None = None
        try:
            # A value that was of no random numbers is compared with another, whatever the streams.
            if value_noise is not None and response.counterfactual:
                beyond = streams.get()
                streams.set(noise)
            answer = self._answer(response, closure)
            if not answer.reached:
                return self._without_response(before, answer)
            if value_noise is not None:
                # The next step's random numbers are those that follow what this one drew.
                beyond = beyond or streams.get()
                streams.set(value_noise)
            after = self._value(closure)
        except FloatingPointError:
            return StepReport(False, before, float("nan"), 0, None, "not finite")
        finally:
            if beyond is not None:
                streams.set(beyond)
        fall = before - after
        fell = fall > 0 and fall >= delta
        return StepReport(
            fell,
            before,
            after,
            answer.n_steps,
            answer.stationarity,
            "fell" if fell else "did not fall",
        )

    def _without_response(self, before: float, answer: Answer) -> StepReport:
        return StepReport(
            False, before, float("nan"), answer.n_steps, answer.stationarity, "no response"
        )

    def _answer(self, response: Response, closure: Closure) -> Answer:
        answer = response.answer(self._max, closure)
        if not answer.reached:
            warnings.warn(
                f"the maximizer has not come to rest after {answer.n_steps} steps (gradient "
                f"mapping {answer.stationarity}), and the proposal is refused: raise the limit or "
                "the maximizer's rate, or bound the game where f has no bound in y.",
                ResponseLimitWarning,
                stacklevel=6,
            )
        return answer

    def _value(self, closure: Closure) -> float:
        with torch.no_grad(), self._buffers.unchanged():
            return evaluate(closure).item()


class _FirstLook:
    """A closure, with the value of its first call if that drew no random numbers.

    Parameters
    ----------
    closure : callable
    streams : Streams
    states : list
        Of the streams before that call.
    """

    def __init__(self, closure: Closure, streams: Streams, states: list[Any]) -> None:
        self.value: float | None = None
        self._closure = closure
        self._streams = streams
        self._states: list[Any] | None = states

    def __call__(self) -> Tensor:
        if self._states is None:
            return evaluate(self._closure)
        states, self._states = self._states, None
        value = evaluate(self._closure)
        if self._streams.at(states):
            self.value = value.item()
        return value
