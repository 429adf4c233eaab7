r"""Wang, Guo, Narasimhan, Cotter, Gupta and Jordan (NeurIPS 2020, arXiv 2002.09343): soft groups.

Nobody knows who of those observed in a group is of another, only how many: P(Z = i | Zhat = j). So
the promise is kept for the worst assignment w(i | x, j) in [0, 1] with these shares, which may
depend on the decision. For fixed decisions the worst for the rate of group i takes the rows with
the largest chances first,

    max_w E[w f | j] = min_s  s P(Z = i | Zhat = j) + E[(f - s)_+ | j] ,

so that over cells it is a linear program with a variable for each cell and pair of groups (the
paper descends on a Lagrangian instead). No knowledge that errors are independent of features is
used, which is what makes it dear.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, eye_array, hstack, kron, vstack

from equipoise.constraints import Constraint
from equipoise.learn.noisy.by_cell import ByCell, fewest_errors
from equipoise.learn.noisy.errors import UnreachablePromiseError
from equipoise.noise import FlipMatrix

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class NoisyCells:
    """Rows by cell and observed group.

    Attributes
    ----------
    labels : ndarray, shape (k, 2)
        The share of rows of each cell and label.
    among : ndarray, shape (k, p)
        Of the rows that the rate is of, the share in each cell and observed group.
    flips : FlipMatrix
    """

    labels: Array
    among: Array
    flips: FlipMatrix


def soft_groups(cells: NoisyCells, promise: Constraint) -> ByCell:
    """The rule of cells with the fewest errors that keeps the promise for the worst assignment.

    Parameters
    ----------
    cells : NoisyCells
    promise : Constraint
        A gap or ratio of selection, true positives or false positives; ``cells.among`` is to be of
        the rows of that.

    Returns
    -------
    ByCell

    Raises
    ------
    ValueError
        For another promise.
    UnreachablePromiseError
        If no rule keeps it.
    """
    if promise.disparity.kind == "worst":
        raise ValueError(f"{promise} compares no groups; wanted a gap or a ratio.")
    k, p = cells.among.shape
    true = cells.among.sum(axis=0) @ cells.flips.inverse
    # Variables: f (k), level, then s (p p) and t (p p k) of the highest, and of the lowest rates.
    pairs = p * p
    of_tail = kron(csr_array(np.diag(1 / true)), csr_array(cells.among.T.reshape(1, -1)))
    # Of true group i, the s of pair (i, j) weighs P(Zhat = j | Z = i).
    of_s = csr_array(np.stack([np.kron(np.eye(p)[i], cells.flips.p_flip[i]) for i in range(p)]))
    nothing_s, nothing_t = csr_array((p, pairs)), csr_array((p, pairs * k))
    no_f = csr_array((p, k))
    tau = promise.bound
    ratio = promise.disparity.kind == "ratio"
    level = csr_array(np.full((p, 1), 1.0))
    highest = hstack(
        [no_f, -level / tau if ratio and tau else -level, of_s, of_tail, nothing_s, nothing_t]
    )
    lowest = hstack([no_f, level, nothing_s, nothing_t, -of_s, of_tail])
    spread = kron(csr_array(np.ones((pairs, 1))), eye_array(k))
    each_s = kron(eye_array(pairs), csr_array(np.ones((k, 1))))
    zero_l = csr_array((pairs * k, 1))
    zero_s, zero_t = csr_array((pairs * k, pairs)), csr_array((pairs * k, pairs * k))
    identity = eye_array(pairs * k)
    over = hstack([spread, zero_l, -each_s, -identity, zero_s, zero_t])  # f - s <= t
    under = hstack([-spread, zero_l, zero_s, zero_t, each_s, -identity])  # s - f <= t
    width = 0.0 if ratio else tau
    rows = [lowest, over, under]
    limits = [np.zeros(p), np.zeros(2 * pairs * k)]
    if not ratio or tau:
        rows.append(highest)
        limits.append(np.full(p, width))
    bounds = [(0, 1)] * (k + 1) + ([(0, 1)] * pairs + [(0, None)] * pairs * k) * 2
    found = fewest_errors(cells.labels, csr_array(vstack(rows)), np.concatenate(limits), bounds)
    if found is None:
        raise UnreachablePromiseError(
            f"no rule of the cells keeps {promise} whoever is in which group.", (), 0.0
        )
    return found
