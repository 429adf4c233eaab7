"""How far the dual is from its minimum, proved from one Newton step."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.maxent.continuous.domain import Domain

Array = NDArray[Any]


def gap_bound(domain: Domain, mean: Array, step: Array, decrement: float) -> float:
    """An upper bound of F - F*, the dual log E exp<y, x> - <y, a> over its minimum.

    Two proofs, of which the sharper one that applies is taken.

    *Self-concordance.* Where the log-normaliser is, and d < 1, F - F* <= -d - log(1 - d)
    (Nesterov and Nemirovskii 1994).

    *Weak duality.* For any prior at all: multiply the tilted density by 1 + <h, x - g>, with h the
    Newton step and g the tilted mean. That has mean a exactly. If it is not negative on the domain
    it is a feasible point of the primal, whose value differs from F by E (1 + t) log(1 + t)
    <= E t^2 = d^2.

    Parameters
    ----------
    domain : Domain
    mean : ndarray, shape (n,)
        g, of the tilted law.
    step : ndarray, shape (n,)
        h.
    decrement : float
        d: the square root of <h, covariance h>.

    Returns
    -------
    float
        Infinite where neither proof applies: far from the minimum. In exact arithmetic; values
        of F themselves are rounded.
    """
    bound = np.inf
    if domain.self_concordant and decrement < 1:
        # -d - log(1 - d) loses all its digits for small d; its series is d^2 / 2 + d^3 / 3 + ...
        series = decrement**2 * (0.5 + decrement / 3 + decrement**2 / 2)
        bound = series if decrement < 1e-3 else float(-decrement - np.log1p(-decrement))
    if domain.support(-step) + float(step @ mean) <= 1:
        bound = min(bound, decrement**2)
    return float(bound)
