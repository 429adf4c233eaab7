"""Every move is corrected by the one before."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from typing_extensions import override

from equipoise.optim.minmax.geometry import Geometry
from equipoise.optim.minmax.method import MinMaxOptimizer, require_positive
from equipoise.optim.minmax.player import Closure, evaluate, gradients


class Optimistic(MinMaxOptimizer):
    """Optimistic gradient descent-ascent: one evaluation a step.

    With d_t the move that the optimizer makes of the gradient, the player moves by
    (1 + a) d_t - a d_(t-1). For SGD without momentum and a = 1 that is -rate (2 g_t - g_(t-1)); for
    Adam it is optimistic Adam (Daskalakis et al., arXiv 1711.00141, algorithm 1), whose moments see
    gradients and not their differences. The first move has none before it, and is d_1.

    Parameters
    ----------
    minimizer, maximizer : torch.optim.Optimizer
    strength : float
        a > 0. The theory of a = 1 covers bilinear and convex-concave games.
    min_geometry, max_geometry : Geometry, optional
    """

    def __init__(
        self,
        minimizer: torch.optim.Optimizer,
        maximizer: torch.optim.Optimizer,
        *,
        strength: float = 1.0,
        min_geometry: Geometry | None = None,
        max_geometry: Geometry | None = None,
    ) -> None:
        require_positive("strength", strength)
        super().__init__(minimizer, maximizer, min_geometry=min_geometry, max_geometry=max_geometry)
        self.strength = strength
        self._moves: list[list[Tensor]] | None = None

    @override
    def _advance(self, closure: Closure) -> Tensor:
        value = evaluate(closure)
        moves = []
        for i, (player, gradient) in enumerate(
            zip((self._min, self._max), gradients(value, self._min, self._max), strict=True)
        ):
            before = [p.detach().clone() for p in player.parameters]
            player.move(gradient)
            with torch.no_grad():
                move = [p - b for p, b in zip(player.parameters, before, strict=True)]
                if self._moves is not None:
                    for p, new, old in zip(player.parameters, move, self._moves[i], strict=True):
                        p.add_(new - old, alpha=self.strength)
                    player.return_to_set()
            moves.append(move)
        self._moves = moves
        return value

    @override
    def _own_state(self) -> dict[str, Any]:
        moves = self._moves
        return {"moves": None if moves is None else [[m.clone() for m in part] for part in moves]}

    @override
    def _load_own_state(self, state: dict[str, Any]) -> None:
        moves = state["moves"]
        self._moves = (
            None
            if moves is None
            else [
                [m.to(p.device, copy=True) for m, p in zip(part, player.parameters, strict=True)]
                for part, player in zip(moves, (self._min, self._max), strict=True)
            ]
        )
