"""How many of the points that a coreset may have go to each collection."""

from __future__ import annotations

import bisect
import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

A_COLLECTION_WANTS = 20


class SmallCoresetWarning(UserWarning):
    """A coreset has few points for the collections that it has to represent."""


class Numbered(NamedTuple):
    """Collections with consecutive numbers."""

    codes: Integers
    """The code of each collection, ascending, shape (G,)."""
    of: Integers
    """The number of each point's collection, shape (n,)."""


def numbered(collections: Integers) -> Numbered:
    """Number collections from 0 on.

    Parameters
    ----------
    collections : ndarray of int64, shape (n,)
        Codes, n at least 1.

    Returns
    -------
    Numbered
    """
    low, high = int(collections.min()), int(collections.max())
    if low == high:
        return Numbered(np.array([low]), np.zeros(len(collections), np.int64))
    if high - low < 4 * len(collections):  # counted, which is much faster than sorted
        shifted = collections - low
        codes = np.flatnonzero(np.bincount(shifted))
        number = np.zeros(high - low + 1, np.int64)
        number[codes] = np.arange(len(codes))
        return Numbered(codes + low, number[shifted])
    codes, of = np.unique(collections, return_inverse=True)
    return Numbered(codes, of.astype(np.int64, copy=False))


def quotas(shares: NDArray[Any], available: Integers, size: int) -> Integers:
    """Points for each collection: in proportion, at least one, no more than there are.

    Parameters
    ----------
    shares : ndarray of float64, shape (G,)
        How important each is; positive.
    available : ndarray of int64, shape (G,)
        Points of each; at least one.
    size : int
        Of all together.

    Returns
    -------
    ndarray of int64, shape (G,)
        Their sum is `size`, or the number of points where that is less.

    Raises
    ------
    ValueError
        If there are more collections than points may be taken.

    Warns
    -----
    SmallCoresetWarning
        If there are fewer than 20 points for a collection on average, and not all are taken.
    """
    n_collections = len(shares)
    total = int(available.sum())
    if size >= total:
        return available.copy()
    require_a_point_each(size, n_collections)
    if size < A_COLLECTION_WANTS * n_collections:
        warnings.warn(
            f"a coreset of {size} points has fewer than {A_COLLECTION_WANTS} for each of "
            f"{n_collections} collections; costs of single collections will be rough. Make size "
            f"larger, or form fewer collections.",
            SmallCoresetWarning,
            stacklevel=2,
        )
    exact = _proportional(shares, available, size)
    whole = np.floor(exact).astype(np.int64)
    # Ties in favour of the first, so that the same input gives the same quotas.
    order = np.argsort(-np.where(whole < available, exact - whole, -1.0), kind="stable")
    whole[order[: size - int(whole.sum())]] += 1
    return whole


def _proportional(shares: NDArray[Any], available: Integers, size: int) -> Floats:
    """Fractions of points between 1 and what there is, elsewhere in proportion."""
    parts = np.maximum(shares / shares.max(), 1e-200)

    def points(factor: float) -> Floats:
        return np.clip(factor * parts, 1, available)

    # Their sum is linear in the factor between the places where one of them meets a bound.
    places = np.sort(np.concatenate([1 / parts, available / parts]))
    last = bisect.bisect_left(places, size, key=lambda factor: points(factor).sum())
    low, high = places[max(last - 1, 0)], places[min(last, len(places) - 1)]
    below, above = points(low), points(high)
    if above.sum() <= below.sum():
        return below
    return below + (above - below) * ((size - below.sum()) / (above.sum() - below.sum()))


def require_a_point_each(size: int, n_collections: int) -> None:
    """Refuse a size that leaves some collection without a point.

    Parameters
    ----------
    size, n_collections : int

    Raises
    ------
    ValueError
        If there are more collections than points may be taken.
    """
    if size < n_collections:
        raise ValueError(
            f"size = {size} is less than the number of collections, {n_collections}, each of which "
            f"needs a point of its own; make size larger (at least "
            f"{A_COLLECTION_WANTS * n_collections} is advised), or form fewer collections."
        )
