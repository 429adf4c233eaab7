"""The compiled loops of Gibbs sampling from a Gaussian, an exponential or both on a polytope."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from equipoise.sampling.loops.lines import REFRESH, TINY, go, refresh, steepest
from equipoise.sampling.loops.truncated import conditional

Array = NDArray[Any]


@numba.njit(cache=True, nogil=True)
def gibbs_dense(
    A: Array,
    b: Array,
    columns: Array,
    mean: Array,
    deviation: float,
    tilt: Array,
    x: Array,
    slack: Array,
    rng: np.random.Generator,
    done: int,
    thin: int,
    positions: Array,
) -> None:
    """Draw coordinates in turn from their conditional distributions.

    Parameters
    ----------
    A : ndarray, shape (m, n)
    b : ndarray, shape (m,)
    columns : ndarray, shape (n, m)
        A's.
    mean, tilt : ndarray, shape (n,)
    deviation : float
        Infinity for no Gaussian factor.
    x, slack : ndarray, shape (n,) and (m,)
        Where the chain is, and how far from the rows; written to.
    rng : numpy.random.Generator
    done : int
        Steps since the start.
    thin : int
    positions : ndarray, shape (draws, n)
        Written to.
    """
    n = A.shape[1]
    i = done % n
    for draw in range(len(positions)):
        for _ in range(thin):
            if done % REFRESH == 0:
                refresh(A, b, x, slack)
            done += 1
            column = columns[i]
            top, bottom = steepest(column, slack)
            t = conditional(1.0 / bottom, 1.0 / top, mean[i] - x[i], deviation, tilt[i], rng)
            x[i] += t
            go(slack, t, column)
            i = i + 1 if i + 1 < n else 0
        positions[draw] = x


@numba.njit(cache=True, nogil=True)
def gibbs_sparse(
    A: Array,
    b: Array,
    starts: Array,
    rows: Array,
    entries: Array,
    mean: Array,
    deviation: float,
    tilt: Array,
    x: Array,
    slack: Array,
    rng: np.random.Generator,
    done: int,
    thin: int,
    positions: Array,
) -> None:
    """The same from columns without their zeros.

    Parameters
    ----------
    A : ndarray, shape (m, n)
    b : ndarray, shape (m,)
    starts, rows, entries : ndarray
        A's columns: indptr, indices and data of CSC.
    mean, tilt : ndarray, shape (n,)
    deviation : float
        Infinity for no Gaussian factor.
    x, slack : ndarray, shape (n,) and (m,)
        Where the chain is, and how far from the rows; written to.
    rng : numpy.random.Generator
    done : int
    thin : int
    positions : ndarray, shape (draws, n)
        Written to.
    """
    n = A.shape[1]
    i = done % n
    for draw in range(len(positions)):
        for _ in range(thin):
            if done % REFRESH == 0:
                refresh(A, b, x, slack)
            done += 1
            first, last = starts[i], starts[i + 1]
            top, bottom = 0.0, 0.0
            for k in range(first, last):
                ratio = entries[k] / slack[rows[k]]
                top = max(top, ratio)
                bottom = min(bottom, ratio)
            t = conditional(1.0 / bottom, 1.0 / top, mean[i] - x[i], deviation, tilt[i], rng)
            x[i] += t
            for k in range(first, last):
                j = rows[k]
                slack[j] = max(slack[j] - t * entries[k], TINY)
            i = i + 1 if i + 1 < n else 0
        positions[draw] = x
