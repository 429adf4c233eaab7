"""An answer that climbs until neither the gradient nor the curvature leads up."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from typing_extensions import override

from equipoise.optim.minmax.geometry import Euclidean
from equipoise.optim.minmax.lanczos import Extreme, largest
from equipoise.optim.minmax.method import require_positive, require_whole
from equipoise.optim.minmax.player import Closure, Player, evaluate, gradients
from equipoise.optim.minmax.response import Answer, Response
from equipoise.optim.passes import Replay, assign
from equipoise.optim.vectors import Vector, along, dot, gradient, norm, plus, scaled

_N_HALVINGS = 40


@dataclass(frozen=True)
class SecondOrderAscent(Response):
    r"""Up the gradient, and at a point without one along the direction of most curvature.

    The greedy maximizer of Mangoubi and Vishnoi (STOC 2021, arXiv 2006.12363): it ends where
    \|f_y\| <= eps and the largest eigenvalue of f_yy is at most sqrt(eps). Its path is a chain of
    segments, along each of which f rises at half the rate of its gradient or curvature at least,
    and which are no longer than ``radius``: what it reaches is a lower bound of what the best such
    path does, the greedy max function.

    It moves y itself, and asks the maximizer's optimizer for its parameters alone. All its
    evaluations see the same random numbers of torch's. In a set other than the whole space,
    segments end at the edge, and the direction of most curvature is the only one of its kind that
    is tried.

    Parameters
    ----------
    tolerance : float
        eps.
    radius : float
        Longest segment. One that is not short against the valleys of f(x, .) may jump one.
    limit : int
        At most as many segments.
    """

    settles: ClassVar[bool] = True
    tolerance: float = 1e-2
    radius: float = 0.1
    limit: int = 10_000

    def __post_init__(self) -> None:
        require_positive("tolerance", self.tolerance)
        require_positive("radius", self.radius)
        require_whole("limit", self.limit, 1)

    @override
    def answer(self, maximizer: Player, closure: Closure) -> Answer:
        same = Replay(closure, {p.device for p in maximizer.parameters})
        value: Tensor | None = evaluate(same)
        length = self.radius
        stationarity = math.inf
        for n in range(self.limit + 1):
            assert value is not None
            (slope,) = gradients(value, maximizer)
            stationarity = maximizer.stationarity(slope)
            if stationarity > self.tolerance:
                unit = scaled(1 / norm(slope), slope)
                rise: Callable[[Vector], float] = lambda s, g=slope: dot(g, s) / 2  # type: ignore[misc] # noqa: E731
                if n == self.limit:
                    break
                value, length = self._segment(maximizer, same, value, unit, length, rise)
                if value is None:
                    return Answer(n, stationarity, False)
                length = min(2 * length, self.radius)
                continue
            top = top_curvature(maximizer, same)
            if top.value <= math.sqrt(self.tolerance):
                return Answer(n, stationarity, True)
            if n == self.limit:
                break
            value = self._along_curvature(maximizer, same, value, slope, top)
            if value is None:
                # Nothing but the edge of a set, or rounding, can be in the way of a curved path.
                return Answer(n, stationarity, not isinstance(maximizer.geometry, Euclidean))
        return Answer(self.limit, stationarity, False)

    def _along_curvature(
        self, maximizer: Player, same: Closure, value: Tensor, slope: Vector, top: Extreme
    ) -> Tensor | None:
        first = 1.0 if dot(slope, top.vector) >= 0 else -1.0
        for sign in (first, -first):
            found, _ = self._segment(
                maximizer,
                same,
                value,
                scaled(sign, top.vector),
                self.radius,
                lambda s: top.value * dot(s, s) / 4,
            )
            if found is not None:
                return found
        return None

    def _segment(
        self,
        maximizer: Player,
        same: Closure,
        value: Tensor,
        unit: Sequence[Tensor],
        length: float,
        rise: Callable[[Vector], float],
    ) -> tuple[Tensor | None, float]:
        # Halve the segment until f rises along it as it should; y goes back if it never does.
        start = [p.detach().clone() for p in maximizer.parameters]
        height = value.item()
        for _ in range(_N_HALVINGS):
            with torch.no_grad():
                end = maximizer.geometry.project(plus(start, length, unit))
                step = plus(end, -1.0, start)
            if not norm(step):
                break
            assign(maximizer.parameters, end)
            found = evaluate(same)
            gain = found.item() - height
            if gain > 0 and gain >= rise(step):
                return found, length
            length /= 2
        assign(maximizer.parameters, start)
        return None, length


def top_curvature(maximizer: Player, closure: Closure) -> Extreme:
    """Largest eigenvalue of f_yy, by Lanczos' method on Hessian-vector products.

    Parameters
    ----------
    maximizer : Player
    closure : callable

    Returns
    -------
    Extreme
    """
    (slope,) = gradients(evaluate(closure), maximizer, create_graph=True)
    parameters = maximizer.parameters
    return largest(lambda v: gradient(along(slope, v), parameters, retain_graph=True), parameters)
