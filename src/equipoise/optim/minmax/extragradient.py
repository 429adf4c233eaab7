"""A look ahead, and a step from where it began by what was seen there."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor
from typing_extensions import override

from equipoise.optim.minmax.geometry import Geometry
from equipoise.optim.minmax.method import MinMaxOptimizer
from equipoise.optim.minmax.player import Closure, evaluate, gradients
from equipoise.optim.passes import assign


class Extragradient(MinMaxOptimizer):
    """Extragradient (Korpelevich, Matecon 1976): two evaluations a step, or one.

    Both players take a step, look at the gradient there, go back, and step by it. The optimizers'
    moments advance twice a step and see both gradients, as in ExtraAdam (Gidel et al., arXiv
    1802.10551, algorithm 4). ``extrapolation="past"`` looks ahead by the gradient of the last look
    instead of a new one (Popov, 1980): one evaluation a step.

    Parameters
    ----------
    minimizer, maximizer : torch.optim.Optimizer
    extrapolation : {"present", "past"}
    min_geometry, max_geometry : Geometry, optional
    """

    def __init__(
        self,
        minimizer: torch.optim.Optimizer,
        maximizer: torch.optim.Optimizer,
        *,
        extrapolation: Literal["present", "past"] = "present",
        min_geometry: Geometry | None = None,
        max_geometry: Geometry | None = None,
    ) -> None:
        if extrapolation not in ("present", "past"):
            raise ValueError(f'extrapolation must be "present" or "past", not {extrapolation!r}.')
        super().__init__(minimizer, maximizer, min_geometry=min_geometry, max_geometry=max_geometry)
        self.extrapolation = extrapolation
        self._past: list[list[Tensor]] | None = None

    @override
    def _advance(self, closure: Closure) -> Tensor:
        players = (self._min, self._max)
        value = None
        if self._past is None:
            value = evaluate(closure)
            ahead = gradients(value, *players)
        else:
            ahead = self._past
        starts = [[p.detach().clone() for p in player.parameters] for player in players]
        self._move(ahead)
        try:
            seen = evaluate(closure)
            directions = gradients(seen, *players)
        finally:
            for player, start in zip(players, starts, strict=True):
                assign(player.parameters, start)
        self._move(directions)
        if self.extrapolation == "past":
            self._past = [[g.detach().clone() for g in part] for part in directions]
        return seen if value is None else value

    def _move(self, directions: list[list[Tensor]]) -> None:
        self._min.move(directions[0])
        self._max.move(directions[1])

    @override
    def _own_state(self) -> dict[str, Any]:
        past = self._past
        return {"past": None if past is None else [[g.clone() for g in part] for part in past]}

    @override
    def _load_own_state(self, state: dict[str, Any]) -> None:
        past = state["past"]
        self._past = (
            None
            if past is None
            else [
                [g.to(p.device, copy=True) for g, p in zip(part, player.parameters, strict=True)]
                for part, player in zip(past, (self._min, self._max), strict=True)
            ]
        )
