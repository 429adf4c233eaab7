"""What builders ask of their settings."""

from __future__ import annotations

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
