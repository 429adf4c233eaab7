"""Lamy, Zhong, Menon and Verma (NeurIPS 2019, arXiv 1901.10837): a tolerance that is shrunk.

Of two groups whose observed versions are mixtures of the true ones (mutual contamination), with
alpha = P(Z = 1 | Zhat = 0) and beta = P(Z = 0 | Zhat = 1), the difference of two means between the
observed groups is 1 - alpha - beta times that between the true ones. So a tolerance on the true
difference is kept by keeping one on the observed difference, smaller by that factor. It says
nothing of ratios, which do not shrink by a factor.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from equipoise.constraints import Constraint
from equipoise.noise import FlipMatrix

Array = NDArray[np.float64]

_RATES = ("selection", "true_positive")


def contamination(flips: FlipMatrix, observed: Array) -> tuple[float, float]:
    """How much of each observed group is of the other.

    Parameters
    ----------
    flips : FlipMatrix
        Of two groups.
    observed : ndarray, shape (2,)
        Shares of the observed groups, among the rows that a rate is of.

    Returns
    -------
    alpha, beta : float
        P(Z = 1 | Zhat = 0) and P(Z = 0 | Zhat = 1).

    Raises
    ------
    ValueError
        If there are not two groups.
    """
    if len(flips) != 2:
        raise ValueError(
            f"contamination is of two groups, and there are {len(flips)}: {flips.names}."
        )
    true = observed @ flips.inverse
    of_other = flips.p_flip * true[:, None] / observed[None]
    return float(of_other[1, 0]), float(of_other[0, 1])


def shrunk(promise: Constraint, alpha: float, beta: float) -> Constraint:
    """The promise to make of the observed groups.

    Parameters
    ----------
    promise : Constraint
        An upper bound of a gap of selection or true positives, of the true groups.
    alpha, beta : float

    Returns
    -------
    Constraint

    Raises
    ------
    ValueError
        For any other promise, or if the observed groups tell nothing: alpha + beta >= 1.
    """
    if promise.disparity.kind != "gap" or promise.disparity.rate.name not in _RATES:
        raise ValueError(f"{promise} is not a gap of {' or '.join(_RATES)}, which alone shrink so.")
    if not alpha + beta < 1:
        raise ValueError(f"alpha + beta = {alpha + beta:g} must be below 1.")
    return replace(promise, bound=promise.bound * (1 - alpha - beta))
