"""Equations that can be solved one by one, before any factorisation."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import scipy
from numpy.typing import NDArray

Array = NDArray[Any]

_FOLLOWS = 1e-10  # of the largest coefficient: with no other left, an equation follows from others
_PIVOT = 0.1  # of the largest coefficient of an equation: below, it is not solved for


class Peeling(NamedTuple):
    """What is left of sparse equations when the easy ones are taken away.

    Attributes
    ----------
    fixed : ndarray of int
        Variables that are the last of some equation, and so are constant.
    solved : tuple of (row, variable)
        Equations each with a variable that is in none after it, nor in the core: given all other
        variables, the last of them is solved first.
    rows, variables : ndarray of int
        The core: equations, and variables neither fixed nor solved for.
    """

    fixed: Array
    solved: tuple[tuple[int, int], ...]
    rows: Array
    variables: Array


def peel(A: scipy.sparse.csr_array) -> Peeling:
    """Take away equations with one variable, and then variables with one equation, again and again.

    Neither fills anything in. Of the equations of a metabolic network a tenth is left, or less.

    Parameters
    ----------
    A : scipy.sparse.csr_array, shape (k, n)
        Without stored zeros.

    Returns
    -------
    Peeling
    """
    k, n = A.shape
    within: list[set[int]] = [
        set(A.indices[A.indptr[i] : A.indptr[i + 1]].tolist()) for i in range(k)
    ]
    of: list[set[int]] = [set() for _ in range(n)]
    for i, variables in enumerate(within):
        for j in variables:
            of[j].add(i)
    fixed: list[int] = []
    largest = abs(A).max(axis=1).toarray().ravel()
    waiting = [i for i in range(k) if len(within[i]) == 1]
    while waiting:
        i = waiting.pop()
        if not within[i]:
            continue
        (j,) = within[i]
        if abs(A[i, j]) < _FOLLOWS * largest[i]:
            within[i] = set()
            of[j].discard(i)
            continue
        fixed.append(j)
        for row in of[j]:
            within[row].discard(j)
            if len(within[row]) == 1:
                waiting.append(row)
        of[j].clear()
    solved: list[tuple[int, int]] = []
    waiting = [j for j in range(n) if len(of[j]) == 1]
    while waiting:
        j = waiting.pop()
        if len(of[j]) != 1:
            continue
        (i,) = of[j]
        if abs(A[i, j]) < _PIVOT * largest[i]:
            continue
        solved.append((i, j))
        for variable in within[i]:
            of[variable].discard(i)
            if len(of[variable]) == 1:
                waiting.append(variable)
        within[i] = set()
    left = np.ones(n, dtype=bool)
    left[fixed] = False
    left[[j for _, j in solved]] = False
    rows = [i for i in range(k) if within[i]]
    return Peeling(
        np.array(fixed, dtype=int), tuple(solved), np.array(rows, int), np.flatnonzero(left)
    )
