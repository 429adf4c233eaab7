"""Families of centres to try a coreset with: those that are found in use, and hostile ones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.coresets.checks import as_count, as_points, as_power, as_weights
from equipoise.coresets.lloyd import refine
from equipoise.coresets.seeding import draw_seeds

Floats = NDArray[np.float64]

_STEPS = 5
_PERTURBED = 0.1
_CLUMP = 0.05


def centre_families(
    points: ArrayLike,
    n_clusters: int,
    *,
    weights: ArrayLike | None = None,
    power: float = 2.0,
    n_sets: int = 8,
    seed: int | np.random.SeedSequence = 0,
) -> dict[str, Floats]:
    """Sets of k centres of several kinds, since each kind finds other faults in a coreset.

    Parameters
    ----------
    points : array-like of float, shape (n, d)
        At least one.
    n_clusters : int
        k.
    weights : array-like of float, shape (n,), optional
        By default 1; rows are drawn in proportion.
    power : float
        z.
    n_sets : int
        Sets of each family.
    seed : int or SeedSequence
        The same seed gives the same bits.

    Returns
    -------
    dict of str to ndarray of float64, shape (n_sets, k, d)
        "random rows"; "seeds", by D^z seeding; "near optimal", seeds after some of Lloyd's or
        Weiszfeld's steps, moved by a tenth of what points are from them; "clumped", all centres
        close to one row; "far", at up to ten times the data's radius; "on an outlier", seeds
        with one of them at one of the points that cost most. Within a family sets are drawn
        independently from the same distribution.

    Raises
    ------
    ValueError
        If points or weights are not what they should be, or a number is no positive integer.
    """
    X = as_points(points)
    w = np.ones(len(X)) if weights is None else as_weights(weights, len(X))
    if not (w > 0).any():
        raise ValueError("there must be a point of positive weight to try centres on.")
    if (w == 0).any():
        X, w = X[w > 0], w[w > 0]
    k, n_sets = as_count(n_clusters, "n_clusters"), as_count(n_sets, "n_sets")
    z = as_power(power)
    root = seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)
    # Children by their numbers: a sequence that spawns gives others the second time.
    streams = [
        np.random.default_rng(
            np.random.SeedSequence(root.entropy, spawn_key=(*root.spawn_key, number))
        )
        for number in range(len(_FAMILIES))
    ]
    return {
        name: np.stack([draw(X, w, k, z, random) for _ in range(n_sets)])
        for (name, draw), random in zip(_FAMILIES.items(), streams, strict=True)
    }


def _random_rows(X: Floats, w: Floats, k: int, _: float, random: np.random.Generator) -> Floats:
    sums = np.cumsum(w)
    drawn = np.searchsorted(sums, random.random(k) * sums[-1], side="right")
    return X[np.minimum(drawn, len(X) - 1)]


def _seeds(X: Floats, w: Floats, k: int, power: float, random: np.random.Generator) -> Floats:
    rows = draw_seeds(X, w, k, power, random).rows
    # Where fewer points are distinct the first stands in for the missing.
    return X[np.resize(rows, k)]


def _near_optimal(
    X: Floats, w: Floats, k: int, power: float, random: np.random.Generator
) -> Floats:
    seeds = _seeds(X, w, k, power, random)
    centres, _, cost = refine(X, w, seeds, power, max_iter=_STEPS)
    typical = (cost / w.sum()) ** (1 / power)
    return centres + _PERTURBED * typical * _directions(k, X.shape[1], random)


def _clumped(X: Floats, w: Floats, k: int, power: float, random: np.random.Generator) -> Floats:
    row = _random_rows(X, w, 1, power, random)
    return row + _CLUMP * _radius(X, w) * _directions(k, X.shape[1], random)


def _far(X: Floats, w: Floats, k: int, _: float, random: np.random.Generator) -> Floats:
    away = _directions(k, X.shape[1], random) * random.uniform(1, 10, (k, 1))
    middle = np.average(X, axis=0, weights=w)
    return middle + np.sqrt(((X - middle) ** 2).sum(1).max()) * away


def _on_an_outlier(
    X: Floats, w: Floats, k: int, power: float, random: np.random.Generator
) -> Floats:
    centres = _seeds(X, w, k, power, random).copy()
    distances = ((X - np.average(X, axis=0, weights=w)) ** 2).sum(1)
    farthest = np.argsort(-distances, kind="stable")[:k]
    centres[random.integers(k)] = X[random.choice(farthest)]
    return centres


def _directions(k: int, d: int, random: np.random.Generator) -> Floats:
    normal = random.standard_normal((k, d))
    return normal / np.sqrt((normal**2).sum(1, keepdims=True))


def _radius(X: Floats, w: Floats) -> float:
    middle = np.average(X, axis=0, weights=w)
    return float(np.sqrt(np.average(((X - middle) ** 2).sum(1), weights=w)))


_FAMILIES: dict[str, Callable[[Floats, Floats, int, float, np.random.Generator], Floats]] = {
    "random rows": _random_rows,
    "seeds": _seeds,
    "near optimal": _near_optimal,
    "clumped": _clumped,
    "far": _far,
    "on an outlier": _on_an_outlier,
}
