"""The size of a ball walk's steps."""

from __future__ import annotations

from dataclasses import replace

from equipoise.sampling.ball_walk import BallWalk
from equipoise.sampling.chains import Chains
from equipoise.sampling.run import run

_TARGET = 0.45  # of proposals accepted: two to three times the effective draws of small steps
_ROUNDS = 24
_STEPS = 400


def tuned(kernel: BallWalk, chains: Chains) -> tuple[BallWalk, Chains]:
    """Change the size of the steps until 45 % are accepted, then leave it.

    Rounds look at every row, since what is tried may be far too large. The chains go on from
    where the rounds left them; nothing that they did counts as a draw.

    Parameters
    ----------
    kernel : BallWalk
    chains : Chains
        Of this kernel.

    Returns
    -------
    kernel : BallWalk
        With its step_size set.
    chains : Chains
        Of that kernel.

    Raises
    ------
    ValueError
        If the chains are another kernel's.
    """
    if chains.identity != kernel.identity:
        raise ValueError(f"these chains are of {chains.identity}, not of {kernel.identity}")
    size = kernel.size
    gain = 2.0
    shape = kernel.uniform_steps
    for _ in range(_ROUNDS):
        trial = replace(kernel, rule="full", in_ball=shape, step_size=size)
        chains, tried = run(trial, replace(chains, identity=trial.identity), 1, thin=_STEPS)
        accepted = float(tried.acceptance.mean())
        bigger = accepted > _TARGET
        size = size * gain if bigger else size / gain
        if abs(accepted - _TARGET) < 0.15:
            gain = max(gain**0.7, 1.02)
    settled = replace(kernel, step_size=size)
    return settled, Chains(
        settled.init(chains.state["position"]), chains.randomness, 0, settled.identity
    )
