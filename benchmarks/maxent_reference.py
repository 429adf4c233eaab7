"""Normalisers in as many digits as it takes, by mpmath, for comparison."""

from __future__ import annotations

from typing import Any

import mpmath
from numpy.typing import NDArray

mp = mpmath.mp


def log_divided_difference(nodes: NDArray[Any] | list[float], digits: int = 80) -> Any:
    """Log of (n - 1)! exp[nodes], nodes equal or not, from the exponential of a matrix.

    Its entries are not negative, so that its series and squares cancel nothing.
    """
    n = len(nodes)
    with mp.workdps(digits + n):
        values = [mp.mpf(float(node)) for node in nodes]
        low = min(values)
        matrix = mp.matrix(n, n)
        for i, value in enumerate(values):
            matrix[i, i] = value - low
            if i + 1 < n:
                matrix[i, i + 1] = 1
        return mp.log(mp.expm(matrix, method="taylor")[0, n - 1]) + low + mp.loggamma(n)


def log_residues(nodes: NDArray[Any] | list[float], digits: int) -> Any:
    """The same as a sum over residues, of distinct nodes, in very many digits."""
    with mp.workdps(digits):
        _, residues = _residues(nodes)
        return mp.log(mp.fsum(residues)) + mp.loggamma(len(nodes))


def log_hciz(nodes: NDArray[Any] | list[float], k: int, digits: int) -> Any:
    """Log E exp tr(Y P) over Haar projections of rank k; nodes are distinct eigenvalues of Y."""
    with mp.workdps(digits):
        n = len(nodes)
        values, residues = _residues(nodes)
        moments = [
            mp.fsum(r * a**power for r, a in zip(residues, values, strict=True))
            for power in range(2 * k - 1)
        ]
        hankel = mp.matrix(k, k)
        for i in range(k):
            for j in range(k):
                hankel[i, j] = moments[i + j]
        factor = mp.fsum(mp.loggamma(p + 1) for p in range(n - k, n))
        factor -= mp.fsum(mp.loggamma(p + 1) for p in range(1, k))
        return mp.log(abs(mp.det(hankel))) + factor


def _residues(nodes: NDArray[Any] | list[float]) -> tuple[list[Any], list[Any]]:
    values = [mp.mpf(float(node)) for node in nodes]
    residues = [
        mp.exp(a) / mp.fprod(a - b for j, b in enumerate(values) if j != i)
        for i, a in enumerate(values)
    ]
    return values, residues
