"""How much attention a ranking gives each group, and how far prefixes are from shares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.groups import Groups, How
from equipoise.rank.discounts import Discount, discounts

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Exposure:
    """Exposure of groups in one ranking.

    Attributes
    ----------
    names : tuple of str, length g
    exposure : ndarray, shape (g,)
        Mean worth of the positions of a group's members; those who are not ranked have none. NaN
        for a group without members (Singh and Joachims, KDD 2018, equation 3).
    share : ndarray, shape (g,)
        Of all exposure.
    candidates : ndarray, shape (g,)
        The share of the group among all who could be ranked.
    ranked : ndarray, shape (g,)
        The share among those who are.
    """

    names: tuple[str, ...]
    exposure: Array
    share: Array
    candidates: Array
    ranked: Array

    @property
    def gap(self) -> float:
        """Largest mean exposure minus the smallest, of groups that have members."""
        return float(np.nanmax(self.exposure) - np.nanmin(self.exposure))

    @property
    def ratio(self) -> float:
        """Smallest mean exposure over the largest, likewise; NaN if nobody has any."""
        largest = float(np.nanmax(self.exposure))
        return float(np.nanmin(self.exposure)) / largest if largest else np.nan

    def to_dict(self) -> dict[str, Any]:
        """All of it, as JSON can hold it."""
        return {
            "groups": list(self.names),
            "exposure": [_or_none(value) for value in self.exposure],
            "share": [_or_none(value) for value in self.share],
            "candidates": [_or_none(value) for value in self.candidates],
            "ranked": [_or_none(value) for value in self.ranked],
            "gap": _or_none(self.gap),
            "ratio": _or_none(self.ratio),
        }


def exposure(
    order: ArrayLike,
    sensitive_features: Any,
    *,
    discount: Discount | ArrayLike = "dcg",
    how: How = "crossed",
) -> Exposure:
    """Exposure of each group in a ranking.

    Parameters
    ----------
    order : array-like of int, shape (n,)
        Rows from the first position on.
    sensitive_features : array-like, mapping, table, Groups, or anything with `names` and `matrix()`
        The groups of all rows that could be ranked. All figures are linear in the membership
        matrix, so that a signed one, which corrects for noise in who is written down as what,
        corrects them; but only of a ranking that did not look at what is written down. For one
        that did, take :class:`equipoise.rank.ExpectedGroups`.
    discount : {"dcg", "reciprocal", "geometric", "none"} or array-like
    how : {"crossed", "each", "lattice"}

    Returns
    -------
    Exposure

    Raises
    ------
    ValueError
        If rows are ranked twice or are not there.
    """
    names, codes, patterns = _membership(sensitive_features, how)
    rows = as_order(order, len(codes))
    worth = discounts(discount, len(rows))
    size, ranked, given = (
        np.bincount(codes[some], weights, len(patterns)) @ patterns
        for some, weights in ((slice(None), None), (rows, None), (rows, worth))
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        return Exposure(
            names,
            given / size,
            given / worth.sum(),
            size / len(codes),
            ranked / len(rows),
        )


def ndkl(
    order: ArrayLike,
    sensitive_features: Any,
    wanted: Mapping[str, float] | None = None,
    *,
    how: How = "crossed",
) -> float:
    """Normalised discounted cumulative KL divergence of prefixes from wanted shares.

    Geyik, Ambler and Kenthapadi (KDD 2019): the mean over prefixes k, weighted by
    1 / log2(k + 1), of the divergence of the groups' shares in the prefix from the wanted ones.

    Parameters
    ----------
    order : array-like of int, shape (n,)
        Rows from the first position on.
    sensitive_features : array-like, mapping, table or Groups
        Disjoint groups of all rows that could be ranked.
    wanted : mapping from groups to float, optional
        By default their shares among all who could be ranked.
    how : {"crossed"}

    Returns
    -------
    float
        In nats; 0 if all prefixes have the wanted shares, and infinite if somebody is ranked of
        whom nobody is wanted.

    Raises
    ------
    ValueError
        If groups overlap, or wanted shares are of other groups or do not sum to 1.
    """
    groups = Groups.of(sensitive_features, how)
    if groups.codes is None:
        raise ValueError("ndkl needs disjoint groups; take the columns crossed.")
    rows = as_order(order, groups.n_rows)
    shares = groups.sizes / groups.n_rows
    if wanted is not None:
        if {*wanted} != {*groups.names}:
            raise ValueError(
                f"wanted has {', '.join(map(str, wanted))}, but the groups are "
                f"{', '.join(groups.names)}; give a share for each."
            )
        shares = np.array([wanted[name] for name in groups.names], np.float64)
        if not (shares >= 0).all() or abs(shares.sum() - 1) > 1e-6:
            raise ValueError(f"wanted shares must be 0 or more and sum to 1, not {dict(wanted)}.")
    k = np.arange(1, len(rows) + 1)
    weights, total = 1 / np.log2(k + 1), np.zeros(len(rows))
    for g, share in enumerate(shares):
        of_prefix = np.cumsum(groups.codes[rows] == g) / k
        there = of_prefix > 0
        with np.errstate(divide="ignore"):
            total[there] += of_prefix[there] * (np.log(of_prefix[there]) - np.log(share))
    return float(weights @ total / weights.sum())


def as_order(order: ArrayLike, n_rows: int) -> NDArray[np.int64]:
    """Take a ranking as rows.

    Parameters
    ----------
    order : array-like of int, shape (n,)
    n_rows : int

    Returns
    -------
    ndarray of int64, shape (n,)

    Raises
    ------
    ValueError
        If it is empty, not of integers, or names a row twice or one that is not there.
    """
    rows = np.asarray(order)
    if rows.ndim != 1 or not len(rows) or rows.dtype.kind not in "iu":
        raise ValueError("order must be row numbers from the first position on.")
    if rows.min() < 0 or rows.max() >= n_rows:
        raise ValueError(
            f"order has row numbers from {rows.min()} to {rows.max()}, but there are {n_rows:,} "
            "rows."
        )
    if np.bincount(rows).max() > 1:
        raise ValueError(f"order has row {np.bincount(rows).argmax()} more than once.")
    return rows.astype(np.int64, copy=False)


def _membership(
    sensitive_features: Any, how: How
) -> tuple[tuple[str, ...], NDArray[np.int64], Array]:
    groups = sensitive_features
    if not callable(getattr(groups, "matrix", None)):
        groups = Groups.of(sensitive_features, how)
    if callable(getattr(groups, "patterns", None)):  # far fewer than rows
        codes, patterns = groups.patterns()
    else:
        patterns = np.asarray(groups.matrix())
        codes = np.arange(len(patterns))
    return tuple(groups.names), codes, patterns.astype(np.float64)


def _or_none(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
