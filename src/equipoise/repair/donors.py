"""Rows that have a level, to take values from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Donors:
    """For each level, the rows that have it; a draw takes one by its weight.

    Values that a repaired table shows are thus values that the data have: inside a bin the numbers
    are spread as they are there, categories stay what they were, and no type changes.

    Parameters
    ----------
    codes : ndarray of int, shape (n,)
        The level of each row.
    n_levels : int
    weights : ndarray, shape (n,)
        At least 0.
    """

    def __init__(self, codes: NDArray[np.integer], n_levels: int, weights: Array) -> None:
        counted = np.flatnonzero(weights > 0)
        self._order = counted[np.argsort(codes[counted], kind="stable")]
        sizes = np.bincount(codes[counted], minlength=n_levels)
        self._ends = np.cumsum(sizes)
        self._starts = self._ends - sizes
        self._cumulative = np.concatenate([[0.0], np.cumsum(weights[self._order])])

    def draw(self, levels: NDArray[np.integer], random: np.random.Generator) -> NDArray[np.int64]:
        """Draw a row of each level.

        Parameters
        ----------
        levels : ndarray of int, shape (m,)
            Each of which some row has.
        random : Generator

        Returns
        -------
        ndarray of int64, shape (m,)
        """
        start, end = self._starts[levels], self._ends[levels]
        low, high = self._cumulative[start], self._cumulative[end]
        at = low + (high - low) * random.random(len(levels))
        place = np.searchsorted(self._cumulative, at, side="right") - 1
        return np.asarray(self._order[np.clip(place, start, end - 1)])
