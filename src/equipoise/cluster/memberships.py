"""Which rows are in the same groups, by the groups' names, also where blocks lack some."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.groups import Groups

Integers = NDArray[np.int64]


@dataclass(eq=False)
class Memberships:
    """Collections of rows that are in the same groups, numbered as they are first met.

    Blocks of rows may come in any sizes: numbers are those of all rows at once.

    Attributes
    ----------
    known : dict of (frozenset of str) to int
        The number of each set of groups' names.
    """

    known: dict[frozenset[str], int] = field(default_factory=dict)

    def codes(self, groups: Groups) -> Integers:
        """Number the rows of a block; sets of groups that are new get the next numbers.

        Parameters
        ----------
        groups : Groups
            Of n rows.

        Returns
        -------
        ndarray of int64, shape (n,)
        """
        numbers, patterns = groups.patterns()
        present, first = np.unique(numbers, return_index=True)
        renumbered = np.full(len(patterns), -1)
        for number in present[np.argsort(first)]:
            renumbered[number] = self.known.setdefault(
                _names(groups, patterns[number]), len(self.known)
            )
        return renumbered[numbers]

    def look_up(self, groups: Groups) -> tuple[Integers, list[frozenset[str]]]:
        """Number the rows of other data, and tell the sets of groups that were not met.

        Parameters
        ----------
        groups : Groups
            Of n rows.

        Returns
        -------
        codes : ndarray of int64, shape (n,)
            Of the i-th set that was not met the number of those known, plus i.
        unmet : list of frozenset of str
        """
        numbers, patterns = groups.patterns()
        unmet: list[frozenset[str]] = []
        renumbered = np.full(len(patterns), -1)
        for number in np.unique(numbers):
            names = _names(groups, patterns[number])
            if names in self.known:
                renumbered[number] = self.known[names]
            else:
                renumbered[number] = len(self.known) + len(unmet)
                unmet.append(names)
        return renumbered[numbers], unmet

    def matrix(self, names: tuple[str, ...]) -> NDArray[np.bool_]:
        """Which collection is in which of some groups.

        Parameters
        ----------
        names : tuple of str, length l

        Returns
        -------
        ndarray of bool, shape (collections, l)
        """
        return np.array([[name in one for name in names] for one in self.known], bool).reshape(
            len(self.known), len(names)
        )

    @property
    def names(self) -> tuple[str, ...]:
        """All groups, sorted."""
        return tuple(sorted(set().union(*self.known)))


def _names(groups: Groups, pattern: NDArray[Any]) -> frozenset[str]:
    return frozenset(groups.names[g] for g in np.flatnonzero(pattern))
