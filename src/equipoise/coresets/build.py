"""A coreset in one call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from numpy.typing import ArrayLike

from equipoise.coresets.checks import as_count
from equipoise.coresets.coreset import Builder, Coreset
from equipoise.coresets.lightweight import Lightweight
from equipoise.coresets.sizes import suggest_size
from equipoise.coresets.stratified import Stratified
from equipoise.coresets.two_stage import TwoStage
from equipoise.coresets.uniform import Uniform

Method = Literal["stratified", "two_stage", "lightweight", "uniform"]

BUILDERS: dict[str, Callable[[int, int], Builder]] = {
    "stratified": Stratified,
    "two_stage": TwoStage,
    "lightweight": lambda n_clusters, size: Lightweight(size),
    "uniform": lambda n_clusters, size: Uniform(size),
}
"""Builders of a number of clusters and a size, by name."""


def build_coreset(
    X: ArrayLike,
    n_clusters: int,
    size: int | None = None,
    *,
    eps: float | None = None,
    power: float = 2.0,
    method: Method = "stratified",
    weights: ArrayLike | None = None,
    collections: ArrayLike | None = None,
    random_state: int = 0,
) -> Coreset:
    """Summarise points by fewer points with weights, for clustering.

    Parameters
    ----------
    X : array-like of float, shape (n, d)
        Points. Features should be of like scales, as for any clustering.
    n_clusters : int
        k.
    size : int, optional
        Points of the coreset. If n is no more, all points are kept.
    eps : float, optional
        Instead of `size`: the error that is hoped for, see
        :func:`equipoise.coresets.suggest_size`. By default 0.02.
    power : float
        z: 1 for k-median, 2 for k-means.
    method : {"stratified", "two_stage", "lightweight", "uniform"}
        Which builder. The default has the smallest error of those that draw.
    weights : array-like of float, shape (n,), optional
        How much each point counts; by default 1.
    collections : array-like of int, shape (n,), optional
        Which collection each point is of. Each keeps its mass exactly.
    random_state : int
        Seed.

    Returns
    -------
    Coreset

    Raises
    ------
    ValueError
        If there are no points of positive weight, points or weights are not finite, both size and
        eps are given, there are more collections than size, or the method is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> from equipoise.coresets import build_coreset
    >>> X = np.random.default_rng(0).normal(size=(100_000, 3))
    >>> coreset = build_coreset(X, n_clusters=5, size=1000)
    >>> coreset
    Coreset(1,000 points for 100,000 rows, 3 features, 1 collections, k-means)
    """
    if method not in BUILDERS:
        raise ValueError(f"method must be one of {', '.join(BUILDERS)}, not {method!r}.")
    whole = Coreset.from_block(X, weights, collections, power=power)
    if not len(whole):
        raise ValueError("X has no point of positive weight; there is nothing to summarise.")
    n_clusters = as_count(n_clusters, "n_clusters")
    if size is None:
        size = suggest_size(
            0.02 if eps is None else eps, n_clusters, power, n_collections=len(whole.masses)
        )
    elif eps is not None:
        raise ValueError("size and eps cannot both be given: eps only says which size to take.")
    return whole.reduce(BUILDERS[method](n_clusters, as_count(size, "size")), random_state)
