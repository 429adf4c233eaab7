"""How many of a group the beginning of a ranking must or may have: bounds of every prefix."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.shares import SHARE, Sense, as_share, share_text

Places = NDArray[np.int64]

_FORM = re.compile(
    r"(?P<group>.+?)\s*(?P<sense>>=|<=)\s*"
    rf"(?:(?P<share>{SHARE})|(?P<count>\d+)\s+in\s+(?P<within>\d+))"
)
_FORMS = "'women >= 0.3', 'women <= 1/2' or 'women >= 3 in 10'"


@dataclass(frozen=True)
class Bound:
    """A bound of how many of a group are among the first k, for every k.

    Build one with :meth:`of_share`, :meth:`of_first`, :meth:`of_counts` or :meth:`parse`.

    Attributes
    ----------
    group : str
    sense : {">=", "<="}
        At least, or at most.
    share : Fraction or None
        Among the first k at least floor(share k), until the group is exhausted; or at most
        ceil(share k), until all others are.
    counts : tuple of (int, int)
        Otherwise: pairs (k, count), among the first k at least or at most so many.
    """

    group: str
    sense: Sense
    share: Fraction | None = None
    counts: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        if self.sense not in get_args(Sense):
            raise ValueError(f"sense must be '>=' or '<=', not {self.sense!r}.")
        if self.share is not None and not 0 <= self.share <= 1:
            raise ValueError(
                f"the share of {self.group!r} must lie between 0 and 1, not "
                f"{float(self.share):g}; a number of people is written 'women >= 3 in 10'."
            )
        for within, count in self.counts:
            if not 0 <= count <= within:
                raise ValueError(
                    f"{count} of {self.group!r} in the first {within} is not a count of a prefix: "
                    "it must lie between 0 and the length."
                )

    @classmethod
    def of_share(cls, group: str, sense: Sense, share: float | str | Fraction) -> Bound:
        """Bound the share of a group in every prefix (proportional representation).

        The rounding is that of Geyik, Ambler and Kenthapadi (KDD 2019): floor below, ceiling
        above. So of two groups "A at least a" and "B at most 1 - a" are the same, and no bound
        asks for somebody at the very first position unless it asks for nobody else.

        Parameters
        ----------
        group : str
        sense : {">=", "<="}
        share : float, str or Fraction
            Between 0 and 1. It is taken as the simplest fraction near it, of a denominator up to a
            million, so that 0.29 of 100 is 29.

        Returns
        -------
        Bound
        """
        return cls(group, sense, share=as_share(group, share))

    @classmethod
    def of_first(cls, group: str, sense: Sense, count: int, within: int) -> Bound:
        """Bound how many of a group are among the first few: a Rooney rule.

        Parameters
        ----------
        group : str
        sense : {">=", "<="}
        count, within : int
            So many among the first `within`.

        Returns
        -------
        Bound
        """
        return cls(group, sense, counts=((int(within), int(count)),))

    @classmethod
    def of_counts(cls, group: str, sense: Sense, counts: ArrayLike) -> Bound:
        """Bound each prefix by a number of its own.

        Parameters
        ----------
        group : str
        sense : {">=", "<="}
        counts : array-like of int, shape (n,)
            For the first 1, 2, ..., n. They need not be monotone: what one prefix must have, all
            longer ones have.

        Returns
        -------
        Bound
        """
        given = np.asarray(counts)
        whole = given.dtype.kind in "iu" or (
            given.dtype.kind == "f"
            and bool((np.isfinite(given) & (given == np.floor(given))).all())
        )
        if given.ndim != 1 or not len(given) or not whole:
            raise ValueError(
                f"the counts of {group!r} must be one whole number for each prefix, at least for "
                "one; of expected counts take np.floor first."
            )
        return cls(group, sense, counts=tuple(enumerate(map(int, given), start=1)))

    @classmethod
    def parse(cls, text: str | Bound) -> Bound:
        """Read a bound as it prints.

        Parameters
        ----------
        text : str or Bound
            ``"women >= 0.3"``, ``"women <= 1/2"``, ``"women >= 3 in 10"``; the name of the group is
            all before the sign.

        Returns
        -------
        Bound

        Raises
        ------
        ValueError
            If it does not parse.
        """
        if isinstance(text, Bound):
            return text
        match = _FORM.fullmatch(text.strip()) if isinstance(text, str) else None
        if match is None:
            raise ValueError(f"cannot read the bound {text!r}; write it like {_FORMS}.")
        sense: Any = match["sense"]
        if match["within"]:
            return cls.of_first(match["group"], sense, int(match["count"]), int(match["within"]))
        return cls.of_share(match["group"], sense, match["share"])

    def __str__(self) -> str:
        if self.share is not None:
            return f"{self.group} {self.sense} {share_text(self.share)}"
        if len(self.counts) == 1:
            return f"{self.group} {self.sense} {self.counts[0][1]} in {self.counts[0][0]}"
        return f"{self.group} {self.sense} counts of {len(self.counts)} prefixes"

    def places(self, n: int, size: int, others: int) -> Places:
        """Where members of the group must be, or may be.

        Parameters
        ----------
        n : int
            Positions.
        size : int
            Members of the group, at which a lower share stops to ask for more.
        others : int
            Who is not, after whom an upper share lets everybody in.

        Returns
        -------
        ndarray of int64
            Of a lower bound the deadline of the j-th member, j = 1, 2, ...: the last position
            at which it may come; those after the end need not come at all. Of an upper bound the
            first position at which the j-th may come; those after the end may not come.
        """
        if self.sense == ">=":
            return self._deadlines(n, size)
        return self._openings(n, size, others)

    def _deadlines(self, n: int, size: int) -> Places:
        if self.share is not None:
            top, bottom = self.share.numerator, self.share.denominator
            j = np.arange(1, min(n * top // bottom, size) + 1)
            return -(-j * bottom // top) if top else j
        within, count = self._pairs(n)
        in_order = np.lexsort((count, within))
        reached = np.maximum.accumulate(count[in_order])
        return np.repeat(within[in_order], np.diff(reached, prepend=0))

    def _openings(self, n: int, size: int, others: int) -> Places:
        if self.share is not None:
            top, bottom = self.share.numerator, self.share.denominator
            # Of those before the j-th; of two groups this is what a lower bound of the other says.
            j = np.arange(min(max(-(-n * top // bottom), n - others), size))
            at_end = j + 1 + others
            return np.minimum(j * bottom // top + 1, at_end) if top else at_end
        allowed = np.arange(n + 1)
        np.minimum.at(allowed, *self._pairs(n))
        # What a longer prefix may not have, none before it has; of the positions without a
        # bound each may add one.
        allowed = np.minimum.accumulate(allowed[::-1])[::-1]
        allowed = np.minimum.accumulate(allowed - np.arange(n + 1)) + np.arange(n + 1)
        return np.searchsorted(allowed, np.arange(1, allowed[-1] + 1)).astype(np.int64)[:size]

    def _pairs(self, n: int) -> tuple[Places, Places]:
        pairs = np.array(self.counts, np.int64).reshape(-1, 2)
        pairs = pairs[pairs[:, 0] <= n]
        return pairs[:, 0], pairs[:, 1]


def parse_bounds(bounds: str | Bound | Iterable[str | Bound]) -> tuple[Bound, ...]:
    """Read one or several bounds.

    Parameters
    ----------
    bounds : str, Bound, or an iterable of them

    Returns
    -------
    tuple of Bound
    """
    several = [bounds] if isinstance(bounds, str | Bound) else bounds
    return tuple(Bound.parse(one) for one in several)
