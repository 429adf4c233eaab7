"""Random moves of the minimizer, kept only if the maximizer's answer leaves it better off."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from typing_extensions import override

from equipoise.optim.minmax.geometry import Geometry
from equipoise.optim.minmax.method import MinMaxOptimizer
from equipoise.optim.minmax.player import Closure
from equipoise.optim.minmax.proposal import OptimizerStep, Proposal
from equipoise.optim.minmax.response import Response
from equipoise.optim.minmax.snapshot import Buffers, Snapshot, Stateful
from equipoise.optim.minmax.stopping import (
    Certificate,
    FreePass,
    StopRule,
    probability,
    upper_bound,
)
from equipoise.optim.minmax.trial import StepReport, Trial
from equipoise.optim.passes import buffers_kept
from equipoise.optim.streams import Streams


class RepeatedProposalWarning(UserWarning):
    """A proposal that was refused was proposed again, to the last bit."""


class AcceptReject(MinMaxOptimizer):
    r"""Min-max optimisation by random proposals against a greedy maximizer.

    Keswani, Mangoubi, Sachdeva and Vishnoi (ICML 2022, arXiv 2006.12376). At (x, y), draw a move of
    x from the proposal distribution, let the maximizer answer, and keep both only if the value fell
    by ``delta`` or more, or else by a free pass. Ties are refused, or a plateau would be walked for
    ever. It goes where descent-ascent cycles, ends, and says with what confidence; what it finds
    depends on the proposals by design.

    A refused proposal is rolled back whole and bit for bit: parameters, moments and counters and
    settings of both optimizers, buffers of every module that was called, and what is ``carried``.
    The streams of random numbers (torch's on the CPU and the parameters' devices, and the global
    ones of Python and NumPy) are set back for the comparison, whose two values see the same batch,
    noise and dropped units; after a step they are beyond what the proposal drew, refused or not,
    or it would be drawn again. Gradients are forgotten. Evaluations for the comparison leave the
    buffers alone and are made without a graph: a closure that differentiates inside, as a gradient
    penalty does, enables it there. A closure that draws no random numbers is not evaluated for f
    before the move where the proposal has just done so: drawn noise is best given to it.

    A scheduler that is stepped after ``step`` counts proposals; step it where ``report.accepted``
    says so to count moves. Value and gradients are of one process: there is no agreement between
    several on what to refuse.

    Parameters
    ----------
    minimizer, maximizer : torch.optim.Optimizer
    response : Response
        :class:`Stationary`, :class:`Counterfactual`, :class:`KeepResponse`, or
        :class:`SecondOrderAscent`. With too few steps to be at rest, a comparison with f before
        the move refuses everything; see there.
    proposal : callable, optional
        Of a :class:`Player` and the closure, moves the minimizer: :class:`OptimizerStep` (the
        default), :class:`Gaussian`, :class:`Langevin`, or any other. It may follow another loss
        than f: what counts is f.
    delta : float
        What a move must gain, in units of the value.
    free_pass : float or callable
        Probability that the i-th proposal, from 0, is kept even so: a number, :class:`Annealed`,
        or any function of i.
    stop : StopRule, optional
        When ``stopped`` becomes true.
    carried : sequence
        Of whatever else a proposal changes and has ``state_dict`` and ``load_state_dict``:
        schedulers stepped by a hook, a gradient scaler, averages.
    seed : int
        Of the free passes, which have a stream of their own.
    min_geometry, max_geometry : Geometry, optional

    Attributes
    ----------
    report : StepReport or None
        Of the last step.
    stopped : bool
        Whether the stop rule holds.
    n_accepted, n_free, n_rejected : int
        They sum to ``n_steps``; a free pass is not among the accepted.
    """

    def __init__(
        self,
        minimizer: torch.optim.Optimizer,
        maximizer: torch.optim.Optimizer,
        *,
        response: Response,
        proposal: Proposal | None = None,
        delta: float = 0.0,
        free_pass: FreePass = 0.0,
        stop: StopRule | None = None,
        carried: Sequence[Stateful] = (),
        seed: int = 0,
        min_geometry: Geometry | None = None,
        max_geometry: Geometry | None = None,
    ) -> None:
        super().__init__(minimizer, maximizer, min_geometry=min_geometry, max_geometry=max_geometry)
        if not isinstance(response, Response):
            raise TypeError(
                "response must be Stationary(), Counterfactual(k), KeepResponse(k), ..., not "
                f"{response!r}."
            )
        if not 0 <= delta < float("inf"):
            raise ValueError(f"delta must be finite and not negative, not {delta}.")
        if stop is not None and response.keeps:
            raise ValueError(
                f"{type(response).__name__} moves y after a refusal, so that refusals in a row are "
                "not of one point and no stop rule can count them; take Counterfactual or "
                "Stationary."
            )
        probability(free_pass, 0)
        self.response = response
        self.proposal = proposal if proposal is not None else OptimizerStep()
        self.delta = delta
        self.free_pass = free_pass
        self.stop = stop
        self.carried = carried
        self.report: StepReport | None = None
        self.n_accepted = self.n_free = self.n_rejected = 0
        self._in_a_row = 0
        self._last_refused: list[float] | None = None
        self._coin = torch.Generator().manual_seed(seed)
        self._buffers = Buffers()
        self._trial = Trial(self._min, self._max, self._buffers, carried)

    @property
    def stopped(self) -> bool:
        """Whether as many proposals in a row were refused as the stop rule asks for."""
        return self.stop is not None and self._in_a_row >= self.stop.n_rejections

    @override
    def _advance(self, closure: Closure) -> Tensor:
        with self._buffers.watched():
            report = self._trial.run(closure, self.proposal, self.response, self.delta)
            if report.reason == "did not fall" and self._passes():
                report = replace(report, accepted=True, reason="free pass")
            # Where answers are kept, a move that comes again meets another answer.
            moved = None if report.accepted or self.response.keeps else self._fingerprint()
            if not report.accepted:
                self._trial.refuse(but=self.maximizer if self.response.keeps else None)
        self._count(report, moved)
        self.report = report
        value = report.after if report.accepted else report.before
        return torch.tensor(value, dtype=self._min.parameters[0].dtype)

    def _passes(self) -> bool:
        p = probability(self.free_pass, self.n_steps)
        return bool(torch.rand((), generator=self._coin, dtype=torch.float64) < p)

    def _count(self, report: StepReport, moved: list[float] | None) -> None:
        if report.reason == "free pass":
            self.n_free += 1
        elif report.accepted:
            self.n_accepted += 1
        else:
            self.n_rejected += 1
        if report.accepted:
            self._in_a_row = 0
        elif report.reason != "no response":
            if moved is not None and moved == self._last_refused:
                warnings.warn(
                    "a proposal that was refused is proposed again, and nothing will change until "
                    "there is a free pass: give OptimizerStep some noise, or step on batches.",
                    RepeatedProposalWarning,
                    stacklevel=5,
                )
            else:
                # A proposal that was refused before says nothing new about where it came from.
                self._in_a_row += 1
        self._last_refused = moved

    def _fingerprint(self) -> list[float]:
        sums = [p.detach().double().sum().cpu() for p in self._min.parameters]
        return torch.stack(sums).tolist()

    @torch.enable_grad()
    def certify(self, closures: Iterable[Closure], *, confidence: float = 0.95) -> Certificate:
        """Draw fresh proposals at the present point, without free passes, and keep none.

        Everything is as before afterwards but for the streams of random numbers, which go on.

        Parameters
        ----------
        closures : iterable of callable
            One a proposal, each on a batch of its own; ``itertools.repeat(closure, n)`` where there
            is one batch and the proposals are random.
        confidence : float

        Returns
        -------
        Certificate

        Raises
        ------
        ValueError
            If there are no closures, if the response keeps its answers (and so is no test of a
            point), or if two proposals in a row are the same.
        """
        if self.response.keeps:
            raise ValueError(
                f"{type(self.response).__name__} is no test of a point that stays; certify with "
                "Counterfactual or Stationary."
            )
        if not 0 < confidence < 1:
            raise ValueError(f"confidence must be between 0 and 1, not {confidence}.")
        n = n_improving = 0
        stationarity = 0.0
        last: list[float] | None = None
        for closure in closures:
            with self._buffers.watched():
                start = Snapshot([self.minimizer, self.maximizer], self._buffers, self.carried)
                streams = Streams(p.device for p in self._min.parameters + self._max.parameters)
                try:
                    states = streams.get()
                    with buffers_kept():
                        gradient = self._max.gradient(closure)
                    streams.set(states)
                    stationarity = max(stationarity, self._max.stationarity(gradient))
                    report = self._trial.run(closure, self.proposal, self.response, self.delta)
                    moved = self._fingerprint()
                finally:
                    start.restore()
            if moved == last and report.reason != "no response":
                raise ValueError(
                    "the same proposal was drawn twice, and a second look at it is no evidence: "
                    "give the proposal some noise, or each closure a batch of its own."
                )
            last = moved
            n += 1
            # A move whose response has no end is not known to be no improvement.
            n_improving += report.accepted or report.reason == "no response"
        if not n:
            raise ValueError("closures must hold at least one.")
        return Certificate(
            n,
            n_improving,
            upper_bound(n_improving, n, confidence),
            confidence,
            self.delta,
            stationarity,
        )

    @override
    def _own_state(self) -> dict[str, Any]:
        return {
            "n_accepted": self.n_accepted,
            "n_free": self.n_free,
            "n_rejected": self.n_rejected,
            "in_a_row": self._in_a_row,
            "last_refused": None if self._last_refused is None else list(self._last_refused),
            "coin": self._coin.get_state(),
        }

    @override
    def _load_own_state(self, state: dict[str, Any]) -> None:
        self.n_accepted, self.n_free = state["n_accepted"], state["n_free"]
        self.n_rejected, self._in_a_row = state["n_rejected"], state["in_a_row"]
        self._last_refused = state["last_refused"]
        self._coin.set_state(state["coin"].cpu())
        self.report = None
