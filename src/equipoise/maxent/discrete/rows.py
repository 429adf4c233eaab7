"""Rows that are equal are one row with their weights together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Rows:
    """Distinct rows and their weights.

    Attributes
    ----------
    levels : ndarray of int, shape (u, d)
    weights : ndarray of float64, shape (u,)
        With sum 1.
    place : ndarray of int, shape (n,)
        Which of them each row that was given is.
    keys : ndarray of uint64, shape (u,)
        Rising, for :meth:`find`.
    """

    levels: NDArray[Any]
    weights: Array
    place: NDArray[np.int64]
    keys: NDArray[np.uint64]

    @classmethod
    def of(cls, levels: NDArray[Any], weights: Array) -> Rows:
        """Put equal rows together.

        Parameters
        ----------
        levels : ndarray of int, shape (n, d)
        weights : ndarray, shape (n,)
            With sum 1.

        Returns
        -------
        Rows
        """
        from equipoise.maxent.discrete.loops import all_equal, hashes

        keys, first, place = np.unique(hashes(levels), return_index=True, return_inverse=True)
        distinct = levels[first]
        if not all_equal(levels, distinct, place):  # two rows with one hash
            distinct, place = np.unique(levels, axis=0, return_inverse=True)
            keys = hashes(distinct)
            order = np.argsort(keys)
            rank = np.argsort(order)
            distinct, keys, place = distinct[order], keys[order], rank[place]
        together = np.bincount(place, weights, len(distinct)).astype(np.float64)
        return cls(np.ascontiguousarray(distinct), together, place, keys)

    def __len__(self) -> int:
        return len(self.levels)

    def find(self, levels: NDArray[Any]) -> NDArray[np.int64]:
        """Which of the distinct rows others are.

        Parameters
        ----------
        levels : ndarray of int, shape (m, d)

        Returns
        -------
        ndarray of int64, shape (m,)
            -1 for those that are none.
        """
        from equipoise.maxent.discrete.loops import hashes

        wanted = hashes(levels)
        at = np.searchsorted(self.keys, wanted)
        found = np.full(len(levels), -1)
        open_ = np.arange(len(levels))
        # Rows of one hash stand side by side; there is hardly ever more than one.
        while len(open_):
            open_ = open_[at[open_] < len(self.keys)]
            open_ = open_[self.keys[at[open_]] == wanted[open_]]
            same = (self.levels[at[open_]] == levels[open_]).all(axis=1)
            found[open_[same]] = at[open_[same]]
            open_ = open_[~same]
            at[open_] += 1
        return found
