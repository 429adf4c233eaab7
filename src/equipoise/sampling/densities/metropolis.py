"""What all kernels on log-densities share: a start, accepting or not, and many steps at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from equipoise.sampling.densities.metric import Metric
from equipoise.sampling.densities.target import Target
from equipoise.sampling.kernel import State

Array = NDArray[Any]

Advance = Callable[[State, Array], State]
"""From a state and normal numbers, shape (chains, width), to the state one step later."""

COUNTERS = ("steps", "accepted", "gradients", "divergent")

_MOST_ERROR = 1000.0  # of energy: no chain recovers by chance from a step that is that far off
_NUMBERS = 1_000_000  # of noise at once: some 8 MB


def begin(target: Target, metric: Metric, position: Array, *, gradient: bool) -> State:
    """The state of chains at their start.

    Parameters
    ----------
    target : Target
    metric : Metric
    position : ndarray, shape (chains, n)
    gradient : bool
        Whether the kernel follows gradients, which are then kept with the position.

    Returns
    -------
    State

    Raises
    ------
    ValueError
        If the density or its gradient is not finite there, or the metric does not fit.
    """
    metric.must_fit(position.shape[1])
    kept: dict[str, Array] = {"position": position}
    if gradient:
        kept["log_density"], kept["gradient"] = target.evaluate(position)
    else:
        kept["log_density"] = target.log_density(position)
    for name, values in kept.items():
        wrong = ~np.isfinite(values.reshape(len(values), -1)).all(axis=1)
        if wrong.any():
            raise ValueError(
                f"chain {int(wrong.argmax())} cannot start at its position: the {name} of "
                f"{target.identity} is {values[wrong.argmax()]} there"
            )
    nothing = np.zeros(len(position), dtype=np.int64)
    counted = dict.fromkeys(COUNTERS, nothing)
    if gradient:
        counted["gradients"] = nothing + 1
    return kept | {"acceptance": np.ones(len(position))} | counted


def settle(
    state: State, proposed: Mapping[str, Array], log_ratio: Array, noise: Array, gradients: int
) -> State:
    """Accept the proposal with probability min(1, exp(log_ratio)), chain by chain.

    A proposal of density zero is rejected. So is one whose ratio is NaN, whose density or gradient
    is infinite, or whose error of energy is above 1000 where gradients are followed, and it
    counts as divergent.

    Parameters
    ----------
    state : State
    proposed : mapping
        The entries of the state that move with the position.
    log_ratio : ndarray, shape (chains,)
    noise : ndarray, shape (chains,)
        Normal; its distribution function is the uniform number that decides.
    gradients : int
        That the step has cost.

    Returns
    -------
    State
    """
    outside = np.isneginf(proposed["log_density"])
    # A walk that does not follow the energy may well lose much of it.
    most = _MOST_ERROR if gradients else np.inf
    divergent = ~outside & ~((log_ratio >= -most) & (log_ratio < np.inf))
    ratio = np.where(outside | divergent, -np.inf, log_ratio)
    accept = scipy.special.log_ndtr(noise) < ratio
    moved = {
        name: np.where(accept.reshape(-1, *(1,) * (values.ndim - 1)), values, state[name])
        for name, values in proposed.items()
    }
    return moved | {
        "acceptance": np.exp(np.minimum(ratio, 0.0)),
        "steps": state["steps"] + 1,
        "accepted": state["accepted"] + accept,
        "gradients": state["gradients"] + gradients,
        "divergent": state["divergent"] + divergent,
    }


def draw_steps(
    advance: Advance,
    width: int,
    state: State,
    generators: Sequence[np.random.Generator],
    n_draws: int,
    thin: int,
) -> tuple[State, Array, Array | None]:
    """Take n_draws * thin steps with noise drawn ahead; see :class:`BlockKernel`.

    Each step takes ``width`` normal numbers from each chain's generator, so that the noise of many
    steps drawn at once is that of one after another.

    Parameters
    ----------
    advance : callable
    width : int
    state : State
    generators : sequence of numpy.random.Generator
    n_draws, thin : int

    Returns
    -------
    state : State
    positions : ndarray, shape (chains, n_draws, n)
    log_density : ndarray, shape (chains, n_draws)
    """
    chains, n = state["position"].shape
    positions, densities = np.empty((chains, n_draws, n)), np.empty((chains, n_draws))
    at_once, total, done = max(1, _NUMBERS // (chains * width)), n_draws * thin, 0
    while done < total:
        for noise in draw_noise(generators, min(at_once, total - done), width):
            state = advance(state, noise)
            done += 1
            if done % thin == 0:
                positions[:, done // thin - 1] = state["position"]
                densities[:, done // thin - 1] = state["log_density"]
    return state, positions, densities


def draw_noise(generators: Sequence[np.random.Generator], count: int, width: int) -> Array:
    """Normal numbers for some steps.

    Parameters
    ----------
    generators : sequence of numpy.random.Generator
    count, width : int

    Returns
    -------
    ndarray, shape (count, chains, width)
    """
    return np.stack([one.standard_normal((count, width)) for one in generators], axis=1)


def must_be_step(step_size: float) -> None:
    """Check a step size.

    Parameters
    ----------
    step_size : float

    Raises
    ------
    ValueError
        If it is not a positive, finite number.
    """
    if not (np.isfinite(step_size) and step_size > 0):
        raise ValueError(f"step_size is a positive number, not {step_size!r}")
