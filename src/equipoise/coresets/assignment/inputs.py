"""Costs, weights, collections and groups, checked and brought into one form."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Whole = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Points:
    """Points in kinds: points of one kind are in the same groups.

    Attributes
    ----------
    costs : ndarray, shape (n, k)
    weights : ndarray, shape (n,)
    collections : ndarray of int64, shape (n,)
    kinds : ndarray of int64, shape (n,)
        Collections that are in the same groups are one kind.
    members : ndarray of bool, shape (kinds, l)
    kind_of : ndarray of int64, shape (collections,)
    """

    costs: Array
    weights: Array
    collections: Whole
    kinds: Whole
    members: NDArray[np.bool_]
    kind_of: Whole

    @property
    def n_centres(self) -> int:
        """Centres, k."""
        return self.costs.shape[1]

    @cached_property
    def kind_masses(self) -> Array:
        """The mass of each kind."""
        masses = np.bincount(self.kinds, self.weights, minlength=len(self.members))
        return np.asarray(masses, np.float64)

    @cached_property
    def group_masses(self) -> Array:
        """The mass of each group."""
        return self.members.T.astype(np.float64) @ self.kind_masses

    @cached_property
    def mass(self) -> float:
        """The mass of all points, each counted once."""
        return float(self.weights.sum())

    @cached_property
    def spread(self) -> float:
        """How much the dearest centre costs more than the cheapest, the mean over points."""
        # Without this unit a first step on raw costs is far too short and optimisers stop at once.
        highest = self.costs.max(axis=1)
        apart = float(self.weights @ (highest - self.costs.min(axis=1)) / self.mass)
        return apart or float(self.weights @ highest / self.mass) or 1.0

    @cached_property
    def scaled(self) -> Array:
        """Costs above the cheapest centre's, in units of the spread, shape (n, k)."""
        above = self.costs - self.costs.min(axis=1, keepdims=True)
        above /= self.spread
        return above


def as_points(
    costs: ArrayLike, weights: ArrayLike | None, collections: ArrayLike, members: ArrayLike
) -> Points:
    """Check what an assignment is of.

    Parameters
    ----------
    costs : array-like, shape (n, k)
    weights : array-like, shape (n,), or None
    collections : array-like of int, shape (n,)
    members : array-like of bool, shape (collections, l)

    Returns
    -------
    Points

    Raises
    ------
    ValueError
        If something is not a finite number, negative, or of another shape.
    """
    table = as_numbers(costs, "costs", 2)
    n, k = table.shape
    if not n or not k:
        raise ValueError(f"costs must have points and centres, but has shape {table.shape}.")
    if table.min() < 0:
        raise ValueError(f"costs must not be negative, but one is {table.min():g}.")
    mass = np.ones(n) if weights is None else as_numbers(weights, "weights", 1)
    if len(mass) != n:
        raise ValueError(f"weights must have one number for each of {n} points, not {len(mass)}.")
    if mass.min() < 0:
        raise ValueError(f"weights must not be negative, but one is {mass.min():g}.")
    if mass.max() == 0:
        raise ValueError("weights must not all be zero: there is nothing to assign.")
    with np.errstate(over="ignore"):
        if not np.isfinite(table.max() * mass.sum() * k):
            raise ValueError(
                "costs times weights are too large for a float; divide either by a constant."
            )
    inside = as_members(members)
    codes = as_codes(collections, n, len(inside))
    # Collections that are in the same groups differ in nothing that is asked of them.
    kinds, kind_of = np.unique(inside, axis=0, return_inverse=True)
    kind_of = kind_of.reshape(-1).astype(np.int64)
    return Points(table, mass, codes, kind_of[codes], kinds, kind_of)


def as_members(members: ArrayLike) -> NDArray[np.bool_]:
    """Take a table of which collection is in which groups.

    Parameters
    ----------
    members : array-like of bool, shape (collections, l)

    Returns
    -------
    ndarray of bool, shape (collections, l)

    Raises
    ------
    ValueError
        If it is not a table of 0 and 1.
    """
    table = np.asarray(members)
    if table.ndim != 2 or not len(table):
        raise ValueError(
            f"members must have a row for each collection and a column for each group, but has "
            f"shape {table.shape}."
        )
    if table.dtype.kind not in "biuf" or not np.isin(table, (0, 1)).all():
        raise ValueError("members must be True or False: which groups each collection is in.")
    return table.astype(bool)


def as_codes(collections: ArrayLike, n: int, n_collections: int) -> Whole:
    """Take the collection of each point.

    Parameters
    ----------
    collections : array-like of int, shape (n,)
    n, n_collections : int

    Returns
    -------
    ndarray of int64, shape (n,)

    Raises
    ------
    ValueError
        If these are not n rows of `members`.
    """
    codes = np.asarray(collections)
    if codes.dtype.kind not in "iu":
        raise ValueError(f"collections must be integers, rows of members, not {codes.dtype}.")
    if codes.shape != (n,):
        raise ValueError(
            f"collections must have one code for each of {n} points, but has shape {codes.shape}."
        )
    if codes.min() < 0 or codes.max() >= n_collections:
        raise ValueError(
            f"collections must be rows of members, 0 to {n_collections - 1}, but are from "
            f"{codes.min()} to {codes.max()}."
        )
    return codes.astype(np.int64)


def as_numbers(values: Any, argument: str, ndim: int) -> Array:
    """Take finite numbers.

    Parameters
    ----------
    values : array-like
    argument : str
    ndim : {0, 1, 2}

    Returns
    -------
    ndarray

    Raises
    ------
    ValueError
        If they are not numbers, not finite, or have another number of axes.
    """
    table = np.asarray(values)
    if table.dtype.kind not in "biuf":
        raise ValueError(f"{argument} must be numbers, not {table.dtype}.")
    if table.ndim != ndim:
        wanted = ("a number", "one column", "a table with rows and columns")[ndim]
        raise ValueError(f"{argument} must be {wanted}, but has shape {table.shape}.")
    wrong = table.size - np.count_nonzero(np.isfinite(table))
    if wrong:
        raise ValueError(
            f"{argument} has {wrong:,} values that are missing or not finite; leave these out."
        )
    return np.asarray(table, dtype=np.float64, order="C")


def as_tolerance(tolerance: float) -> float:
    """Take a relative tolerance.

    Parameters
    ----------
    tolerance : float

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If it is not a number in (0, 1).
    """
    number = float(as_numbers(tolerance, "tolerance", 0))
    if not 0 < number < 1:
        raise ValueError(f"tolerance must lie between 0 and 1, but is {number:g}.")
    return number
