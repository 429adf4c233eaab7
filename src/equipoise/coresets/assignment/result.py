"""Which centre has how much of each point, and what is known of the best way to do it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Whole = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Assignment:
    """Mass of n points divided over k centres.

    Attributes
    ----------
    value : float
        What it costs; no best assignment costs more.
    lower : float
        What no assignment that keeps the constraints costs less than. It follows from `prices`
        alone, by weak duality, whatever solver found them.
    points, centres : ndarray of int64, shape (a,)
        Who has what, sorted by point and then by centre.
    masses : ndarray, shape (a,)
        Positive, but for points without weight: each of these has one entry of 0, where its
        price sends it.
    prices : ndarray, shape (collections, k)
        A point x of collection g wants the centre j with the least ``costs[x, j] + prices[g, j]``.
        They hold for points that took no part as well.
    cells : ndarray, shape (collections, k)
        What each centre has of each collection.
    method : {"flow", "dual", "program"}
        What found it.
    """

    value: float
    lower: float
    points: Whole
    centres: Whole
    masses: Array
    prices: Array
    cells: Array
    method: str

    @property
    def gap(self) -> float:
        """How much less the best assignment may cost, as a share of the value."""
        return (self.value - self.lower) / self.value if self.value > 0 else 0.0

    def labels(self, n: int) -> Whole:
        """The centre that has most of each point, of equal ones the first.

        Parameters
        ----------
        n : int
            Points.

        Returns
        -------
        ndarray of int64, shape (n,)

        Raises
        ------
        ValueError
            If there are not so many points.
        """
        if n != (last := int(self.points[-1]) + 1 if len(self.points) else 0):
            raise ValueError(f"n must be {last}, the number of points assigned, not {n}.")
        most_first = np.lexsort((self.centres, -self.masses, self.points))
        _, first = np.unique(self.points[most_first], return_index=True)
        return self.centres[most_first[first]]
