"""The greatest cut of small graphs, and its relaxation with a certificate."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_SWEEPS = 20_000
_STILL = 1e-13


def random_graph(n: int, rng: np.random.Generator) -> Array:
    """Weights of edges, of which half are there, uniform in [0, 1]; shape (n, n), symmetric.

    A cycle is always there, so that there is something to cut.
    """
    upper = np.triu(rng.random((n, n)) * (rng.random((n, n)) < 0.5), 1)
    upper[np.arange(n - 1), np.arange(1, n)] = 1.0
    upper[0, n - 1] = 1.0
    return np.asarray(upper + upper.T)


def greatest_cut(weights: Array) -> float:
    """By trying all 2^(n - 1) ways.

    Parameters
    ----------
    weights : ndarray, shape (n, n)

    Returns
    -------
    float
    """
    n = len(weights)
    signs = 1 - 2 * ((np.arange(2 ** (n - 1))[:, None] >> np.arange(n)) & 1)
    return float(cuts(weights, signs).max())


def cuts(weights: Array, signs: Array) -> Array:
    """Weight of the edges between the two sides.

    Parameters
    ----------
    weights : ndarray, shape (n, n)
    signs : ndarray, shape (r, n)
        1 and -1.

    Returns
    -------
    ndarray, shape (r,)
    """
    x = signs.astype(float)
    return np.asarray((weights.sum() - ((x @ weights) * x).sum(axis=1)) / 4)


def relax(weights: Array, seed: int) -> tuple[Array, float, float]:
    """Unit vectors in place of signs: the semidefinite relaxation of the greatest cut.

    By coordinates in turn: each vector is set against the weighted sum of the others. With
    sqrt(2 n) dimensions or more nothing is lost (Burer and Monteiro 2003). For any y the
    relaxation is at most (sum of weights + sum y + n * largest eigenvalue of -W - diag(y)) / 4,
    which proves how near to it the answer is.

    Parameters
    ----------
    weights : ndarray, shape (n, n)
        Not negative.
    seed : int
        Of the vectors begun with.

    Returns
    -------
    X : ndarray, shape (n, n)
        Products of the vectors.
    value, bound : float
    """
    n = len(weights)
    rng = np.random.default_rng(seed)
    v = rng.standard_normal((n, int(np.ceil(np.sqrt(2 * n))) + 1))
    v /= np.linalg.norm(v, axis=1, keepdims=True)
    for _ in range(_SWEEPS):
        moved = 0.0
        for i in range(n):
            pull = weights[i] @ v
            new = -pull / np.linalg.norm(pull)
            moved = max(moved, float(np.abs(new - v[i]).max()))
            v[i] = new
        if moved < _STILL:
            break
    X = v @ v.T
    np.fill_diagonal(X, 1.0)
    y = -(weights * X).sum(axis=1)
    top = float(np.linalg.eigvalsh(-weights - np.diag(y))[-1])
    value = float((weights.sum() - (weights * X).sum()) / 4)
    return X, value, float((weights.sum() + y.sum() + n * top) / 4)
