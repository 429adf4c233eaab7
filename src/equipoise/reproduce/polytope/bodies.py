"""Polytopes of which something is known exactly."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, special

from equipoise.sampling import Polytope

Array = NDArray[Any]

# Volumes of the polytopes of doubly stochastic n x n matrices, n = 3 to 10, each times
# ((n - 1)^2)!, without their last row and column: Beck, Pixton 2003; OEIS A037302.
_BIRKHOFF = {
    3: 3,
    4: 352,
    5: 4718075,
    6: 14666561365176,
    7: 17832560768358341943028,
    8: 12816077964079346687829905128694016,
    9: 7658969897501574748537755050756794492337074203099,
    10: 5091038988117504946842559205930853037841762820367901333706255223000,
}


def cube(n: int) -> Polytope:
    """[-1, 1]^n."""
    return Polytope(bounds=[(-1, 1)] * n)


def simplex(n: int) -> Polytope:
    """{x >= 0, sum x <= 1}."""
    return Polytope(np.ones((1, n)), [1.0], bounds=[(0, None)] * n)


def ordered(n: int) -> Polytope:
    """{0 <= x_1 <= ... <= x_n <= 1}."""
    differences = sparse.eye_array(n - 1, n) - sparse.eye_array(n - 1, n, k=1)
    return Polytope(differences, np.zeros(n - 1), bounds=[(0, 1)] * n)


def cross(n: int) -> Polytope:
    """{sum |x| <= 1}, by its 2^n rows."""
    signs = 1 - 2 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)
    return Polytope(signs, np.ones(2**n))


def birkhoff(n: int) -> Polytope:
    """Doubly stochastic matrices, without their last row and column."""
    k = n - 1
    ones = np.ones((1, k))
    return Polytope(
        np.vstack([np.kron(np.eye(k), ones), np.kron(ones, np.eye(k)), -np.ones((1, k * k))]),
        np.concatenate([np.ones(2 * k), [2.0 - n]]),
        bounds=[(0, None)] * (k * k),
    )


def random_rows(m: int, n: int, seed: int) -> tuple[Array, Array]:
    """{a_j . x <= 1} with uniform directions a_j.

    Returns
    -------
    A : ndarray, shape (m, n)
    b : ndarray, shape (m,)
    """
    A = np.random.default_rng([seed, m, n]).standard_normal((m, n))
    return A / np.linalg.norm(A, axis=1, keepdims=True), np.ones(m)


def rotation(n: int, seed: int) -> Array:
    """An orthogonal matrix."""
    return np.asarray(np.linalg.qr(np.random.default_rng([seed, n]).standard_normal((n, n)))[0])


def log_volume(name: str, n: int) -> float:
    """Of the bodies above, in the coordinates in which they are stated.

    Parameters
    ----------
    name : {"cube", "simplex", "ordered", "cross", "birkhoff"}
    n : int

    Returns
    -------
    float
    """
    factorial = float(special.gammaln(n + 1))
    known = {
        "cube": n * np.log(2),
        "simplex": -factorial,
        "ordered": -factorial,
        "cross": n * np.log(2) - factorial,
    }
    if name in known:
        return float(known[name])
    return float(np.log(float(_BIRKHOFF[n])) - special.gammaln((n - 1) ** 2 + 1))
