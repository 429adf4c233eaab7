"""Hamiltonian Monte Carlo with a fixed number of leapfrog steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import scipy
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
class HMC:
    """Hamiltonian Monte Carlo: fresh momentum, leapfrog steps, accepted by the error of energy.

    With one leapfrog step of length eta and no jitter it is :class:`MALA` with step size
    ``eta^2 / 2``, to rounding.

    Parameters
    ----------
    target : Target
    step_size : float
        eta, the length of a leapfrog step, in coordinates scaled by the metric.
    metric : Metric
    n_leapfrog : int
        Leapfrog steps, hence gradients, a step.
    jitter : float
        Each step's eta is uniform within this share of the step size. Without it, where half a
        period of the motion in some direction fits into the path, chains only change sign there.

    Raises
    ------
    ValueError
        If the step size is not a positive number, there is no leapfrog step, or the jitter is not
        in [0, 1).
    """

    target: Target
    step_size: float
    metric: Metric = Metric()  # noqa: RUF009  (frozen)
    n_leapfrog: int = 5
    jitter: float = 0.2

    best_acceptance: ClassVar[float] = 0.651  # Beskos and others 2013
    counters: ClassVar[tuple[str, ...]] = COUNTERS
    together: ClassVar[bool] = True

    def __post_init__(self) -> None:
        must_be_step(self.step_size)
        if self.n_leapfrog < 1:
            raise ValueError(f"n_leapfrog is 1 or more, not {self.n_leapfrog}")
        if not 0 <= self.jitter < 1:
            raise ValueError(f"jitter lies in [0, 1), not {self.jitter!r}")

    @property
    def identity(self) -> str:
        """Target, step size, metric, the number of leapfrog steps and the jitter."""
        settings = f"{self.step_size!r}, {self.metric.identity}, {self.n_leapfrog}, {self.jitter!r}"
        return f"HMC({settings}) of {self.target.identity}"

    @staticmethod
    def usual_step(n: int) -> float:
        """A step size for n coordinates in which the target has variance about one."""
        return float(n**-0.25)

    def init(self, position: Array) -> State:
        """State of chains at the start; see :class:`equipoise.sampling.Kernel`."""
        return begin(self.target, self.metric, position, gradient=True)

    def step(self, state: State, generators: Sequence[np.random.Generator]) -> State:
        """State one step later; see :class:`equipoise.sampling.Kernel`."""
        return self.advance(state, draw_noise(generators, 1, state["position"].shape[1] + 2)[0])

    def draw(
        self, state: State, generators: Sequence[np.random.Generator], n_draws: int, thin: int
    ) -> tuple[State, Array, Array | None]:
        """Many steps at once; see :class:`equipoise.sampling.BlockKernel`."""
        width = state["position"].shape[1] + 2
        return draw_steps(self.advance, width, state, generators, n_draws, thin)

    def advance(self, state: State, noise: Array) -> State:
        """State one step later, from its noise.

        Parameters
        ----------
        state : State
        noise : ndarray, shape (chains, n + 2)
            Normal numbers: the momentum, one for the step size, one to decide on the proposal.

        Returns
        -------
        State
        """
        momentum = noise[:, :-2]
        eta = self.step_size * (1 + self.jitter * (2 * scipy.special.ndtr(noise[:, -2:-1]) - 1))
        x, density, gradient = state["position"], state["log_density"], state["gradient"]
        with np.errstate(invalid="ignore", over="ignore"):
            kinetic = (momentum**2).sum(axis=1) / 2
            for _ in range(self.n_leapfrog):
                momentum = momentum + eta / 2 * self.metric.pull(gradient)
                x = x + self.metric.spread(eta * momentum)
                density, gradient = self.target.evaluate(x)
                momentum = momentum + eta / 2 * self.metric.pull(gradient)
            ratio = density - state["log_density"] + kinetic - (momentum**2).sum(axis=1) / 2
        proposed = {"position": x, "log_density": density, "gradient": gradient}
        return settle(state, proposed, ratio, noise[:, -1], gradients=self.n_leapfrog)
