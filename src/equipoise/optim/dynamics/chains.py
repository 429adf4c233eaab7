"""Many chains at once: of optimizers step by step, and of their stochastic equations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from equipoise.optim.dynamics.problem import Problem, gradient_variance
from equipoise.optim.stacked import SGD, RMSProp, Rule
from equipoise.optim.stacked.rule import State

Steps = int | Sequence[int]
"""After how many steps chains are looked at, in rising order."""


def run_chains(
    problem: Problem,
    rule: Rule,
    rate: float,
    start: Tensor,
    steps: Steps,
    *,
    batch: int = 1,
    seed: int = 0,
    begin_with: Mapping[str, Tensor | float] | None = None,
) -> Tensor:
    """Run an optimizer on batches of rows that are drawn anew at each step of each chain.

    A chain is a replicate of :mod:`equipoise.optim.stacked`.

    Parameters
    ----------
    problem : Problem
    rule : Rule
    rate : float
        The learning rate.
    start : Tensor, shape (chains,) or (chains, d)
    steps : int or sequence of int
        After how many steps chains are looked at, in rising order.
    batch : int
        Rows.
    seed : int
    begin_with : mapping, optional
        What the rule begins with in place of zeros, such as ``{"square": v}``.

    Returns
    -------
    Tensor, shape (looks, chains, ...), or (chains, ...) for one number of steps

    Raises
    ------
    ValueError
        If numbers are out of their range.
    FloatingPointError
        If a chain diverges.
    """
    draw = torch.Generator().manual_seed(seed)
    _require(rate, batch)
    rates = start.new_full((len(start),), rate)
    state: State = {k: torch.zeros_like(start) + v for k, v in (begin_with or {}).items()}

    def move(w: Tensor, step: int) -> Tensor:
        share = _shares(problem.p0, batch, len(w), draw).to(w)
        slope = problem.gradient(w, share)
        (direction,) = rule.directions([slope], [w], [state], step, rates)
        return w - rate * direction

    return _followed(move, start, steps)


def run_diffusion(
    problem: Problem,
    rule: SGD | RMSProp,
    rate: float,
    start: Tensor,
    steps: Steps,
    *,
    batch: int = 1,
    substeps: int = 1,
    seed: int = 0,
    start_square: Tensor | float = 0.0,
) -> Tensor:
    """Euler-Maruyama chains of the stochastic differential equation of SGD or RMSProp.

    In the form of Malladi et al. 2022 (arXiv 2205.10287): the batch's gradient is its mean plus
    normal noise of its variance, and v goes towards that variance, which the mean gradient is taken
    to be nothing beside. A step of the optimizer takes a time of rate, or of rate^2 for RMSProp.

    Parameters
    ----------
    problem : Problem
    rule : SGD or RMSProp
        Without momentum.
    rate : float
    start : Tensor, shape (chains,) or (chains, d)
    steps : int or sequence of int
        Of the optimizer.
    batch : int
    substeps : int
        Euler-Maruyama steps to a step of the optimizer.
    seed : int
    start_square : Tensor or float
        Where RMSProp's v starts.

    Returns
    -------
    Tensor
        As of :func:`run_chains`.

    Raises
    ------
    ValueError
        If numbers are out of their range, or the rule has no such equation here.
    FloatingPointError
        If a chain diverges.
    """
    if substeps < 1:
        raise ValueError(f"substeps must be at least 1, not {substeps}.")
    plain = SGD(), RMSProp(getattr(rule, "beta", 0.0), getattr(rule, "eps", 0.0))
    if rule not in plain:
        raise ValueError(f"rule must be SGD() or RMSProp without momentum, not {rule!r}.")
    _require(rate, batch)
    draw = torch.Generator().manual_seed(seed)
    square = torch.zeros_like(start) + start_square

    def move(w: Tensor, _: int) -> Tensor:
        for _ in range(substeps):
            variance = gradient_variance(problem, w, batch)
            noise = torch.randn(w.shape, generator=draw, dtype=w.dtype) * variance.sqrt()
            way = problem.gradient(w, problem.p0) / substeps + noise / substeps**0.5
            if isinstance(rule, RMSProp):
                square.lerp_(variance, (1 - rule.beta) / substeps)
                way = way / (square.sqrt() + rule.eps)
            w = w - rate * way
        return w

    return _followed(move, start, steps)


def _shares(p0: float, batch: int, chains: int, draw: torch.Generator) -> Tensor:
    """Of each chain's batch, the rows of the first group."""
    if batch == 1:
        return torch.rand(chains, generator=draw) < p0
    count = torch.full((chains,), float(batch), dtype=torch.float64)
    return torch.binomial(count, torch.full_like(count, p0), generator=draw) / batch


def _followed(move: Callable[[Tensor, int], Tensor], start: Tensor, steps: Steps) -> Tensor:
    looks = [steps] if isinstance(steps, int) else list(steps)
    if not looks or looks[0] < 1 or looks != sorted(set(looks)):
        raise ValueError(f"steps must be numbers from 1 up, in rising order, not {steps!r}.")
    w, found = start.clone(), []
    for step in range(1, looks[-1] + 1):
        w = move(w, step)
        if step in looks:
            found.append(w)
    if not all(bool(w.isfinite().all()) for w in found):
        raise FloatingPointError("a chain diverged: take a smaller rate.")
    return found[0] if isinstance(steps, int) else torch.stack(found)


def _require(rate: float, batch: int) -> None:
    if not 0 < rate < float("inf"):
        raise ValueError(f"rate must be positive and finite, not {rate}.")
    if batch < 1:
        raise ValueError(f"batch must be at least 1, not {batch}.")
