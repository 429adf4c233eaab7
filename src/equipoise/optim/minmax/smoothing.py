"""The greedy max function, truncated at a point and smoothed by a Gaussian."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from scipy.stats import chi
from torch import Tensor

from equipoise.optim.minmax.player import Closure, Player, evaluate
from equipoise.optim.minmax.response import Response
from equipoise.optim.optimizer_snapshot import OptimizerSnapshot
from equipoise.optim.passes import assign, buffers_kept
from equipoise.optim.streams import Streams
from equipoise.optim.vectors import Vector, norm, plus


class GreedyValue:
    """h(x, y): the value where the maximizer's answer to x, from one y, ends.

    Every call starts from the same y and random numbers.

    Parameters
    ----------
    maximizer : Player
        At the y to start from.
    closure : callable
    response : Response
    devices : iterable of torch.device
        Of both players.
    """

    def __init__(self, minimizer: Player, maximizer: Player, closure: Closure, response: Response):
        self._maximizer = maximizer
        self._closure = closure
        self._response = response
        self._start = OptimizerSnapshot(maximizer.optimizer)
        self._streams = Streams(p.device for p in minimizer.parameters + maximizer.parameters)
        self._noise = self._streams.get()

    def __call__(self) -> float:
        """The value at the present x; y is left where the answer ends.

        Returns
        -------
        float
            Infinite where there is no answer: the minimizer cannot count on anything there.
        """
        before = self._streams.get()
        self._start.restore()
        try:
            with buffers_kept():
                self._streams.set(self._noise)
                try:
                    answer = self._response.answer(self._maximizer, self._closure)
                    self._streams.set(self._noise)
                    with torch.no_grad():
                        value = evaluate(self._closure).item()
                except FloatingPointError:
                    return float("inf")
        finally:
            self._streams.set(before)
        return value if answer.reached else float("inf")

    def back(self) -> None:
        """Take y back to the start."""
        self._start.restore()


@dataclass(frozen=True)
class Draws:
    """Antithetic draws of the truncated greedy value around a point.

    Attributes
    ----------
    z : list of list of Tensor
        n directions, each shaped as x; the j-th is of the j-th shell, from the inside out.
    plus, minus : list of float
        min(h(x + sigma z), h(x)) - h(x), and that of -z.
    """

    z: list[Vector]
    plus: list[float]
    minus: list[float]


def draw(
    h: GreedyValue,
    height: float,
    x: Sequence[Tensor],
    sigma: float,
    n_pairs: int,
) -> Draws:
    """Look around x, in torch's streams.

    Truncation comes before smoothing: smoothing alone can move a minimum. For the draws see
    :func:`directions`.

    Parameters
    ----------
    h : GreedyValue
    height : float
        What the value is truncated at.
    x : sequence of Tensor
        Parameters of the minimizer; they are as before afterwards, and so is y.
    sigma : float
    n_pairs : int

    Returns
    -------
    Draws
    """
    start = [p.detach().clone() for p in x]
    found = Draws([], [], [])
    try:
        for z in directions(start, n_pairs):
            found.z.append(z)
            for sign, values in ((sigma, found.plus), (-sigma, found.minus)):
                assign(x, plus(start, sign, z))
                values.append(min(h() - height, 0.0))
    finally:
        assign(x, start)
        h.back()
    return found


def directions(x: Sequence[Tensor], n: int) -> list[Vector]:
    """Normal vectors, one from each of n shells of equal probability.

    A mean over them is one over the normal distribution, and what makes the derivatives of a
    smoothing uncertain is much less so: they weigh a draw by its squared length, and independent
    draws hold too many or too few of the rare long ones.

    Parameters
    ----------
    x : sequence of Tensor
        What they are shaped as.
    n : int

    Returns
    -------
    list of list of Tensor
    """
    d = sum(part.numel() for part in x)
    levels = (torch.arange(n) + torch.rand(n, dtype=torch.float64)) / n
    lengths = chi.ppf(levels.numpy(), d)
    found = []
    for length in lengths:
        z = [torch.randn_like(part) for part in x]
        found.append([part * (length / norm(z)) for part in z])
    return found


def slope(draws: Draws, sigma: float) -> Vector:
    """Gradient of the smoothing, the mean of z (m(z) - m(-z)) / (2 sigma).

    Parameters
    ----------
    draws : Draws
    sigma : float

    Returns
    -------
    list of Tensor
    """
    total = [torch.zeros_like(part) for part in draws.z[0]]
    for z, a, b in zip(draws.z, draws.plus, draws.minus, strict=True):
        total = plus(total, (a - b) / (2 * sigma * len(draws.z)), z)
    return total
