"""Random-walk Metropolis: steps that know nothing of the gradient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from equipoise.sampling.densities.metric import Metric
from equipoise.sampling.densities.metropolis import (
    COUNTERS,
    begin,
    draw_noise,
    draw_steps,
    must_be_step,
    settle,
)
from equipoise.sampling.densities.target import Target
from equipoise.sampling.kernel import State

Array = NDArray[Any]


@dataclass(frozen=True)
class RandomWalk:
    """Random-walk Metropolis with normal proposals.

    Parameters
    ----------
    target : Target
        Its gradient is never asked for.
    step_size : float
        Standard deviation of a proposal in each coordinate, scaled by the metric.
    metric : Metric

    Raises
    ------
    ValueError
        If the step size is not a positive number.
    """

    target: Target
    step_size: float
    metric: Metric = Metric()  # noqa: RUF009  (frozen)

    best_acceptance: ClassVar[float] = 0.234  # Roberts, Gelman, Gilks 1997
    counters: ClassVar[tuple[str, ...]] = COUNTERS
    together: ClassVar[bool] = True

    def __post_init__(self) -> None:
        must_be_step(self.step_size)

    @property
    def identity(self) -> str:
        """Target, step size and metric."""
        return f"RandomWalk({self.step_size!r}, {self.metric.identity}) of {self.target.identity}"

    @staticmethod
    def usual_step(n: int) -> float:
        """A step size for n coordinates in which the target has variance about one."""
        return 2.38 * n**-0.5

    def init(self, position: Array) -> State:
        """State of chains at the start; see :class:`equipoise.sampling.Kernel`."""
        return begin(self.target, self.metric, position, gradient=False)

    def step(self, state: State, generators: Sequence[np.random.Generator]) -> State:
        """State one step later; see :class:`equipoise.sampling.Kernel`."""
        return self.advance(state, draw_noise(generators, 1, state["position"].shape[1] + 1)[0])

    def draw(
        self, state: State, generators: Sequence[np.random.Generator], n_draws: int, thin: int
    ) -> tuple[State, Array, Array | None]:
        """Many steps at once; see :class:`equipoise.sampling.BlockKernel`."""
        width = state["position"].shape[1] + 1
        return draw_steps(self.advance, width, state, generators, n_draws, thin)

    def advance(self, state: State, noise: Array) -> State:
        """State one step later, from its noise.

        Parameters
        ----------
        state : State
        noise : ndarray, shape (chains, n + 1)
            Normal numbers, the last of which decides on the proposal.

        Returns
        -------
        State
        """
        with np.errstate(invalid="ignore", over="ignore"):
            y = state["position"] + self.metric.spread(self.step_size * noise[:, :-1])
            density = self.target.log_density(y)
            ratio = density - state["log_density"]
        proposed = {"position": y, "log_density": density}
        return settle(state, proposed, ratio, noise[:, -1], gradients=0)
