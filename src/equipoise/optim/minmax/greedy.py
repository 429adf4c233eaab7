"""The greedy adversarial equilibrium: hill climbing, then descent on a truncated smoothing."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from typing_extensions import override

from equipoise.optim.minmax.accept_reject import AcceptReject
from equipoise.optim.minmax.geometry import Geometry
from equipoise.optim.minmax.method import MinMaxOptimizer, require_positive, require_whole
from equipoise.optim.minmax.player import Closure
from equipoise.optim.minmax.proposal import Gaussian
from equipoise.optim.minmax.response import Response
from equipoise.optim.minmax.second_order_ascent import SecondOrderAscent
from equipoise.optim.minmax.smoothing import GreedyValue, draw, slope
from equipoise.optim.minmax.snapshot import Buffers, Snapshot
from equipoise.optim.minmax.trial import StepReport


class GreedyAdversarial(MinMaxOptimizer):
    """Mangoubi and Vishnoi's search for a greedy adversarial equilibrium.

    STOC 2021, arXiv 2006.12363. One exists wherever f is bounded and smooth, local saddles or not.
    A step draws x + sigma z, has the maximizer answer with a second-order ascent, and keeps both if
    the value fell by ``delta``. After ``patience`` failures in a row, the next step is a run of
    stochastic descent on the truncated smoothing of the greedy value, kept if the value really fell
    at its end; if not, the method has ``stopped``. No gradient in x is ever asked for.

    The paper's constants are polynomials in 1 / eps and the dimension that no machine could run;
    these are free. :func:`check_greedy_equilibrium` says what was found. Steps are to be on one
    batch, the whole of the data: the run of descent compares with one value.

    Parameters
    ----------
    minimizer : torch.optim.Optimizer
        Takes the steps of the descent, with its estimated gradients.
    maximizer : torch.optim.Optimizer
        Of y; a second-order ascent asks it for its parameters alone.
    sigma : float
        Width of the smoothing, part of what an equilibrium is: improvements that lie farther off
        are not seen.
    delta : float
        What a move must gain, in units of the value.
    response : Response, optional
        ``SecondOrderAscent()`` by default.
    patience : int
        Failures in a row before the descent.
    n_descent : int
        Steps of the descent.
    n_pairs : int
        Pairs of draws that one of these steps estimates its gradient from.
    min_geometry, max_geometry : Geometry, optional

    Attributes
    ----------
    report : StepReport or None
        Of the last step of hill climbing.
    stopped : bool
        Whether neither found anything better.
    n_descents : int
        Runs of descent that were kept.
    """

    def __init__(
        self,
        minimizer: torch.optim.Optimizer,
        maximizer: torch.optim.Optimizer,
        *,
        sigma: float,
        delta: float,
        response: Response | None = None,
        patience: int = 50,
        n_descent: int = 20,
        n_pairs: int = 10,
        min_geometry: Geometry | None = None,
        max_geometry: Geometry | None = None,
    ) -> None:
        super().__init__(minimizer, maximizer, min_geometry=min_geometry, max_geometry=max_geometry)
        require_positive("sigma", sigma)
        require_positive("delta", delta)
        for name, value in (("patience", patience), ("n_descent", n_descent), ("n_pairs", n_pairs)):
            require_whole(name, value, 1)
        self.sigma = sigma
        self.delta = delta
        self.response = response or SecondOrderAscent()
        if not self.response.settles:
            raise ValueError(
                f"{type(self.response).__name__} does not bring y to rest; take SecondOrderAscent "
                "or Stationary."
            )
        self.patience = patience
        self.n_descent = n_descent
        self.n_pairs = n_pairs
        self.stopped = False
        self.n_descents = 0
        self._failures = 0
        self._climbing = AcceptReject(
            minimizer,
            maximizer,
            response=self.response,
            proposal=Gaussian(sigma),
            delta=delta,
            min_geometry=min_geometry,
            max_geometry=max_geometry,
        )

    @property
    def report(self) -> StepReport | None:
        """Of the last step of hill climbing."""
        return self._climbing.report

    @override
    def _advance(self, closure: Closure) -> Tensor:
        if self._failures < self.patience:
            value = self._climbing._advance(closure)
            assert self.report is not None
            self._failures = 0 if self.report.accepted else self._failures + 1
            return value
        height, fell = self._descend(closure)
        self.stopped = not fell
        self.n_descents += fell
        self._failures = 0 if fell else self._failures
        return torch.tensor(height, dtype=self._min.parameters[0].dtype)

    def _descend(self, closure: Closure) -> tuple[float, bool]:
        buffers = Buffers()
        with buffers.watched():
            start = Snapshot([self.minimizer, self.maximizer], buffers, ())
            try:
                h = GreedyValue(self._min, self._max, closure, self.response)
                height = h()
                h.back()
                for _ in range(self.n_descent):
                    draws = draw(h, height, self._min.parameters, self.sigma, self.n_pairs)
                    self._min.move(slope(draws, self.sigma))
                end = h()
                fell = height - end >= self.delta
            except BaseException:
                start.restore()
                raise
            if not fell:
                start.restore()
        return height, fell

    @override
    def _own_state(self) -> dict[str, Any]:
        return {
            "stopped": self.stopped,
            "n_descents": self.n_descents,
            "failures": self._failures,
            "climbing": self._climbing._own_state(),
        }

    @override
    def _load_own_state(self, state: dict[str, Any]) -> None:
        self.stopped, self.n_descents = state["stopped"], state["n_descents"]
        self._failures = state["failures"]
        self._climbing._load_own_state(state["climbing"])
