"""Rounding by the covariance of draws, where enough of them are effective."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from equipoise.sampling.billiard import Billiard
from equipoise.sampling.body import Body
from equipoise.sampling.chains import start
from equipoise.sampling.diagnostics import ess_bulk
from equipoise.sampling.draws import Draws, join
from equipoise.sampling.run import run

Array = NDArray[Any]

_PER_DIMENSION = 10  # effective draws: with fewer the estimate is less round than the body
_TRIES = 4  # runs of twice as many draws as must be effective
_GOOD = 2.0  # ratio of largest to smallest deviation that is round enough


class Isotropic(NamedTuple):
    """A body, and what is known of its roundness.

    Attributes
    ----------
    body : Body
    ratio : float
        Largest over smallest standard deviation of the draws that were looked at last, NaN if
        they were too few.
    effective : float
        Fewest effective draws of a coordinate among them.
    rounds : int
        How often the body was mapped.
    """

    body: Body
    ratio: float
    effective: float
    rounds: int


def isotropic(body: Body, *, seed: int, max_rounds: int = 3, n_chains: int = 4) -> Isotropic:
    """Map a body so that its covariance is near the identity.

    Each round draws by a billiard, and maps only if there are ten effective draws a dimension:
    from fewer, the estimated covariance is further from the true one than that is from round.
    Eighty draws a dimension, and some, are tried at most.

    Parameters
    ----------
    body : Body
        Already rounded by its ellipsoid.
    seed : int
    max_rounds : int
    n_chains : int

    Returns
    -------
    Isotropic

    Raises
    ------
    ValueError
        If max_rounds is negative.
    """
    if max_rounds < 0:
        raise ValueError(f"max_rounds is 0 or more, not {max_rounds}")
    rounds = 0
    while True:
        kernel = Billiard(body)
        begun = start(kernel, body.centre, seed=seed + rounds, n_chains=n_chains)
        wanted = _PER_DIMENSION * body.dimension
        each = -(-2 * wanted // n_chains) + 20
        chains, _ = run(kernel, begun, max(20, each // 5))
        parts: list[Draws] = []
        effective = 0.0
        while effective < wanted and len(parts) < _TRIES:
            chains, more = run(kernel, chains, each)
            parts.append(more)
            effective = float(ess_bulk(join(parts).array).min())
        if effective < wanted:
            return Isotropic(body, float("nan"), effective, rounds)
        covariance = np.atleast_2d(np.cov(join(parts).flat().T))
        spread = np.sqrt(np.linalg.eigvalsh(covariance))
        ratio = float(spread[-1] / spread[0])
        if ratio <= _GOOD or rounds == max_rounds:
            return Isotropic(body, ratio, effective, rounds)
        body = body.mapped(np.linalg.cholesky(covariance), body.centre)
        rounds += 1
