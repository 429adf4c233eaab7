"""One proposal of the minimizer and the maximizer's answer to it, compared with what was before."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch

from equipoise.optim.minmax.player import Closure, Player, evaluate
from equipoise.optim.minmax.proposal import Proposal
from equipoise.optim.minmax.response import Answer, Response, ResponseLimitWarning
from equipoise.optim.minmax.snapshot import Buffers, Snapshot, Stateful
from equipoise.optim.passes import buffers_kept
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
    """A proposal and the answer, up to the point where both might stay.

    Parameters
    ----------
    minimizer, maximizer : Player
    proposal : callable
    response : Response
    delta : float
    buffers : Buffers
        Watched.
    carried : sequence of Stateful
    """

    def __init__(
        self,
        minimizer: Player,
        maximizer: Player,
        proposal: Proposal,
        response: Response,
        delta: float,
        buffers: Buffers,
        carried: Sequence[Stateful],
    ) -> None:
        self._min = minimizer
        self._max = maximizer
        self._proposal = proposal
        self._response = response
        self._delta = delta
        self._buffers = buffers
        self._carried = carried
        self._streams = Streams(p.device for p in minimizer.parameters + maximizer.parameters)
        self._start: Snapshot

    def run(self, closure: Closure) -> StepReport:
        """Leave everything where the proposal and the answer lead.

        Parameters
        ----------
        closure : callable

        Returns
        -------
        StepReport

        Raises
        ------
        FloatingPointError
            If the value before the proposal is not finite; everything is as it was.
        """
        response, streams = self._response, self._streams
        self._mark()
        try:
            if response.settles:
                # It is no part of the proposal, and stays; as mostly there is nothing to do, it
                # is not to leave its mark on running means.
                with buffers_kept():
                    settled = self._answer(closure)
                self._mark()
                if not settled.reached:
                    return self._without_response(self._value(closure), settled)
            climb_noise = streams.get()
            if response.counterfactual:
                self._answer(closure)
            value_noise = streams.get()
            before = self._value(closure)
            if response.counterfactual:
                self._start.restore()
            return self._propose(closure, before, climb_noise, value_noise)
        except BaseException:
            self._start.restore()
            raise

    def refuse(self) -> None:
        """Go back, all but the answer where the response keeps it."""
        self._start.restore(but=self._max.optimizer if self._response.keeps else None)

    def _propose(
        self, closure: Closure, before: float, climb_noise: list[Any], value_noise: list[Any]
    ) -> StepReport:
        response, streams = self._response, self._streams
        nothing = StepReport(False, before, float("nan"), 0, None, "not finite")
        try:
            self._proposal(self._min, closure)
            self._min.return_to_set()
            # A proposal of the caller's may have called backward, which reaches both.
            self._min.optimizer.zero_grad()
            self._max.optimizer.zero_grad()
        except FloatingPointError:
            return nothing
        # The next step's random numbers are those that follow what this one drew.
        beyond = streams.get()
        if response.counterfactual:
            streams.set(climb_noise)
        try:
            answer = self._answer(closure)
            if not response.counterfactual:
                beyond = streams.get()
            if not answer.reached:
                return self._without_response(before, answer)
            streams.set(value_noise)
            after = self._value(closure)
        except FloatingPointError:
            return nothing
        finally:
            streams.set(beyond)
        fall = before - after
        fell = fall > 0 and fall >= self._delta
        return StepReport(
            fell,
            before,
            after,
            answer.n_steps,
            answer.stationarity,
            "fell" if fell else "did not fall",
        )

    def _mark(self) -> None:
        optimizers = [self._min.optimizer, self._max.optimizer]
        self._start = Snapshot(optimizers, self._buffers, self._carried)

    def _without_response(self, before: float, answer: Answer) -> StepReport:
        return StepReport(
            False, before, float("nan"), answer.n_steps, answer.stationarity, "no response"
        )

    def _answer(self, closure: Closure) -> Answer:
        answer = self._response.answer(self._max, closure)
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
        with torch.no_grad(), buffers_kept():
            return evaluate(closure).item()
