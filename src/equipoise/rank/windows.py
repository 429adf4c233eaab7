"""Bounds of prefixes as windows of places: the j-th of a group comes from here to there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.rank.bounds import Bound
from equipoise.shares import find_group

Places = NDArray[np.int64]

_EMPTY = np.empty(0, np.int64)


class InfeasibleError(ValueError):
    """No ranking keeps the bounds.

    Attributes
    ----------
    prefix : int
        The length of the shortest beginning for which there is none.
    groups : tuple of str
        Whose bounds cannot be kept together there.
    """

    def __init__(self, prefix: int, groups: Sequence[str], why: str) -> None:
        super().__init__(why)
        self.prefix = prefix
        self.groups = tuple(groups)


@dataclass(frozen=True)
class Windows:
    """Where the members of each group have to come, in the order in which they come.

    A lower bound of all prefixes is a deadline for the j-th member of its group, an upper one an
    opening before which the j-th does not come: a ranking that keeps bounds is a schedule of
    unit jobs with releases and deadlines. Only these are stored, not a table of prefixes by groups.

    Attributes
    ----------
    n : int
        Positions.
    names : tuple of str, length p
    sizes : ndarray of int64, shape (p,)
        Members of each group.
    deadlines : tuple of ndarray of int64
        Of each group, not decreasing, from 1 to n; members after these need not come.
    openings : tuple of (ndarray of int64 or None)
        Of each group, not decreasing, from 1 to n; members after these may not come. None where
        there is no upper bound.
    """

    n: int
    names: tuple[str, ...]
    sizes: Places
    deadlines: tuple[Places, ...]
    openings: tuple[Places | None, ...]

    @classmethod
    def of(
        cls, bounds: Sequence[Bound], names: Sequence[str], sizes: NDArray[Any], n: int
    ) -> Windows:
        """From bounds of disjoint groups.

        Parameters
        ----------
        bounds : sequence of Bound
            Several of one group are kept together.
        names : sequence of str, length p
        sizes : ndarray of int, shape (p,)
        n : int

        Returns
        -------
        Windows

        Raises
        ------
        ValueError
            If there is no group of a bound's name.
        """
        deadlines = [_EMPTY] * len(names)
        openings: list[Places | None] = [None] * len(names)
        for bound in bounds:
            g = find_group(bound, names)
            size = int(sizes[g])
            places = bound.places(n, size, int(np.sum(sizes)) - size)
            if bound.sense == ">=":
                deadlines[g] = _earlier(deadlines[g], places)
            else:
                openings[g] = _later(openings[g], places)
        return cls(n, tuple(names), np.asarray(sizes), tuple(deadlines), tuple(openings))

    @property
    def has_deadlines(self) -> bool:
        """Whether anybody must come somewhere."""
        return any(len(one) for one in self.deadlines)

    @property
    def has_openings(self) -> bool:
        """Whether there are upper bounds."""
        return any(one is not None for one in self.openings)

    def without_openings(self) -> Windows:
        """The lower bounds alone."""
        none = (None,) * len(self.names)
        return Windows(self.n, self.names, self.sizes, self.deadlines, none)

    def without_deadlines(self) -> Windows:
        """The upper bounds alone."""
        none = (_EMPTY,) * len(self.names)
        return Windows(self.n, self.names, self.sizes, none, self.openings)

    def check(self) -> None:
        """Refuse bounds that no ranking keeps.

        Raises
        ------
        InfeasibleError
            Naming the first prefix of which that is so.
        """
        if self.has_openings:
            from equipoise.rank.feasible import check_schedule

            check_schedule(self)
            return
        failures = self._beyond_sizes()
        needed = np.zeros(self.n + 1, np.int64)
        for places in self.deadlines:
            needed += np.bincount(places, minlength=self.n + 1)
        too_many = np.flatnonzero(np.cumsum(needed) > np.arange(self.n + 1))
        if len(too_many):
            failures.append(self.overfull(int(too_many[0])))
        if failures:
            raise min(failures, key=lambda failure: failure.prefix)

    def needed(self, prefix: int) -> Places:
        """How many of each group must be in a prefix, shape (p,)."""
        return np.array([np.searchsorted(one, prefix, "right") for one in self.deadlines])

    def overfull(self, prefix: int) -> InfeasibleError:
        """What to say if more must be in a prefix than it holds."""
        needed = self.needed(prefix)
        who = [name for name, count in zip(self.names, needed, strict=True) if count]
        asked = ", ".join(
            f"{name} {count:,}" for name, count in zip(self.names, needed, strict=True) if count
        )
        return InfeasibleError(
            prefix,
            who,
            f"no ranking keeps the bounds: the first {prefix:,} places must have {asked}, which "
            f"is {needed.sum():,} together; lower these shares, or count them in longer prefixes.",
        )

    def _beyond_sizes(self) -> list[InfeasibleError]:
        return [
            InfeasibleError(
                int(places[size]),
                [name],
                f"no ranking keeps the bounds: the first {places[size]:,} places must have "
                f"{size + 1:,} or more of {name!r}, of whom there are {size:,}.",
            )
            for name, size, places in zip(self.names, self.sizes, self.deadlines, strict=True)
            if len(places) > size
        ]


def _earlier(a: Places, b: Places) -> Places:
    shorter, longer = sorted((a, b), key=len)
    joined = longer.copy()
    joined[: len(shorter)] = np.minimum(joined[: len(shorter)], shorter)
    return joined


def _later(a: Places | None, b: Places) -> Places:
    if a is None:
        return b
    k = min(len(a), len(b))
    return np.maximum(a[:k], b[:k])
