"""The figures of one table, protected attribute and rate, over splits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equipoise.reproduce.part import Result

Array = NDArray[np.float64]

ACCURACY_HERE, RATIO_HERE, ACCURACY, RATIO, BEST_HERE = range(5)
"""Of what each way does: on the rows learnt from, and beyond them; and the best accuracy that any
group-blind rule with that ratio has on the rows learnt from."""


@dataclass(frozen=True, eq=False)
class Frontier:
    """What all ways made of all promises.

    Attributes
    ----------
    table, protected, name : str
    taus : tuple of float
    of_way : dict of ndarray, shape (r, t, 5)
        By split, promise and figure; NaN where there is none.
    """

    table: str
    protected: str
    name: str
    taus: tuple[float, ...]
    of_way: dict[str, Array]

    @classmethod
    def of(
        cls,
        table: str,
        protected: str,
        name: str,
        taus: tuple[float, ...],
        results: Sequence[Result],
    ) -> Frontier:
        """Gather results.

        Parameters
        ----------
        table, protected, name : str
        taus : tuple of float
        results : sequence of dict
            Of some splits each.

        Returns
        -------
        Frontier
        """
        seeds = sorted(
            {seed for one in results for found in one["ways"].values() for seed in found}, key=int
        )
        ways = dict.fromkeys(way for one in results for way in one["ways"])
        of_way = {}
        for way in ways:
            figures = np.full((len(seeds), len(taus), 5), np.nan)
            for one in results:
                for seed, found in one["ways"].get(way, {}).items():
                    for t, tau in enumerate(taus):
                        if f"{tau:g}" in found:
                            row = np.array(found[f"{tau:g}"], dtype=np.float64)
                            figures[seeds.index(seed), t] = row
            of_way[way] = figures
        return cls(table, protected, name, taus, of_way)

    def at(self, way: str, tau: float, figure: int) -> Array:
        """One figure over splits, shape (r,)."""
        return np.asarray(self.of_way[way][:, self.taus.index(tau), figure])

    def mean(self, way: str, figure: int) -> Array:
        """The mean over splits, shape (t,); NaN where no split has one."""
        found = self.of_way[way][:, :, figure]
        some = np.isfinite(found)
        counted = np.where(some.any(axis=0), some.sum(axis=0), np.nan)
        return np.asarray(np.where(some, found, 0.0).sum(axis=0) / counted)

    def shortfall(self, way: str) -> Array:
        """By how much accuracy is below the best at the same ratio, on the rows learnt from.

        Parameters
        ----------
        way : str

        Returns
        -------
        ndarray, shape (r, t)
        """
        found = self.of_way[way]
        return np.asarray(found[:, :, BEST_HERE] - found[:, :, ACCURACY_HERE])

    def below(self, way: str, other: str) -> Array:
        """By how much mean accuracy beyond the rows is below another way's at the same mean ratio.

        Parameters
        ----------
        way, other : str

        Returns
        -------
        ndarray, shape (t,)
            NaN where the other's promises lead to no ratio so small, or so large.
        """
        at, there = self.mean(way, RATIO), self.mean(other, RATIO)
        order = np.argsort(there)
        accuracy = self.mean(other, ACCURACY)[order]
        of_other = np.interp(at, there[order], accuracy, left=np.nan, right=np.nan)
        return np.asarray(of_other - self.mean(way, ACCURACY))
