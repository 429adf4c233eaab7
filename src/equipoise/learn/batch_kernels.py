"""Loss and rates of a batch, and their gradient, as one pass over its rows on the CPU.

For the small networks and batches that tables call for, a dozen torch operations on a few hundred
numbers cost more than the network itself.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@numba.njit(cache=True)
def outside(codes: Array, most: int) -> bool:
    """Whether there is a code below 0, or of this or above.

    Parameters
    ----------
    codes : ndarray of int64, shape (n,)
    most : int

    Returns
    -------
    bool
    """
    for code in codes:  # noqa: SIM110  (any() is not compiled)
        if code < 0 or code >= most:
            return True
    return False


@numba.njit(cache=True)
def tabulate(
    logits: Array,
    label: Array,
    codes: Array,
    weights: Array,
    rate_weights: Array,
    numerator: Array,
    denominator: Array,
    with_loss: bool,
    objective: Array,
    values: Array,
    soft: Array,
    cells: Array,
) -> int:
    """Write mean loss, counted and expected rates, and probabilities.

    Compiled code does not look whether a place is within an array, so each label and code is
    looked at here, before it is a place, and the gradient is computed from copies of them that
    nobody else can change in between.

    Parameters
    ----------
    logits : ndarray, shape (r, b, k)
    label, codes : ndarray of int64, shape (r, b)
        Class and group of each row.
    weights, rate_weights : ndarray, shape (r, b), or (0, 0) for none
        What each row counts in the loss, and in the rates.
    numerator, denominator : ndarray, shape (c, k, k)
        Over (label, prediction) cells.
    with_loss : bool
        Whether the groups' losses are the last component.
    objective : ndarray, shape (r,)
        Written to.
    values : ndarray, shape (4, r, c or c + 1, g)
        Written to: counted numerators and denominators, and expected ones.
    soft : ndarray, shape (r, b, k)
        Written to: probabilities.
    cells : ndarray of int64, shape (2, r, b)
        Written to: label and code.

    Returns
    -------
    int
        The number of the first row, of r x b, whose label or code is out of range, where it
        stopped; otherwise -1.
    """
    replicates, batch, k = logits.shape
    n_groups, n_counted = values.shape[3], numerator.shape[0]
    for r in range(replicates):
        table = np.zeros((2, n_groups, k, k))
        losses = np.zeros((2, n_groups))
        total = 0.0
        for i in range(batch):
            y, g = label[r, i], codes[r, i]
            if y < 0 or y >= k or g < 0 or g >= n_groups:
                return r * batch + i
            cells[0, r, i] = y
            cells[1, r, i] = g
            best = 0
            for p in range(1, k):
                if logits[r, i, p] > logits[r, i, best]:
                    best = p
            highest = logits[r, i, best]
            mass = 0.0
            for p in range(k):
                soft[r, i, p] = np.exp(logits[r, i, p] - highest)
                mass += soft[r, i, p]
            for p in range(k):
                soft[r, i, p] /= mass
            loss = np.log(mass) - (logits[r, i, y] - highest)
            total += loss * weights[r, i] if weights.size else loss
            counts = rate_weights[r, i] if rate_weights.size else 1.0
            table[0, g, y, best] += counts
            for p in range(k):
                table[1, g, y, p] += counts * soft[r, i, p]
            losses[0, g] += counts * loss
            losses[1, g] += counts
        objective[r] = total / batch
        for g in range(n_groups):
            for kind in range(2):
                for c in range(n_counted):
                    top, bottom = 0.0, 0.0
                    for y in range(k):
                        for p in range(k):
                            top += numerator[c, y, p] * table[kind, g, y, p]
                            bottom += denominator[c, y, p] * table[kind, g, y, p]
                    values[2 * kind, r, c, g] = top / batch
                    values[2 * kind + 1, r, c, g] = bottom / batch
                if with_loss:
                    values[2 * kind, r, n_counted, g] = losses[0, g] / batch
                    values[2 * kind + 1, r, n_counted, g] = losses[1, g] / batch
    return -1


@numba.njit(cache=True)
def pull_back(
    by_objective: Array,
    by_proxy: Array,
    soft: Array,
    cells: Array,
    weights: Array,
    rate_weights: Array,
    numerator: Array,
    denominator: Array,
    with_loss: bool,
    gradient: Array,
) -> None:
    """Write the gradient with respect to the logits.

    Parameters
    ----------
    by_objective : ndarray, shape (r,)
    by_proxy : ndarray, shape (2, r, c or c + 1, g)
        What a unit of each expected numerator and denominator counts.
    soft, cells, weights, rate_weights, numerator, denominator, with_loss
        As :func:`tabulate` had or wrote them.
    gradient : ndarray, shape (r, b, k)
        Written to.
    """
    replicates, batch, k = soft.shape
    n_groups, n_counted = by_proxy.shape[3], numerator.shape[0]
    for r in range(replicates):
        pull = np.zeros((n_groups, k, k))
        for g in range(n_groups):
            for c in range(n_counted):
                top, bottom = by_proxy[0, r, c, g], by_proxy[1, r, c, g]
                if top == 0.0 and bottom == 0.0:
                    continue
                for y in range(k):
                    for p in range(k):
                        pull[g, y, p] += numerator[c, y, p] * top + denominator[c, y, p] * bottom
        for i in range(batch):
            y, g = cells[0, r, i], cells[1, r, i]
            of_loss = by_objective[r] * (weights[r, i] if weights.size else 1.0)
            counts = rate_weights[r, i] if rate_weights.size else 1.0
            if with_loss:
                of_loss += by_proxy[0, r, n_counted, g] * counts
            middle = 0.0
            for p in range(k):
                middle += pull[g, y, p] * soft[r, i, p]
            for p in range(k):
                of_row = soft[r, i, p] * (counts * (pull[g, y, p] - middle) + of_loss)
                gradient[r, i, p] = of_row / batch
            gradient[r, i, y] -= of_loss / batch
