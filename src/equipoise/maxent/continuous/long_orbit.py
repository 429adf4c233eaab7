"""The Harish-Chandra-Itzykson-Zuber integral of any orbit, with as many digits as it takes."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Context, Decimal, localcontext
from math import factorial, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.maxent.continuous.domain import Moments
from equipoise.maxent.continuous.errors import NoConvergenceError

Array = NDArray[Any]
Matrix = list[list[Decimal]]

_APART = Decimal("1e-20")  # of the range: parameters nearer than that are moved apart by it
_AGREE = Decimal("1e-18")
_MOST_DIGITS = 20_000


def orbit_moments(parameter: Array, values: Sequence[float]) -> Moments:
    """Of the diagonal of U diag(values) U*, U Haar: log E exp sum(parameter * diagonal).

    The normaliser is det f_j(y_i) over the Vandermonde determinants of parameters and values, with
    f_j(y) = y^p exp(b y) for the p-th copy of a value b. Both nearly vanish where parameters are
    near to each other, and the quotient is then found by digits: equal parameters are moved apart
    symmetrically by 1e-20 of their range, which changes the quotient by its square, and
    the number of digits is doubled until the mean sums to the trace of the orbit, as it must.

    With N the matrix by which differentiation acts on the functions, F = (f_j(y_i)) and
    G = F N F^-1, the derivatives of log det F are G_ii and d_ij (G G)_ii - G_ij G_ji.

    Parameters
    ----------
    parameter : ndarray, shape (n,)
    values : sequence of float, length n

    Returns
    -------
    Moments

    Raises
    ------
    NoConvergenceError
        If 20 000 digits are not enough.
    """
    n = len(parameter)
    if min(values) == max(values):
        mean = np.full(n, float(values[0]))
        return Moments(float(parameter @ mean), mean, np.zeros((n, n)))
    spread = float(parameter.max() - parameter.min())
    if spread * max(map(abs, values)) < 1e-100:
        spread = 0.0
    digits = 60 + 4 * n
    while digits < _MOST_DIGITS:
        with localcontext(Context(prec=digits, Emin=-(10**9), Emax=10**9)):
            found = _look(_apart(parameter, spread, values), values)
        if found is not None:
            log, mean, covariance = found
            return Moments(log, mean, covariance)
        digits *= 2
    raise NoConvergenceError(f"{_MOST_DIGITS} digits are not enough for these parameters")


def _apart(parameter: Array, spread: float, values: Sequence[float]) -> list[Decimal]:
    size = Decimal(spread) if spread else 1 / Decimal(max(map(abs, values)))
    step = _APART * size
    order = np.argsort(parameter, kind="stable")
    sorted_ = [Decimal(float(parameter[i])) for i in order]
    moved: list[Decimal] = []
    first = 0
    for i in range(1, len(sorted_) + 1):
        if i == len(sorted_) or sorted_[i] - sorted_[i - 1] > step:
            block = sorted_[first:i]
            centre = sum(block, Decimal(0)) / len(block)
            half = Decimal(len(block) - 1) / 2
            moved += (
                block
                if len(block) == 1
                else [centre + step * (j - half) for j in range(len(block))]
            )
            first = i
    back: list[Decimal] = [Decimal(0)] * len(moved)
    for place, value in zip(order, moved, strict=True):
        back[place] = value
    return back


def _look(y: list[Decimal], values: Sequence[float]) -> tuple[float, Array, Array] | None:
    n = len(y)
    distinct = sorted(set(values))
    copies = [list(values).count(b) for b in distinct]
    rows, acted, log_b = [], [], Decimal(0)
    for a in y:
        row, slope = [], []
        for b, m in zip(distinct, copies, strict=True):
            grow = (Decimal(b) * a).exp()
            powers = [grow]
            for _ in range(m - 1):
                powers.append(powers[-1] * a)
            row += powers
            slope += [Decimal(b) * powers[p] + (p * powers[p - 1] if p else 0) for p in range(m)]
        rows.append(row)
        acted.append(slope)
    for i, b in enumerate(distinct):
        log_b += Decimal(prod(factorial(p) for p in range(copies[i]))).ln()
        for j in range(i):
            log_b += copies[i] * copies[j] * (Decimal(b) - Decimal(distinct[j])).ln()
    log_y = sum(((abs(y[i] - y[j])).ln() for i in range(n) for j in range(i)), Decimal(0))
    solved = _right_divided(acted, rows)
    if solved is None:
        return None
    G, log_det = solved
    log_p = Decimal(prod(factorial(p) for p in range(n))).ln()
    mean = [G[i][i] - sum(1 / (y[i] - y[j]) for j in range(n) if j != i) for i in range(n)]
    trace = sum(map(Decimal, values), Decimal(0))
    size = sum((abs(Decimal(b)) for b in values), Decimal(0))
    # The trace of G, which is known, tells how many digits its entries have; squares of them
    # cancel in the covariance, and they are large where parameters are close.
    steepest = max(abs(g) for row in G for g in row)
    if abs(sum(mean, Decimal(0)) - trace) > _AGREE * size / (1 + steepest) ** 2:
        return None
    covariance = [[-G[i][j] * G[j][i] for j in range(n)] for i in range(n)]
    for i in range(n):
        covariance[i][i] += sum((G[i][j] * G[j][i] for j in range(n)), Decimal(0))
        for j in range(i):
            bend = 1 / (y[i] - y[j]) ** 2
            covariance[i][j] -= bend
            covariance[j][i] -= bend
            covariance[i][i] += bend
            covariance[j][j] += bend
    return (
        float(log_p + log_det - log_y - log_b),
        np.array(mean, dtype=float),
        np.array(covariance, dtype=float),
    )


def _right_divided(left: Matrix, matrix: Matrix) -> tuple[Matrix, Decimal] | None:
    """Left times the inverse of a matrix, and the log of its absolute determinant.

    By elimination of columns with pivots from rows, on the transposed equations.
    """
    n = len(matrix)
    # Transposed: matrix' X = left', so that rows of the work are columns of both.
    work = [[matrix[i][j] for i in range(n)] + [left[i][j] for i in range(n)] for j in range(n)]
    log_det = Decimal(0)
    for c in range(n):
        pivot = max(range(c, n), key=lambda r: abs(work[r][c]))
        work[c], work[pivot] = work[pivot], work[c]
        if not work[c][c]:
            return None
        log_det += abs(work[c][c]).ln()
        row = work[c]
        inverse = 1 / row[c]
        for r in range(c + 1, n):
            factor = work[r][c] * inverse
            if factor:
                work[r][c:] = [a - factor * b for a, b in zip(work[r][c:], row[c:], strict=True)]
    solution: Matrix = [[]] * n
    for c in range(n - 1, -1, -1):
        right = work[c][n:]
        for later in range(c + 1, n):
            factor = work[c][later]
            right = [a - factor * b for a, b in zip(right, solution[later], strict=True)]
        solution[c] = [a / work[c][c] for a in right]
    return [[solution[j][i] for j in range(n)] for i in range(n)], log_det
