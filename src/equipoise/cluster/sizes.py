"""How many points a summary has, from what a user asks."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np

from equipoise.coresets import suggest_size

EPS = 0.01
"""The error of a summary where none is asked."""


def read_size(size: Any, eps: Any, n_clusters: int, power: float, n_collections: int = 1) -> int:
    """Points of a summary.

    Parameters
    ----------
    size : int or None
        So many.
    eps : float or None
        Or as many as are suggested for this error.
    n_clusters : int
    power : float
    n_collections : int
        Of rows that are in the same groups.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If both are given, or one is no size or no error.
    """
    if size is not None and eps is not None:
        raise ValueError("size and eps say the same in two ways; give one of them.")
    if size is not None:
        return read_whole(size, "size")
    error = EPS if eps is None else eps
    if isinstance(error, bool) or not isinstance(error, Real) or not 0 < float(error) < 1:
        raise ValueError(f"eps must be a number between 0 and 1, not {eps!r}.")
    return suggest_size(float(error), n_clusters, power, n_collections)


def read_whole(value: Any, argument: str, least: int = 1) -> int:
    """Check a whole number.

    Parameters
    ----------
    value : int
    argument : str
        Its name.
    least : int
        It must not be less.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If it is something else.
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise ValueError(f"{argument} must be a whole number of at least {least}, not {value!r}.")
    return int(value)


def read_tol(tol: Any) -> float:
    """Check a tolerance.

    Parameters
    ----------
    tol : float

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If it is no number of at least 0.
    """
    if isinstance(tol, bool) or not isinstance(tol, Real) or not 0 <= float(tol) < np.inf:
        raise ValueError(f"tol must be a finite number of at least 0, not {tol!r}.")
    return float(tol)
