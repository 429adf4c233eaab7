"""What a position of a ranking is worth: non-increasing discounts."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

Discount = Literal["dcg", "reciprocal", "geometric", "none"]
"""``"dcg"``: 1 / log2(k + 1); ``"reciprocal"``: 1 / k; ``"geometric"``: 0.8^(k - 1), the
rank-biased precision of Moffat and Zobel (2008) at patience 0.8; ``"none"``: 1 everywhere."""

_PATIENCE = 0.8


def discounts(kind: Discount | ArrayLike, n: int) -> Array:
    """What the first n positions are worth.

    Parameters
    ----------
    kind : {"dcg", "reciprocal", "geometric", "none"} or array-like, shape (n or more,)
        A name, or the worth of each position from the first: finite, not negative and nowhere
        larger than before.
    n : int

    Returns
    -------
    ndarray, shape (n,)

    Raises
    ------
    ValueError
        If the name is unknown, or the array is too short or increases: then placing the best
        first is not optimal, and neither is anything in this package.
    """
    k = np.arange(1, n + 1, dtype=np.float64)
    if isinstance(kind, str):
        if kind not in get_args(Discount):
            raise ValueError(
                f"discount must be one of {', '.join(get_args(Discount))} or an array, "
                f"not {kind!r}."
            )
        if kind == "dcg":
            return 1 / np.log2(k + 1)
        if kind == "reciprocal":
            return 1 / k
        return _PATIENCE ** (k - 1) if kind == "geometric" else np.ones(n)
    worth = np.asarray(kind, np.float64)
    if worth.ndim != 1 or len(worth) < n:
        raise ValueError(
            f"discount must have one value for each of the {n:,} positions, but has shape "
            f"{worth.shape}."
        )
    worth = worth[:n]
    if not np.isfinite(worth).all() or (worth < 0).any():
        raise ValueError("discount must be finite and not negative.")
    rises = np.flatnonzero(np.diff(worth) > 0)
    if len(rises):
        at = int(rises[0])
        raise ValueError(
            f"discount must not increase, but rises from {worth[at]:g} at position {at + 1} to "
            f"{worth[at + 1]:g} at the next; sort it, or number positions from the top."
        )
    return worth
