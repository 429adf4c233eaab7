"""Rounding as published: by draws from the body within a ball that grows until it cuts no more."""

from __future__ import annotations

from dataclasses import replace
from math import inf, nan, sqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from equipoise.sampling.ball import uniform_in_ball
from equipoise.sampling.ball_walk import BallWalk
from equipoise.sampling.body import Body
from equipoise.sampling.chains import Chains, start
from equipoise.sampling.diagnostics import ess_bulk
from equipoise.sampling.draws import Draws, join
from equipoise.sampling.ellipsoid import Ellipsoid
from equipoise.sampling.run import run

Array = NDArray[Any]

# Effective draws a dimension. By an estimate from k of them the ratio of deviations is off by a
# factor of (1 + 1 / sqrt k) / (1 - 1 / sqrt k): 1.9 does on the way, and 1.4 at its end.
_ON_THE_WAY, _AT_THE_END = 10, 40
_GOOD = 2.0  # ratio of largest to smallest deviation that is round enough
_MOST_ROUNDS = 4  # without a ball
_MOST_DRAWS = 60  # for each effective one wanted
_CUTS = 0.01  # share of draws in the outermost tenth of the ball: below, it hardly cuts
_STEP = 2.0  # over the dimension: acceptance near 0.45 in a round body
_ACCEPTED = (0.3, 0.6)
_PILOTS, _PILOT_STEPS = 8, 200


class RoundingStage(NamedTuple):
    """A ball, and the draws from what the body and it have in common.

    Attributes
    ----------
    radius : float
        Of the ball, in the coordinates of the body given; infinite for none.
    near_wall : float
        Share of draws in the outermost tenth of that radius.
    ratio : float
        Largest over smallest standard deviation of the draws, in coordinates in which those of
        the stage before were round.
    effective : float
        Fewest effective draws along a principal axis.
    steps : int
        Of all chains.
    """

    radius: float
    near_wall: float
    ratio: float
    effective: float
    steps: int


class AnnealedRounding(NamedTuple):
    """A body, what is known of its roundness, and how it came about.

    Attributes
    ----------
    body : Body
    ratio : float
        Largest over smallest standard deviation of the draws that were looked at last, NaN if
        they were too few.
    effective : float
        Fewest effective draws along a principal axis among them.
    rounds : int
        How often the body was mapped.
    stages : tuple of RoundingStage
    """

    body: Body
    ratio: float
    effective: float
    rounds: int
    stages: tuple[RoundingStage, ...]


def round_annealed(
    body: Body, *, seed: int, growth: float = 2.0, n_chains: int = 4
) -> AnnealedRounding:
    """Map a body, however skew, so that its covariance is near the identity.

    The first stage is a ball within the body, whose covariance is known. Each that follows lets
    the ball grow, goes on by the ball walk from where the chains of the stage before stand, and
    maps by the square root of the inverse covariance of its draws, once ten of them a dimension
    are effective along every principal axis. When the ball hardly cuts any more it is left out;
    the body is then mapped by four times as many draws until it is round.

    This is the rounding of Mangoubi and Vishnoi (arXiv:1905.01745), of which we know at second
    hand. Two things are ours. The ball grows twofold, not by a factor of 2^(1/n) that keeps the
    volume of a stage within twice that before it: there are n times fewer stages, and whether a
    stage has mixed is measured, not proved. And the ball keeps its centre where the body's was
    given. :meth:`Polytope.prepare` rounds by an ellipsoid at a small fraction of the cost; this
    needs no linear algebra but the map's.

    Parameters
    ----------
    body : Body
        Need not be round.
    seed : int
    growth : float
        Of the ball's radius from stage to stage.
    n_chains : int

    Returns
    -------
    AnnealedRounding
        If a stage's draws were too few, the body as the stages before it left it.

    Raises
    ------
    ValueError
        If growth is not above one, or n_chains not positive.
    """
    if not 1 < growth < inf:
        raise ValueError(f"growth is above 1 and finite, not {growth}")
    if n_chains < 1:
        raise ValueError(f"n_chains is 1 or more, not {n_chains}")
    d = body.dimension
    radius = body.radius()
    matrix, origin = np.eye(d) * radius / sqrt(d + 2), np.zeros(d)
    position = uniform_in_ball(n_chains, d, radius=sqrt(d + 2), seed=seed)
    size = _STEP / d
    stages: list[RoundingStage] = []
    without = 0
    while True:
        now = body.mapped(matrix, body.centre + origin)
        radius = radius * growth
        ball = Ellipsoid(matrix, origin, radius) if radius < inf else None
        kernel = BallWalk(now, step_size=size, within=ball)
        chains = start(kernel, position, seed=seed + len(stages))
        kernel, chains = _settled(kernel, chains)
        size = kernel.size
        wanted = d * (_ON_THE_WAY if ball else _AT_THE_END)
        draws, effective = _enough(kernel, chains, wanted)
        flat = draws.flat()
        covariance = np.atleast_2d(np.cov(flat.T))
        spread = np.sqrt(np.linalg.eigvalsh(covariance))
        ratio = float(spread[-1] / spread[0]) if effective >= wanted else nan
        near = float((ball.norms(flat) > 0.9 * radius).mean()) if ball else 0.0
        stages.append(
            RoundingStage(radius, near, ratio, effective, int(draws.counts["steps"].sum()))
        )
        without += ball is None
        short = effective < wanted
        if short or (without and (ratio <= _GOOD or without > _MOST_ROUNDS)):
            # The ball that a body is begun with is a mapping too.
            return AnnealedRounding(now, ratio, effective, len(stages), tuple(stages))
        if near < _CUTS:
            radius = inf
        factor, middle = np.linalg.cholesky(covariance), flat.mean(axis=0)
        position = np.linalg.solve(factor, (draws.last - middle).T).T
        origin = origin + matrix @ middle
        matrix = np.tril(matrix @ factor)


def _settled(kernel: BallWalk, chains: Chains) -> tuple[BallWalk, Chains]:
    """The walk with steps of which about half are accepted, and its chains by then."""
    for _ in range(_PILOTS):
        chains, pilot = run(kernel, chains, 1, thin=_PILOT_STEPS)
        accepted = float(pilot.acceptance.mean())
        if _ACCEPTED[0] <= accepted <= _ACCEPTED[1]:
            break
        size = kernel.size * (1.5 if accepted > _ACCEPTED[0] else 1 / 1.5)
        kernel = replace(kernel, step_size=size)
        # On with the same random numbers: begun anew they would push the same way every time.
        state = kernel.init(chains.state["position"])
        chains = Chains(state, chains.randomness, 0, kernel.identity)
    return kernel, chains


def _enough(kernel: BallWalk, chains: Chains, wanted: int) -> tuple[Draws, float]:
    """Draws of which so many are effective along every principal axis, or all that were tried."""
    d = kernel.body.dimension
    thin = d * d // 4 + d  # so far a walk of steps of 2 / d comes in a round body
    each = max(50, wanted // chains.n_chains)
    chains, _ = run(kernel, chains, each // 2, thin=thin)
    parts: list[Draws] = []
    effective, drawn = 0.0, 0
    while effective < wanted and drawn * chains.n_chains < _MOST_DRAWS * wanted:
        chains, more = run(kernel, chains, max(each, drawn), thin=thin)
        parts.append(more)
        drawn += more.array.shape[1]
        together = join(parts)
        axes = np.linalg.eigh(np.atleast_2d(np.cov(together.flat().T)))[1]
        effective = float(ess_bulk(together.array @ axes).min())
    return join(parts), effective
