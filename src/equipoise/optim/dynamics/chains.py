"""Many chains at once: of optimizers step by step, and of their stochastic equations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from equipoise.optim.dynamics.problem import Array, Problem, gradient_variance
from equipoise.optim.dynamics.rules import SGD, RMSProp, Rule


@np.errstate(over="ignore", invalid="ignore")  # of a chain that diverges, which is said in the end
def run_chains(
    problem: Problem,
    rule: Rule,
    start: Array,
    steps: int | Sequence[int],
    *,
    batch: int = 1,
    seed: int = 0,
) -> Array:
    """Run an optimizer on batches of rows that are drawn anew at each step of each chain.

    Parameters
    ----------
    problem : Problem
    rule : Rule
    start : ndarray, shape (chains,) or (chains, d)
    steps : int or sequence of int
        After how many steps chains are looked at, in rising order.
    batch : int
        Rows.
    seed : int

    Returns
    -------
    ndarray, shape (looks, chains, ...), or (chains, ...) for one number of steps

    Raises
    ------
    ValueError
        If numbers are out of their range.
    FloatingPointError
        If a chain diverges.
    """
    looks = _looks(steps, batch)
    random = np.random.default_rng(seed)
    w = np.array(start, np.float64)
    state = rule.start(w)
    found = []
    for step in range(1, looks[-1] + 1):
        share = random.binomial(batch, problem.p0, len(w)) / batch
        w, *kept = rule.step(w, problem.gradient(w, share), state)
        state = tuple(kept)
        if step in looks:
            found.append(w)
    return _finite(found, steps)


@np.errstate(over="ignore", invalid="ignore")
def run_diffusion(
    problem: Problem,
    rule: SGD | RMSProp,
    start: Array,
    steps: int | Sequence[int],
    *,
    batch: int = 1,
    substeps: int = 1,
    seed: int = 0,
) -> Array:
    """Euler-Maruyama chains of the stochastic differential equation of SGD or RMSProp.

    In the form of Malladi et al. 2022 (arXiv 2205.10287): the batch's gradient is its mean plus
    normal noise of its variance, and v goes towards that variance, which the mean gradient is taken
    to be nothing beside. A step of the optimizer takes a time of rate, or of rate^2 for RMSProp.

    Parameters
    ----------
    problem : Problem
    rule : SGD or RMSProp
        Without momentum.
    start : ndarray, shape (chains,) or (chains, d)
    steps : int or sequence of int
        Of the optimizer.
    batch : int
    substeps : int
        Euler-Maruyama steps to a step of the optimizer.
    seed : int

    Returns
    -------
    ndarray
        As of :func:`run_chains`.

    Raises
    ------
    ValueError
        If numbers are out of their range, or the rule has no such equation here.
    FloatingPointError
        If a chain diverges.
    """
    looks = _looks(steps, batch)
    if substeps < 1:
        raise ValueError(f"substeps must be at least 1, not {substeps}.")
    if not isinstance(rule, SGD | RMSProp) or (isinstance(rule, SGD) and rule.momentum):
        raise ValueError(f"rule must be RMSProp or SGD without momentum, not {rule!r}.")
    random = np.random.default_rng(seed)
    w = np.array(start, np.float64)
    square = np.zeros_like(w) + rule.start_square if isinstance(rule, RMSProp) else None
    found = []
    for step in range(1, looks[-1] + 1):
        for _ in range(substeps):
            variance = gradient_variance(problem, w, batch)
            noise = np.sqrt(variance) * random.standard_normal(w.shape)
            move = problem.gradient(w, problem.p0) / substeps + noise / np.sqrt(substeps)
            if isinstance(rule, RMSProp):
                assert square is not None
                square = square + (1 - rule.beta) / substeps * (variance - square)
                move = move / (np.sqrt(square) + rule.eps)
            w = w - rule.rate * move
        if step in looks:
            found.append(w)
    return _finite(found, steps)


def _looks(steps: int | Sequence[int], batch: int) -> list[int]:
    looks = [steps] if isinstance(steps, int) else list(steps)
    if not looks or looks[0] < 1 or looks != sorted(set(looks)):
        raise ValueError(f"steps must be numbers from 1 up, in rising order, not {steps!r}.")
    if batch < 1:
        raise ValueError(f"batch must be at least 1, not {batch}.")
    return looks


def _finite(found: list[Array], steps: int | Sequence[int]) -> Array:
    if not all(np.isfinite(w).all() for w in found):
        raise FloatingPointError("a chain diverged: take a smaller rate.")
    return found[0] if isinstance(steps, int) else np.stack(found)
