"""Steps of the ring game: written by hand, by our methods, and by another package."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from benchmarks.constrained_peers import installed
from benchmarks.minmax_problem import RATES, Ring, batch
from equipoise.optim.minmax import MinMaxOptimizer

Loop = Callable[[], object]
PEER = "CGDs ACGD"


def ours(ring: Ring, method: Callable[..., MinMaxOptimizer], **settings: Any) -> Loop:
    """A step of a method on a new batch."""
    optimizer = method(*ring.optimizers(), **settings)
    return lambda: optimizer.step(ring.closure())


def by_hand(ring: Ring, k: int) -> Loop:
    """The loop of alternating descent-ascent that a user would write around the same function."""
    descent, ascent = ring.optimizers()
    x, y = list(ring.generator.parameters()), list(ring.discriminator.parameters())

    def step() -> None:
        value = ring.closure()
        value().backward(inputs=x)
        descent.step()
        descent.zero_grad()
        for _ in range(k):
            (-value()).backward(inputs=y)
            ascent.step()
            ascent.zero_grad()

    return step


def by_hand_for_this_game(ring: Ring, k: int) -> Loop:
    """The same with what is known of this game.

    The generator's loss is of generated rows alone, and they are the same for all of the ascent.
    """
    descent, ascent = ring.optimizers()
    x, y = list(ring.generator.parameters()), list(ring.discriminator.parameters())
    bce = torch.nn.functional.softplus

    def step() -> None:
        rows, noise = batch()
        (-bce(ring.discriminator(ring.generator(noise))).mean()).backward(inputs=x)
        descent.step()
        descent.zero_grad()
        with torch.no_grad():
            fakes = ring.generator(noise)
        for _ in range(k):
            d = ring.discriminator
            (bce(-d(rows)).mean() + bce(d(fakes)).mean()).backward(inputs=y)
            ascent.step()
            ascent.zero_grad()

    return step


def peers() -> dict[str, Loop]:
    """Adaptive competitive gradient descent of the package CGDs, if it is installed."""
    if not installed("CGDs"):
        return {}
    from CGDs import ACGD

    ring = Ring()
    optimizer = ACGD(
        ring.discriminator.parameters(),
        ring.generator.parameters(),
        lr_max=RATES["discriminator"],
        lr_min=RATES["generator"],
    )
    return {PEER: lambda: optimizer.step(ring.closure()())}
