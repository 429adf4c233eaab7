"""What is asked of points, weights, centres and settings that come from outside."""

from __future__ import annotations

import math
import operator
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def as_points(points: ArrayLike, argument: str = "points") -> Floats:
    """Finite points of at least one feature.

    Parameters
    ----------
    points : array-like of float, shape (n, d)
    argument : str
        What to call them in errors.

    Returns
    -------
    ndarray of float64, shape (n, d)
        Row by row in memory; not copied if it is such already.

    Raises
    ------
    ValueError
        If they are no numbers, not finite, or no matrix.
    """
    try:
        X = np.ascontiguousarray(points, np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{argument} must be numbers: {error}.") from error
    if X.ndim != 2 or X.shape[1] == 0:
        raise ValueError(f"{argument} must have shape (n, d), not {X.shape}.")
    # A sum is not finite if a term is not; only then is it worth looking where.
    if not np.isfinite(X.sum()) and not np.isfinite(X).all():
        bad = int((~np.isfinite(X)).any(1).sum())
        raise ValueError(
            f"{argument} has NaN or infinite values in {bad:,} rows; fill them or drop the rows."
        )
    return X


def as_weights(weights: ArrayLike, n: int) -> Floats:
    """Weights of n points.

    Parameters
    ----------
    weights : array-like of float, shape (n,)
    n : int

    Returns
    -------
    ndarray of float64, shape (n,)

    Raises
    ------
    ValueError
        If they are of another shape, negative or not finite.
    """
    try:
        w = np.asarray(weights, np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"weights must be numbers: {error}.") from error
    if w.shape != (n,):
        raise ValueError(f"weights must have shape ({n},), one a point, not {w.shape}.")
    if not np.isfinite(w).all() or (w < 0).any():
        raise ValueError("weights must be finite and not negative.")
    return w


def as_codes(collections: ArrayLike, n: int) -> Integers:
    """Collections of n points.

    Parameters
    ----------
    collections : array-like of int, shape (n,)
    n : int

    Returns
    -------
    ndarray of int64, shape (n,)

    Raises
    ------
    ValueError
        If they are of another shape, or no integers.
    """
    codes = np.asarray(collections)
    if codes.shape != (n,):
        raise ValueError(f"collections must have shape ({n},), one a point, not {codes.shape}.")
    if codes.size and codes.dtype.kind not in "iub":
        raise ValueError(f"collections must be integers, not {codes.dtype}.")
    return codes.astype(np.int64, copy=False)


def as_centres(centres: ArrayLike, n_features: int) -> Floats:
    """At least one centre for points of d features.

    Parameters
    ----------
    centres : array-like of float, shape (k, d)
    n_features : int
        d.

    Returns
    -------
    ndarray of float64, shape (k, d)

    Raises
    ------
    ValueError
        If they are of another shape, or not finite.
    """
    C = as_points(centres, "centres")
    if C.shape[1] != n_features or not len(C):
        raise ValueError(
            f"centres must have shape (k, {n_features}) with k of at least 1, not {C.shape}."
        )
    return C


def as_count(value: int, argument: str) -> int:
    """A whole number of at least 1.

    Parameters
    ----------
    value : int
    argument : str
        What it is called.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If it is none.
    """
    try:
        count = operator.index(value)
    except TypeError:
        count = 0
    if count < 1 or isinstance(value, bool):
        raise ValueError(f"{argument} must be a whole number of at least 1, not {value!r}.")
    return count


def as_positive(value: float, argument: str) -> float:
    """A positive number.

    Parameters
    ----------
    value : float
    argument : str
        What it is called.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If it is none.
    """
    if not _is_number(value) or value <= 0:
        raise ValueError(f"{argument} must be a positive number, not {value!r}.")
    return float(value)


def as_power(power: float) -> float:
    """The power of distances, z.

    Parameters
    ----------
    power : float
        At least 1: below, what is far away costs next to nothing, and no theory holds.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If it is no such number.
    """
    if not _is_number(power) or power < 1:
        raise ValueError(f"power must be a number of at least 1, not {power!r}.")
    return float(power)


def _is_number(value: object) -> bool:
    if isinstance(value, bool):
        return False
    return isinstance(value, Real) and math.isfinite(value)


def check_total(total: float) -> None:
    """Refuse costs that are beyond floating point.

    Parameters
    ----------
    total : float
        Of all points.

    Raises
    ------
    ValueError
        If it is not finite.
    """
    if not np.isfinite(total):
        raise ValueError(
            "points are so far apart that their distances to the power of z are no numbers any "
            "more; divide the features by what is typical of them."
        )
