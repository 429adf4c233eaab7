"""The level of rates whose denominators move with decisions, searched."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np

Found = TypeVar("Found")

_LEVELS = 16
_GOLDEN = (np.sqrt(5.0) - 1) / 2
_FINE = 1e-3


def best_level(at: Callable[[float], Found], cost: Callable[[Found], float]) -> Found:
    """Go through levels on a grid, and narrow down around the best by golden sections.

    The cost is continuous in the level but need not have one valley only; the grid finds which, if
    valleys are wider than its steps of 1/16.

    Parameters
    ----------
    at : callable
        From a level in [0, 1] to what was found there.
    cost : callable
        Of that; lower is better.

    Returns
    -------
    found
        The best of all.
    """
    grid = np.linspace(0.0, 1.0, _LEVELS + 1)
    tried = [at(float(level)) for level in grid]
    costs = [cost(found) for found in tried]
    k = int(np.argmin(costs))
    best, least = tried[k], costs[k]
    low, high = grid[max(k - 1, 0)], grid[min(k + 1, _LEVELS)]
    inner = [high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)]
    values = []
    for level in inner:
        found = at(float(level))
        values.append(cost(found))
        if values[-1] < least:
            best, least = found, values[-1]
    while high - low > _FINE:
        if values[0] <= values[1]:
            high, inner = inner[1], [inner[1] - _GOLDEN * (inner[1] - low), inner[0]]
            fresh, values = 0, [np.nan, values[0]]
        else:
            low, inner = inner[0], [inner[1], inner[0] + _GOLDEN * (high - inner[0])]
            fresh, values = 1, [values[1], np.nan]
        found = at(float(inner[fresh]))
        values[fresh] = cost(found)
        if values[fresh] < least:
            best, least = found, values[fresh]
    return best
