"""Every point of a collection moved to the centre of its cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.coresets.allocation import numbered, quotas
from equipoise.coresets.checks import as_count
from equipoise.coresets.coreset import Coreset
from equipoise.coresets.distances import to_power
from equipoise.coresets.lloyd import move_centres
from equipoise.coresets.seeding import draw_seeds

Array = NDArray[Any]
Integers = NDArray[np.int64]

# Rows whose distances say how much of a coreset each collection needs.
_SCOUTS = 50
# Steps towards medians end when they gain no more than this share.
_ENOUGH = 1e-5


@dataclass(frozen=True)
class Snap:
    """Cells of each collection by itself, around seeds; their points are put in one place.

    The place is where the cell's points are moved least: their mean for z = 2, their geometric
    median for z = 1. So there is a certificate by movement for all centres and all constraints,
    which is tight for k-median in particular (:func:`equipoise.coresets.bounds`), and which
    samples have not. For z = 2 what the cells' points cost at their means is added as an offset;
    then the cost on the coreset is never less than that of the points. Seeds are those of the
    deterministic coresets of streams [1]_; collections share the size half by mass and half by
    cost.

    Parameters
    ----------
    size : int
        Points of the coreset, at most: fewer where fewer points are distinct. At least
        one for each collection.

    Raises
    ------
    ValueError
        If `size` is no positive integer, or when called less than the number of collections.

    Warns
    -----
    SmallCoresetWarning
        If there are fewer than 20 points for a collection on average.

    References
    ----------
    .. [1] M. R. Ackermann, M. Märtens, C. Raupach, K. Swierkot, C. Lammersen, C. Sohler.
       StreamKM++: a clustering algorithm for data streams. ACM Journal of Experimental
       Algorithmics 17, 2012.
    """

    size: int

    def __post_init__(self) -> None:
        as_count(self.size, "size")

    def __call__(self, larger: Coreset, random: np.random.Generator) -> Coreset:
        """Move the points of a coreset.

        Parameters
        ----------
        larger : Coreset
            With at least one point.
        random : numpy.random.Generator

        Returns
        -------
        Coreset
            Points that have not been moved keep their rows' numbers.
        """
        collections = numbered(larger.collections)
        cells = []
        for number, n_seeds in enumerate(self._seeds_of_each(larger, collections.of, random)):
            members = np.flatnonzero(collections.of == number)
            cells.append(_cells(larger, members, int(n_seeds), random))
        points, masses, rows, moved = (
            np.concatenate([cell[part] for cell in cells]) for part in range(4)
        )
        movement = float(moved.sum())
        return Coreset(
            points,
            masses,
            collections.codes.repeat([len(cell[0]) for cell in cells]),
            rows,
            larger.power,
            movement=movement,
            offset=movement if larger.power == 2 else 0.0,
            n_rows=larger.n_rows,
        )

    def _seeds_of_each(
        self, larger: Coreset, of: Integers, random: np.random.Generator
    ) -> Integers:
        seeds = draw_seeds(
            larger.points, larger.weights, min(self.size, _SCOUTS), larger.power, random
        )
        mass = np.bincount(of, larger.weights)
        cost = np.bincount(of, larger.weights * to_power(seeds.squares, larger.power))
        shares = mass / mass.sum()
        if cost.sum() > 0:
            shares = (shares + cost / cost.sum()) / 2
        return quotas(shares, np.bincount(of), self.size)


def _cells(
    larger: Coreset, members: Integers, n_seeds: int, random: np.random.Generator
) -> tuple[Array, Array, Array, Array]:
    """Where the cells of some points are moved, their masses, rows and movements."""
    X, w, power = larger.points[members], larger.weights[members], larger.power
    seeds = draw_seeds(X, w, n_seeds, power, random)
    k = len(seeds.rows)
    centres = move_centres(X, w, seeds.labels, X[seeds.rows], power, _ENOUGH)
    squares = ((X - centres[seeds.labels]) ** 2).sum(1)
    moved = np.bincount(seeds.labels, w * to_power(squares, power), k)
    rows = np.where(moved == 0, members[seeds.rows], -1)
    return centres, np.bincount(seeds.labels, w, k), rows, moved
