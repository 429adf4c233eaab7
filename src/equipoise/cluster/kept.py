"""What clusters have of groups, and how far that is from what they were to have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from equipoise.cluster.bounds import ShareBounds

Array = NDArray[np.float64]


class Violation(NamedTuple):
    """The bound that is broken most; nobody's, if all are kept.

    Attributes
    ----------
    rows : float
        How many rows (or how much weight) of the group the cluster has too many or too few.
    share : float
        The same as a share of the cluster.
    group : str
    cluster : int
        Its number; -1 if all bounds are kept.
    """

    rows: float
    share: float
    group: str
    cluster: int

    def __bool__(self) -> bool:
        return self.rows > 0


@dataclass(frozen=True, eq=False)
class Shares:
    """Who is in which cluster.

    Attributes
    ----------
    bounds : ShareBounds
        Of l groups.
    masses : ndarray, shape (l, k)
        Rows, or their weight, of each group in each cluster.
    sizes : ndarray, shape (k,)
        Of each cluster.
    """

    bounds: ShareBounds
    masses: Array
    sizes: Array

    @classmethod
    def of_cells(cls, cells: Array, members: NDArray[Any], bounds: ShareBounds) -> Shares:
        """From the masses of collections.

        Parameters
        ----------
        cells : ndarray, shape (collections, k)
        members : ndarray of bool, shape (collections, l)
        bounds : ShareBounds

        Returns
        -------
        Shares
        """
        return cls(bounds, members.T.astype(np.float64) @ cells, cells.sum(axis=0))

    @property
    def shares(self) -> Array:
        """Share of each group in each cluster, shape (k, l); NaN of a cluster that is empty."""
        with np.errstate(invalid="ignore"):
            return np.where(self.sizes > 0, self.masses / self.sizes, np.nan).T

    @property
    def excess(self) -> Array:
        """Rows of each group that each cluster has too many or too few, shape (l, k)."""
        return self.bounds.excess(self.masses, self.sizes)

    @property
    def violation(self) -> Violation:
        """The bound that is broken by most rows."""
        excess = self.excess
        if not excess.size or not excess.any():
            return Violation(0.0, 0.0, "", -1)
        g, j = np.unravel_index(int(excess.argmax()), excess.shape)
        rows = float(excess[g, j])
        return Violation(rows, rows / float(self.sizes[j]), self.bounds.names[g], int(j))
