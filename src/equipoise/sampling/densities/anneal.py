"""Optimisation by sampling: from densities that are easy to those that lie on the best points.

MALA on each density of a schedule, and the best point that any chain met: what counts is when a
good point is hit, not where chains end (Zhang, Liang, Charikar 2017, arXiv 1702.05575, for the
unadjusted chain; Mangoubi, Vishnoi 2019, arXiv 1902.08452, for MALA).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.sampling.chains import Chains, start
from equipoise.sampling.densities.langevin import MALA
from equipoise.sampling.densities.target import Target
from equipoise.sampling.densities.warm_up import warm_up
from equipoise.sampling.run import run

Array = NDArray[Any]


@dataclass(frozen=True)
class Stage:
    """What came of one density of a schedule.

    Attributes
    ----------
    identity : str
        The target's.
    step_size, acceptance : float
        MALA's after warm-up, and the share it then accepted.
    mean, best : float
        Of the objective over the draws of this density.
    """

    identity: str
    step_size: float
    acceptance: float
    mean: float
    best: float


@dataclass(frozen=True, eq=False)
class Annealed:
    """The best point met.

    Attributes
    ----------
    position : ndarray, shape (n,)
    value : float
        The objective there.
    stages : tuple of Stage
    """

    position: Array
    value: float
    stages: tuple[Stage, ...]


def anneal(
    targets: Sequence[Target],
    objective: Callable[[Array], Array],
    position: ArrayLike,
    *,
    seed: int,
    n_chains: int = 8,
    n_steps: int = 400,
) -> Annealed:
    """Run MALA on one density after another and keep the best point.

    Parameters
    ----------
    targets : sequence of Target
        From flat to peaked: of rising inverse temperature, and less and less smoothed.
    objective : callable
        What is to be small, of positions, shape (k, n), to values, (k,). It need not be smooth,
        nor be what the targets are made of.
    position : array_like, shape (n,) or (chains, n)
        Where chains start.
    seed : int
    n_chains : int
        How many, where there is one position.
    n_steps : int
        On each density, 40 at least; the first half learns its step size.

    Returns
    -------
    Annealed

    Raises
    ------
    ValueError
        If there is no target, the steps are too few, the objective gives NaN or another shape, or
        chains cannot start.
    """
    if not targets:
        raise ValueError("targets are empty: give one density at least")
    if n_steps < 40:
        raise ValueError(f"n_steps is 40 or more, not {n_steps}")
    n = np.shape(position)[-1] if np.ndim(position) else 0
    kernel = MALA(targets[0], MALA.usual_step(max(n, 1)))
    chains = start(kernel, position, seed=seed, n_chains=n_chains)
    best, value = _best(objective, chains.state["position"])
    stages = []
    for target in targets:
        kernel = MALA(target, kernel.step_size)
        ready = warm_up(kernel, _moved(chains, kernel), n_steps // 2, learn="step")
        kernel = ready.kernel
        chains, draws = run(kernel, ready.chains, n_steps - n_steps // 2)
        found = _checked(objective, draws.flat())
        if found.min() < value:
            best, value = draws.flat()[found.argmin()], float(found.min())
        stages.append(
            Stage(
                target.identity,
                kernel.step_size,
                float(draws.acceptance.mean()),
                float(found.mean()),
                float(found.min()),
            )
        )
    return Annealed(best, value, tuple(stages))


def _moved(chains: Chains, kernel: MALA) -> Chains:
    """The same positions and random numbers, for another kernel."""
    state = kernel.init(chains.state["position"])
    return Chains(state, chains.randomness, chains.n_draws, kernel.identity)


def _best(objective: Callable[[Array], Array], rows: Array) -> tuple[Array, float]:
    values = _checked(objective, rows)
    return rows[values.argmin()], float(values.min())


def _checked(objective: Callable[[Array], Array], rows: Array) -> Array:
    values = np.asarray(objective(rows), dtype=float)
    if values.shape != (len(rows),):
        raise ValueError(f"objective gives shape ({len(rows)},), a value a row, not {values.shape}")
    if np.isnan(values).any():
        raise ValueError("objective is NaN at a point that a chain reached")
    return values
