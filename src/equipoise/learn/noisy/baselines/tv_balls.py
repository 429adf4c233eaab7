"""Distributionally robust groups of Wang et al. (NeurIPS 2020, arXiv 2002.09343): balls.

The rows of a true group are distributed as those observed in it, but for a share gamma: they lie in
a ball of total variation around them, with gamma_i = P(Z != i | Zhat = i) where nothing else is
known. So the promise is kept for the worst distribution in each ball. For a rule f on cells with
distribution q that moves a mass gamma from where f is smallest to where it is largest,

    max E f = gamma max f + min_s ((1 - gamma) s + E_q (f - s)_+) ,

so that, again, over cells it is a linear program. It is the coarser of the paper's two proposals,
beside :func:`equipoise.learn.noisy.baselines.soft_groups`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, eye_array, hstack, kron, vstack

from equipoise.constraints import Constraint
from equipoise.learn.noisy.baselines.wang import NoisyCells
from equipoise.learn.noisy.by_cell import ByCell, fewest_errors
from equipoise.learn.noisy.errors import UnreachablePromiseError

Array = NDArray[np.float64]


def mistaken(cells: NoisyCells) -> Array:
    """How many of those observed in each group are of another.

    Parameters
    ----------
    cells : NoisyCells

    Returns
    -------
    ndarray, shape (p,)
        P(Z != i | Zhat = i), among the rows that the rate is of.
    """
    observed = cells.among.sum(axis=0)
    true = observed @ cells.flips.inverse
    return np.asarray(1 - np.diag(cells.flips.p_flip) * true / observed)


def robust_groups(cells: NoisyCells, promise: Constraint, radii: Array) -> ByCell:
    """The rule of cells with the fewest errors that keeps the promise for the worst in all balls.

    Parameters
    ----------
    cells : NoisyCells
    promise : Constraint
        A gap or ratio of selection, true positives or false positives; ``cells.among`` is to be of
        the rows of that.
    radii : ndarray, shape (p,)
        gamma of each group, from 0 to 1.

    Returns
    -------
    ByCell

    Raises
    ------
    ValueError
        For another promise, or radii out of range.
    UnreachablePromiseError
        If no rule keeps it.
    """
    if promise.disparity.kind == "worst":
        raise ValueError(f"{promise} compares no groups; wanted a gap or a ratio.")
    if ((radii < 0) | (radii > 1)).any():
        raise ValueError(f"radii must lie between 0 and 1, not {radii}.")
    k, p = cells.among.shape
    ratio, tau = promise.disparity.kind == "ratio", promise.bound
    own = (cells.among / cells.among.sum(axis=0)).T
    # Variables: f (k), level; extremes, s (p) and t (p k) of the highest rates, then of the lowest.
    means = csr_array(kron(eye_array(p), np.ones((1, k))).multiply(own.ravel()[None]))
    block = hstack([np.diag(radii), np.diag(1 - radii), means])
    no_f, nothing, level = csr_array((p, k)), csr_array(block.shape), np.ones((p, 1))
    highest = hstack([no_f, -level / tau if ratio and tau else -level, block, nothing])
    lower = hstack([-np.diag(radii), -np.diag(1 - radii), means])
    lowest = hstack([no_f, level, nothing, lower])
    rows, limits = [lowest], [np.zeros(p)]
    if not ratio or tau:
        rows.append(highest)
        limits.append(np.full(p, 0.0 if ratio else tau))
    spread, each = kron(np.ones((p, 1)), eye_array(k)), kron(eye_array(p), np.ones((k, 1)))
    none, unmoved = csr_array((p * k, 1)), csr_array((p * k, p))
    other = csr_array((p * k, block.shape[1]))
    identity, no_t = eye_array(p * k), csr_array((p * k, p * k))
    rows += [
        hstack([spread, none, -each, unmoved, no_t, other]),  # f <= largest
        hstack([spread, none, unmoved, -each, -identity, other]),  # f - s <= t
        hstack([-spread, none, other, each, unmoved, no_t]),  # smallest <= f
        hstack([-spread, none, other, unmoved, each, -identity]),  # s - f <= t
    ]
    limits.append(np.zeros(4 * p * k))
    bounds = [(0, 1)] * (k + 1) + ([(0, 1)] * (2 * p) + [(0, None)] * (p * k)) * 2
    found = fewest_errors(cells.labels, csr_array(vstack(rows)), np.concatenate(limits), bounds)
    if found is None:
        raise UnreachablePromiseError(
            f"no rule of the cells keeps {promise} whatever lies in the balls.", (), 0.0
        )
    return found
