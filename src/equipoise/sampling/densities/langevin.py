"""Steps along the gradient with noise: MALA, and ULA, which does not correct itself."""

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
class MALA:
    """The Metropolis-adjusted Langevin algorithm: Mangoubi, Vishnoi 2019, arXiv 1902.08452.

    With U = -log density, step size h and normal v, the proposal is
    ``y = x - h grad U(x) + sqrt(2h) v``, accepted with probability
    ``min(1, pi(y) q(x | y) / (pi(x) q(y | x)))``. That is one leapfrog step of length
    ``eta = sqrt(2h)`` with fresh momentum v, accepted by its error of energy. The drift back is
    computed from v, not from the difference of x and y, which cancels where h is small. The
    gradient at the position is kept: a step costs one.

    Parameters
    ----------
    target : Target
    step_size : float
        h, in coordinates scaled by the metric. See :func:`curvature_step` for a first guess.
    metric : Metric
        The step is taken in the coordinates z of x = C z. By default x itself.

    Raises
    ------
    ValueError
        If the step size is not a positive number.
    """

    target: Target
    step_size: float
    metric: Metric = Metric()  # noqa: RUF009  (frozen)

    best_acceptance: ClassVar[float] = 0.574  # in many dimensions: Roberts, Rosenthal 1998
    counters: ClassVar[tuple[str, ...]] = COUNTERS
    together: ClassVar[bool] = True

    def __post_init__(self) -> None:
        must_be_step(self.step_size)

    @property
    def identity(self) -> str:
        """Target, step size and metric."""
        return f"MALA({self.step_size!r}, {self.metric.identity}) of {self.target.identity}"

    @staticmethod
    def usual_step(n: int) -> float:
        """A step size for n coordinates in which the target has variance about one.

        Of a normal target the error of energy is ``eta^3 v . x / 4``, with standard deviation
        ``eta^3 sqrt(n) / 4``, and 1.124 of that accept .574 of proposals.
        """
        return 1.36 * n ** (-1 / 3)

    def init(self, position: Array) -> State:
        """State of chains at the start; see :class:`equipoise.sampling.Kernel`."""
        return begin(self.target, self.metric, position, gradient=True)

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
        h, v = self.step_size, noise[:, :-1]
        here = self.metric.pull(state["gradient"])
        with np.errstate(invalid="ignore", over="ignore"):
            y = state["position"] + self.metric.spread(h * here + np.sqrt(2 * h) * v)
            density, gradient = self.target.evaluate(y)
            back = v + np.sqrt(h / 2) * (here + self.metric.pull(gradient))
            kinetic = ((v**2).sum(axis=1) - (back**2).sum(axis=1)) / 2
            ratio = density - state["log_density"] + kinetic
        proposed = {"position": y, "log_density": density, "gradient": gradient}
        return settle(state, proposed, ratio, noise[:, -1], gradients=1)


@dataclass(frozen=True)
class ULA:
    """The unadjusted Langevin algorithm: MALA's proposals, all accepted.

    It does not keep the target: of a normal coordinate with variance one, for instance, it keeps
    variance ``1 / (1 - h / 2)``. It is here to be compared with.

    Parameters
    ----------
    target : Target
    step_size : float
    metric : Metric

    Raises
    ------
    ValueError
        If the step size is not a positive number.
    FloatingPointError
        From its steps, if a chain leaves for infinity or reaches a point without a gradient.
    """

    target: Target
    step_size: float
    metric: Metric = Metric()  # noqa: RUF009  (frozen)

    counters: ClassVar[tuple[str, ...]] = COUNTERS
    together: ClassVar[bool] = True

    def __post_init__(self) -> None:
        must_be_step(self.step_size)

    @property
    def identity(self) -> str:
        """Target, step size and metric."""
        return f"ULA({self.step_size!r}, {self.metric.identity}) of {self.target.identity}"

    def init(self, position: Array) -> State:
        """State of chains at the start; see :class:`equipoise.sampling.Kernel`."""
        return begin(self.target, self.metric, position, gradient=True)

    def step(self, state: State, generators: Sequence[np.random.Generator]) -> State:
        """State one step later; see :class:`equipoise.sampling.Kernel`."""
        return self.advance(state, draw_noise(generators, 1, state["position"].shape[1])[0])

    def draw(
        self, state: State, generators: Sequence[np.random.Generator], n_draws: int, thin: int
    ) -> tuple[State, Array, Array | None]:
        """Many steps at once; see :class:`equipoise.sampling.BlockKernel`."""
        width = state["position"].shape[1]
        return draw_steps(self.advance, width, state, generators, n_draws, thin)

    def advance(self, state: State, noise: Array) -> State:
        """State one step later, from its noise.

        Parameters
        ----------
        state : State
        noise : ndarray, shape (chains, n)
            Normal numbers.

        Returns
        -------
        State

        Raises
        ------
        FloatingPointError
            If a chain has diverged.
        """
        h = self.step_size
        with np.errstate(invalid="ignore", over="ignore"):
            drift = h * self.metric.pull(state["gradient"])
            y = state["position"] + self.metric.spread(drift + np.sqrt(2 * h) * noise)
            density, gradient = self.target.evaluate(y)
        lost = ~(np.isfinite(density) & np.isfinite(gradient).all(axis=1))
        if lost.any():
            chain = int(lost.argmax())
            raise FloatingPointError(
                f"chain {chain} of {self.identity} diverged at step {state['steps'][chain] + 1}: "
                f"its log-density is {density[chain]}. Take a smaller step size, or MALA"
            )
        return {
            "position": y,
            "log_density": density,
            "gradient": gradient,
            "acceptance": state["acceptance"],
            "steps": state["steps"] + 1,
            "accepted": state["accepted"] + 1,
            "gradients": state["gradients"] + 1,
            "divergent": state["divergent"],
        }
