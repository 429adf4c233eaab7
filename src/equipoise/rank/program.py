"""Bounds of groups that overlap, as a program on the cells in which their members are alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from equipoise.rank.candidates import Candidates
from equipoise.rank.windows import InfeasibleError

if TYPE_CHECKING:
    from scipy.optimize import LinearConstraint

Array = NDArray[np.float64]

_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class Limits:
    """How much of each group every prefix must and may have.

    Attributes
    ----------
    names : tuple of str, length g
        The groups that are bounded.
    membership : ndarray, shape (cells, g)
        How much a member of each cell counts in each group: 0 or 1, or an expectation where
        groups are known up to noise.
    least, most : ndarray, shape (n, g)
        Of the first 1, 2, ..., n; minus and plus infinity where there is no bound.
    """

    names: tuple[str, ...]
    membership: Array
    least: Array
    most: Array

    def upto(self, k: int) -> Limits:
        """The limits of the first k prefixes alone."""
        return Limits(self.names, self.membership, self.least[:k], self.most[:k])

    def without(self, g: int) -> Limits:
        """The limits of all groups but one."""
        some = np.arange(len(self.names)) != g
        names = tuple(name for name, kept in zip(self.names, some, strict=True) if kept)
        return Limits(names, self.membership[:, some], self.least[:, some], self.most[:, some])

    def broken(self, cells: NDArray[np.integer[Any]]) -> tuple[Array, Array]:
        """By how much a sequence of cells breaks the limits, in each prefix.

        Parameters
        ----------
        cells : ndarray of int, shape (n,)
            The cell of each position.

        Returns
        -------
        lacking, over : ndarray, shape (n, g)
            Whole numbers of people, rounded up.
        """
        counts = np.cumsum(self.membership[cells], axis=0)
        lacking, over = (
            np.maximum(np.ceil(by - _ROUNDING * (1 + len(cells))), 0.0)
            for by in (self.least - counts, counts - self.most)
        )
        return lacking, over

    def tightened(self, lacking: Array, over: Array) -> Limits:
        """Limits that ask for so much more, and let in so much less, shape (n, g) each."""
        return Limits(self.names, self.membership, self.least + lacking, self.most - over)

    def shortfall(self, cells: NDArray[np.integer[Any]]) -> dict[str, int]:
        """By how many people a sequence of cells breaks the limits.

        Parameters
        ----------
        cells : ndarray of int, shape (n,)

        Returns
        -------
        dict of (str, int)
            Of the groups whose limits are broken, in the prefix where they are most.
        """
        most = np.maximum(*self.broken(cells)).max(axis=0, initial=0.0)
        return {name: int(by) for name, by in zip(self.names, most, strict=True) if by > 0}


@dataclass(frozen=True, eq=False)
class Program:
    """Which cell each position goes to, and who of it, as a mixed integer program.

    Variables are whether position k goes to cell c, of which n times cells are whole; and which
    share of it each item has, which is whole of itself once the former are.

    Attributes
    ----------
    candidates : Candidates
        With cells for groups.
    limits : Limits
    discount : ndarray, shape (n,)
    """

    candidates: Candidates
    limits: Limits
    discount: Array

    @property
    def size(self) -> int:
        """How many items could come at how many positions."""
        # Without listing them: they may be more than memory holds, and are then refused.
        n = len(self.discount)
        members = np.minimum(self.candidates.sizes, n)
        return int((members * n - members * (members - 1) // 2).sum())

    def solve(self, *, whole: bool, seconds: float) -> tuple[Array | None, float, bool]:
        """Solve it.

        Parameters
        ----------
        whole : bool
            Or the linear program that remains when positions may be divided.
        seconds : float
            When to give up.

        Returns
        -------
        counts : ndarray, shape (n, cells), or None
            How many of each cell are in each prefix; None if the limits cannot be kept.
        value : float
            The utility; of the linear program what none exceeds.
        done : bool
            False if time ran out.
        """
        from scipy import sparse  # these take a while to load
        from scipy.optimize import Bounds, LinearConstraint, milp

        n, q = len(self.discount), self.candidates.n_groups
        item, place, cell = self._items()
        scores = self.candidates.scores[self.candidates.order][item]
        scale = np.abs(scores).max(initial=0.0) or 1.0
        cost = np.concatenate([np.zeros(n * q), -self.discount[place] * scores / scale])
        shares = np.arange(len(item)) + n * q
        _, of_item = np.unique(item, return_inverse=True)
        constraints = [
            *_sequence(n, q, len(item), self.limits),
            # What items have of a position is what their cell has of it.
            LinearConstraint(
                sparse.csr_array(
                    (
                        np.concatenate([np.ones(len(item)), -np.ones(n * q)]),
                        (
                            np.concatenate([place * q + cell, np.arange(n * q)]),
                            np.concatenate([shares, np.arange(n * q)]),
                        ),
                    ),
                    shape=(n * q, n * q + len(item)),
                ),
                0,
                0,
            ),
            LinearConstraint(
                sparse.csr_array(
                    (np.ones(len(item)), (of_item, shares)),
                    shape=(int(of_item.max()) + 1, n * q + len(item)),
                ),
                -np.inf,
                1,
            ),
        ]
        integrality = np.zeros(len(cost))
        integrality[: n * q] = whole
        found = milp(
            cost,
            integrality=integrality,
            bounds=Bounds(0, 1),
            constraints=constraints,
            options={"time_limit": seconds, "mip_rel_gap": 0},
        )
        if found.status == 2:
            return None, np.nan, True
        if found.status != 0:
            return None, np.nan, False
        x = found.x[: n * q].reshape(n, q)
        return np.cumsum(x, axis=0), -float(found.fun) * scale, True

    def _items(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        # The j-th of a cell comes behind j - 1 others.
        n = len(self.discount)
        items, places, cells = [], [], []
        for c in range(self.candidates.n_groups):
            members = self.candidates.members(c)[:n]
            j = np.arange(len(members))
            later = n - j
            items.append(np.repeat(members, later))
            first = np.concatenate([[0], np.cumsum(later)])[:-1]
            places.append(np.arange(later.sum()) - np.repeat(first, later) + np.repeat(j, later))
            cells.append(np.full(later.sum(), c))
        return np.concatenate(items), np.concatenate(places), np.concatenate(cells)


def refuse(sizes: NDArray[np.int64], limits: Limits, *, whole: bool) -> InfeasibleError:
    """Find the first prefix of which limits cannot be kept, and a smallest set of groups to blame.

    Parameters
    ----------
    sizes : ndarray of int, shape (cells,)
    limits : Limits
        Such that no ranking keeps them.
    whole : bool
        Whether positions are divided in no way.

    Returns
    -------
    InfeasibleError
        To raise.
    """
    good, bad = 0, len(limits.least)
    while bad - good > 1:
        middle = (good + bad) // 2
        if _can_be_kept(sizes, limits.upto(middle), whole):
            good = middle
        else:
            bad = middle
    blamed = limits.upto(bad)
    for name in limits.names:
        fewer = blamed.without(blamed.names.index(name))
        if fewer.names and not _can_be_kept(sizes, fewer, whole):
            blamed = fewer
    return InfeasibleError(
        bad,
        blamed.names,
        f"no ranking keeps the bounds: the first {bad:,} places cannot keep those of "
        f"{', '.join(map(repr, blamed.names))}"
        f"{' together' if len(blamed.names) > 1 else ''}; loosen one of them.",
    )


def _can_be_kept(sizes: NDArray[np.int64], limits: Limits, whole: bool) -> bool:
    from scipy import sparse
    from scipy.optimize import Bounds, LinearConstraint, milp

    n, q = len(limits.least), len(sizes)
    everybody = LinearConstraint(
        sparse.csr_array(np.tile(np.eye(q), n)), -np.inf, sizes.astype(np.float64)
    )
    found = milp(
        np.zeros(n * q),
        integrality=np.full(n * q, int(whole)),
        bounds=Bounds(0, 1),
        constraints=[*_sequence(n, q, 0, limits), everybody],
    )
    return bool(found.status == 0)


def _sequence(n: int, q: int, others: int, limits: Limits) -> list[LinearConstraint]:
    """That each position goes to one cell, and prefixes have of each group what they must."""
    from scipy import sparse
    from scipy.optimize import LinearConstraint

    columns = n * q + others
    one = sparse.csr_array(
        (np.ones(n * q), (np.repeat(np.arange(n), q), np.arange(n * q))), shape=(n, columns)
    )
    found = [LinearConstraint(one, 1, 1)]
    for g in range(len(limits.names)):
        least, most = limits.least[:, g], limits.most[:, g]
        bounded = np.flatnonzero(_binding(least) | _binding(-most))
        counted = np.nonzero(limits.membership[:, g])[0]
        rows, cols, weights = [], [], []
        for row, k in enumerate(bounded):
            where = np.add.outer(np.arange(k + 1) * q, counted).ravel()
            cols.append(where)
            rows.append(np.full(len(where), row))
            weights.append(np.tile(limits.membership[counted, g], k + 1))
        if rows and len(counted):
            matrix = sparse.csr_array(
                (np.concatenate(weights), (np.concatenate(rows), np.concatenate(cols))),
                shape=(len(bounded), columns),
            )
        else:
            matrix = sparse.csr_array((len(bounded), columns))
        found.append(LinearConstraint(matrix, least[bounded], most[bounded]))
    return found


def _binding(least: Array) -> NDArray[np.bool_]:
    return np.isfinite(least)
