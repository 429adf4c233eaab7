"""What is asked of settings."""

from __future__ import annotations

import math
import operator


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


def as_power(power: float) -> float:
    """z, a number of at least 1.

    Parameters
    ----------
    power : float

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If it is none.
    """
    try:
        z = float(power)
    except (TypeError, ValueError):
        z = math.nan
    if not (math.isfinite(z) and z >= 1):
        raise ValueError(f"power must be a number of at least 1, not {power!r}.")
    return z
