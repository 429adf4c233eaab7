"""k centres for weighted points: several starts, of which the best is kept."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

from equipoise.cluster.sizes import read_tol, read_whole
from equipoise.coresets.lloyd import lloyd
from equipoise.coresets.seeding import draw_seeds

Array = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Search:
    """How centres are looked for.

    Attributes
    ----------
    n_clusters : int
        k.
    power : float
        z: 1 for k-median, 2 for k-means.
    n_init : int
        Starts.
    max_iter : int
        Rounds of each.
    tol : float
        A start ends when a round lowers the cost by no more than this share of it.
    """

    n_clusters: int
    power: float
    n_init: int
    max_iter: int
    tol: float


@dataclass(frozen=True, eq=False)
class Solved:
    """Centres that were found.

    Attributes
    ----------
    centres : ndarray, shape (k, d)
    cost : float
        Of the points at the nearest of them.
    n_iter : int
        Rounds of the start that found them.
    """

    centres: Array
    cost: float
    n_iter: int

    def is_like(self, other: Solved) -> bool:
        """Whether another start found the same, by its cost."""
        return abs(self.cost - other.cost) <= 1e-9 * other.cost


def read_search(n_clusters: Any, power: float, n_init: Any, max_iter: Any, tol: Any) -> Search:
    """Check what an estimator was asked for.

    Parameters
    ----------
    n_clusters, n_init, max_iter : int
    power : float
    tol : float

    Returns
    -------
    Search

    Raises
    ------
    ValueError
        If a number is none that can be.
    """
    return Search(
        read_whole(n_clusters, "n_clusters"),
        power,
        read_whole(n_init, "n_init"),
        read_whole(max_iter, "max_iter"),
        read_tol(tol),
    )


def read_seed(random_state: Any) -> np.random.SeedSequence:
    """The seed of an estimator, from what scikit-learn takes for one.

    Parameters
    ----------
    random_state : int, RandomState or None

    Returns
    -------
    SeedSequence
    """
    random = check_random_state(random_state)
    return np.random.SeedSequence(int(random.randint(np.iinfo(np.int32).max)))


def require_rows(n_rows: int, n_clusters: int) -> None:
    """Refuse fewer rows than clusters, in scikit-learn's words.

    Parameters
    ----------
    n_rows, n_clusters : int

    Raises
    ------
    ValueError
        If there are.
    """
    if n_rows < n_clusters:
        raise ValueError(
            f"n_samples={n_rows} should be >= n_clusters={n_clusters}: ask for fewer clusters, or "
            "give more rows."
        )


def solve(points: Array, weights: Array, search: Search, seed: np.random.SeedSequence) -> Solved:
    """The best centres of several starts.

    Parameters
    ----------
    points : ndarray, shape (m, d)
    weights : ndarray, shape (m,)
        Positive.
    search : Search
    seed : SeedSequence
        One seed gives the same bits, in whatever order the points come.

    Returns
    -------
    Solved
        Where points are fewer than centres, some centres are the same.
    """
    X, w, _ = distinct(points, weights)
    return min(
        (from_seeds(X, w, search, child) for child in children(seed, search.n_init)),
        key=lambda found: found.cost,
    )


def children(seed: np.random.SeedSequence, n: int) -> list[np.random.SeedSequence]:
    """Seeds for n things, the same ones whenever they are asked for.

    ``SeedSequence.spawn`` gives others the second time.

    Parameters
    ----------
    seed : SeedSequence
    n : int

    Returns
    -------
    list of SeedSequence
    """
    return [np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, i)) for i in range(n)]


def as_int(seed: np.random.SeedSequence) -> int:
    """A seed as a number.

    Parameters
    ----------
    seed : SeedSequence

    Returns
    -------
    int
    """
    return int(seed.generate_state(1, np.uint64)[0] >> 1)


def from_seeds(X: Array, w: Array, search: Search, seed: np.random.SeedSequence) -> Solved:
    """One start: points drawn as seeds, and rounds until no more is gained.

    Parameters
    ----------
    X : ndarray, shape (m, d)
        Distinct, or the same bits cannot be had of points in another order.
    w : ndarray, shape (m,)
        Positive.
    search : Search
    seed : SeedSequence

    Returns
    -------
    Solved
    """
    seeds = draw_seeds(X, w, search.n_clusters, search.power, np.random.default_rng(seed)).rows
    # Of fewer distinct points than centres the last ones are drawn in vain.
    rows = np.concatenate([seeds, np.full(search.n_clusters - len(seeds), seeds[-1])])
    return from_centres(X, w, search, X[rows])


def from_centres(X: Array, w: Array, search: Search, centres: Array) -> Solved:
    """Rounds from centres that are given, until no more is gained.

    Parameters
    ----------
    X, w, search
        As for :func:`from_seeds`.
    centres : ndarray, shape (k, d)

    Returns
    -------
    Solved
    """
    found, _, cost, rounds = lloyd(X, w, centres.copy(), search.power, search.max_iter, search.tol)
    return Solved(found, cost, max(rounds, 1))


def distinct(
    points: Array, weights: Array, collections: NDArray[Any] | None = None
) -> tuple[Array, Array, Integers]:
    """Points in an order of their own, those that are the same as one.

    So a weight of 3 is three copies, to the bit, and the order of rows makes no difference.

    Parameters
    ----------
    points : ndarray, shape (m, d)
    weights : ndarray, shape (m,)
    collections : ndarray of int, shape (m,), optional
        Points of several collections are not the same.

    Returns
    -------
    points : ndarray, shape (u, d)
    weights : ndarray, shape (u,)
    collections : ndarray of int64, shape (u,)
    """
    codes = np.zeros(len(points), np.int64) if collections is None else collections
    # The weights too, so that their sums do not depend on the order.
    order = np.lexsort((weights, *points.T[::-1], codes))
    X, w, c = points[order], weights[order], codes[order].astype(np.int64)
    new = np.ones(len(X), bool)
    new[1:] = (X[1:] != X[:-1]).any(axis=1) | (c[1:] != c[:-1])
    first = np.flatnonzero(new)
    return np.ascontiguousarray(X[first]), np.add.reduceat(w, first), c[first]


def warn_of_few_points(n_distinct: int, n_clusters: int) -> None:
    """Say that some clusters are empty because there are not so many points.

    Parameters
    ----------
    n_distinct, n_clusters : int
    """
    if n_distinct < n_clusters:
        warnings.warn(
            f"X has {n_distinct} distinct rows, so that of n_clusters={n_clusters} some are empty; "
            "ask for fewer.",
            ConvergenceWarning,
            stacklevel=3,
        )
