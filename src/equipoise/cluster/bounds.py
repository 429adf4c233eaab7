"""What shares of each cluster groups must and may have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.coresets.assignment import InfeasibleError
from equipoise.shares import Sense, ShareBound, as_share, find_group

Array = NDArray[np.float64]

Bounds = str | ShareBound | Iterable[str | ShareBound] | Mapping[str, float | str]
"""One or several bounds, or shares by the name of the group."""

BALANCE = 0.8
"""What is asked where nothing is: the four-fifths rule, for clusters."""


_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class ShareBounds:
    """Bounds of each group's share of each cluster.

    Attributes
    ----------
    names : tuple of str, length l
        The groups.
    shares : ndarray, shape (l,)
        Of all rows.
    at_least, at_most : ndarray, shape (l,)
        0 and 1 where nothing is asked.
    """

    names: tuple[str, ...]
    shares: Array
    at_least: Array
    at_most: Array

    @classmethod
    def of(
        cls,
        names: Sequence[str],
        shares: Array,
        *,
        at_least: Bounds | None = None,
        at_most: Bounds | None = None,
        balance: float | None = None,
    ) -> ShareBounds:
        """From what a user asks.

        Parameters
        ----------
        names : sequence of str, length l
        shares : ndarray, shape (l,)
            Of all rows.
        at_least, at_most : str, ShareBound, several of them, or mapping, optional
            Such as ``"women >= 0.3"`` or ``{"women": 0.3}``.
        balance : float, optional
            b: every share lies between b times and 1/b times the group's share of all rows, where
            no bound says otherwise (Bera et al. 2019, section 1: b = 1 - delta). By default 0.8 if
            there are no other bounds, and otherwise 0, which asks for nothing.

        Returns
        -------
        ShareBounds

        Raises
        ------
        ValueError
            If a bound cannot be read, is of no group there is, or is the other way round.
        InfeasibleError
            If not all clusters can keep them.
        """
        lower = read_bounds(at_least, ">=", "at_least")
        upper = read_bounds(at_most, "<=", "at_most")
        b = read_balance(balance, at_least, at_most)
        low = b * shares
        high = np.minimum(1.0, shares / b) if b > 0 else np.ones(len(shares))
        for bounds, ends in ((lower, low), (upper, high)):
            asked: dict[int, float] = {}
            for bound in bounds:
                g = find_group(bound, names)
                share = float(bound.share)
                keep = max if bound.sense == ">=" else min
                asked[g] = keep(asked.get(g, share), share)
            for g, share in asked.items():
                ends[g] = share
        found = cls(tuple(names), shares, low, high)
        found._require_feasible()
        return found

    def _require_feasible(self) -> None:
        # Some cluster has at most, and some at least, the share of all rows; and all rows in one
        # cluster have just these shares. So bounds can be kept exactly if these keep them.
        for g, name in enumerate(self.names):
            for argument, sense, end, broken in (
                ("at_least", ">=", self.at_least[g], self.at_least[g] > self.shares[g] + _ROUNDING),
                ("at_most", "<=", self.at_most[g], self.at_most[g] < self.shares[g] - _ROUNDING),
            ):
                if broken:
                    raise InfeasibleError(
                        f"{argument}: not every cluster can have '{name} {sense} {end:g}', since "
                        f"the share of {name!r} in all rows is {self.shares[g]:.4g}; ask for "
                        f"{'no more' if sense == '>=' else 'no less'} than that."
                    )

    @property
    def idle(self) -> bool:
        """Whether they ask for nothing."""
        return bool((self.at_least <= 0).all() and (self.at_most >= 1).all())

    def excess(self, masses: Array, sizes: Array) -> Array:
        """By how much mass clusters break bounds.

        Parameters
        ----------
        masses : ndarray, shape (l, k)
            Of each group in each cluster.
        sizes : ndarray, shape (k,)
            Of all rows in it.

        Returns
        -------
        ndarray, shape (l, k)
            What a group has too little or too much of a cluster of that size; 0 where both
            bounds are kept.
        """
        lacking = self.at_least[:, None] * sizes - masses
        beyond = masses - self.at_most[:, None] * sizes
        # Shares such as 0.8 times 1/3 are rounded, and so are sums of weights.
        rounding = 1e-9 * sizes.sum()
        over = np.maximum(lacking, beyond)
        return np.where(over > rounding, over, 0.0)


def read_balance(balance: Any, at_least: Any, at_most: Any) -> float:
    """Check a balance, and take the usual one where nothing is asked.

    Parameters
    ----------
    balance : float or None
    at_least, at_most : optional
        Other bounds.

    Returns
    -------
    float
        Between 0 and 1.

    Raises
    ------
    ValueError
        If it lies elsewhere.
    """
    if balance is None:
        return 0.0 if _given(at_least) or _given(at_most) else BALANCE
    if isinstance(balance, bool | str) or not 0 <= float(balance) <= 1:
        raise ValueError(
            f"balance must be a number from 0 (nothing is asked) to 1 (shares as in all rows), "
            f"not {balance!r}."
        )
    return float(balance)


def asks_nothing(balance: Any, at_least: Any, at_most: Any) -> bool:
    """Whether no groups are needed.

    Parameters
    ----------
    balance, at_least, at_most
        As :meth:`ShareBounds.of` takes them.

    Returns
    -------
    bool
    """
    return (
        not _given(at_least)
        and not _given(at_most)
        and read_balance(balance, at_least, at_most) == 0
    )


def read_bounds(bounds: Bounds | None, sense: Sense, argument: str) -> tuple[ShareBound, ...]:
    """Read bounds of one kind.

    Parameters
    ----------
    bounds : str, ShareBound, several of them, mapping, or None
    sense : {">=", "<="}
        Theirs.
    argument : str
        Which gave them, for messages.

    Returns
    -------
    tuple of ShareBound

    Raises
    ------
    ValueError
        If one cannot be read or is of the other kind.
    """
    if bounds is None:
        return ()
    if isinstance(bounds, Mapping):
        return tuple(
            ShareBound(str(group), sense, as_share(str(group), share))
            for group, share in bounds.items()
        )
    several = [bounds] if isinstance(bounds, str | ShareBound) else bounds
    if not isinstance(several, Iterable):
        raise ValueError(
            f"{argument} must be like 'women {sense} 0.3', several of these, or shares by group as "
            f"in {{'women': 0.3}}, not {bounds!r}."
        )
    read = tuple(ShareBound.parse(one) for one in several)
    for bound in read:
        if bound.sense != sense:
            other = "at_most" if argument == "at_least" else "at_least"
            raise ValueError(
                f"{argument}: '{bound}' is the other way round; write it with {sense}, or give it "
                f"as {other}."
            )
    return read


def _given(bounds: Any) -> bool:
    if bounds is None:
        return False
    return isinstance(bounds, str | ShareBound) or not hasattr(bounds, "__len__") or len(bounds) > 0
