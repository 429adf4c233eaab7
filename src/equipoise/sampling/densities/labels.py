"""Rows and labels of two classes, checked."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[Any]


def checked_rows(X: ArrayLike) -> Array:
    """A finite matrix of features.

    Parameters
    ----------
    X : array_like, shape (rows, d)

    Returns
    -------
    ndarray of float64, shape (rows, d)

    Raises
    ------
    ValueError
        If it has another shape, is empty, or has values that are not finite.
    """
    rows = np.asarray(X, dtype=float)
    if rows.ndim != 2 or not rows.size:
        raise ValueError(f"X has shape (rows, d) and is not empty, not {rows.shape}")
    if not np.isfinite(rows).all():
        raise ValueError("X has NaN or infinite values: fill or drop them first")
    return rows


def signs(y: ArrayLike, n_rows: int) -> Array:
    """Labels as -1 and 1, the larger value being 1.

    Parameters
    ----------
    y : array_like, shape (n_rows,)
    n_rows : int

    Returns
    -------
    ndarray of float64, shape (n_rows,)

    Raises
    ------
    ValueError
        If they are of another number, or not of two values.
    """
    given = np.asarray(y)
    if given.shape != (n_rows,):
        raise ValueError(f"y has shape ({n_rows},), one label a row of X, not {given.shape}")
    values = np.unique(given)
    if len(values) != 2:
        raise ValueError(f"y has two values, not {len(values)}")
    return np.where(given == values[1], 1.0, -1.0)
