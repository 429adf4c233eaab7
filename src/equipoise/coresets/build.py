"""A coreset in one call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from numpy.typing import ArrayLike

from equipoise.coresets.checks import as_count, as_points
from equipoise.coresets.coreset import Builder, Coreset
from equipoise.coresets.lightweight import Lightweight
from equipoise.coresets.lines import Lines
from equipoise.coresets.lines_as_coded import LinesAsCoded
from equipoise.coresets.sizes import suggest_size
from equipoise.coresets.snap import Snap
from equipoise.coresets.stratified import Stratified
from equipoise.coresets.two_stage import TwoStage
from equipoise.coresets.uniform import Uniform
from equipoise.coresets.with_size import with_size

Method = Literal[
    "stratified", "two_stage", "lightweight", "uniform", "snap", "lines", "lines_as_coded"
]

BUILDERS: dict[str, Callable[[int, int], Builder]] = {
    "stratified": Stratified,
    "two_stage": TwoStage,
    "lightweight": lambda n_clusters, size: Lightweight(size),
    "uniform": lambda n_clusters, size: Uniform(size),
    "snap": lambda n_clusters, size: Snap(size),
}
"""Builders of a number of clusters and a size, by name."""

BY_EPS: dict[str, type[Lines] | type[LinesAsCoded]] = {
    "lines": Lines,
    "lines_as_coded": LinesAsCoded,
}
"""Builders of a number of clusters and an eps of their own, by name."""

# At which the paper that has these builders uses them for fair clustering.
_EPS_OF_LINES = 0.5


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
        :func:`equipoise.coresets.suggest_size`. By default 0.02. For methods on lines it is the
        eps of their construction, by default 0.5, and `size` is approached by changing it.
    power : float
        z: 1 for k-median, 2 for k-means.
    method : {"stratified", "two_stage", "lightweight", "uniform", "snap", "lines", \
"lines_as_coded"}
        Which builder. The default has the smallest error of those that draw. The last three move
        points, so that costs have bounds (:func:`equipoise.coresets.bounds`).
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
    if method not in {**BUILDERS, **BY_EPS}:
        known = ", ".join([*BUILDERS, *BY_EPS])
        raise ValueError(f"method must be one of {known}, not {method!r}.")
    whole = Coreset.from_block(as_points(X, "X"), weights, collections, power=power)
    if not len(whole):
        raise ValueError("X has no point of positive weight; there is nothing to summarise.")
    n_clusters = as_count(n_clusters, "n_clusters")
    if size is not None and eps is not None:
        raise ValueError("size and eps cannot both be given: eps only says which size to take.")
    if method in BY_EPS:
        return _on_lines(whole, BY_EPS[method], n_clusters, size, eps, random_state)
    if size is None:
        size = suggest_size(
            0.02 if eps is None else eps, n_clusters, power, n_collections=len(whole.masses)
        )
    return whole.reduce(BUILDERS[method](n_clusters, as_count(size, "size")), random_state)


def _on_lines(
    whole: Coreset,
    kind: type[Lines] | type[LinesAsCoded],
    n_clusters: int,
    size: int | None,
    eps: float | None,
    random_state: int,
) -> Coreset:
    builder: Lines | LinesAsCoded = kind(n_clusters, _EPS_OF_LINES if eps is None else eps)
    if size is not None:
        if len(whole) <= as_count(size, "size"):
            return whole
        builder = with_size(builder, whole, size, random_state)
    return whole.reduce(builder, random_state)
