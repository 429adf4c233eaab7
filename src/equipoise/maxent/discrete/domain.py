"""Products of finite sets, and what is averaged over them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

MOST_LEVELS = 4096  # of an attribute


@dataclass(frozen=True, eq=False)
class Attribute:
    """One factor of a product: finitely many levels, and the statistics of each.

    Usually made by :meth:`categories`, :meth:`numbers` or :meth:`joint`.

    Attributes
    ----------
    values : ndarray of float64, shape (levels, k)
        What is averaged of each level.
    shape : tuple of int
        The numbers of levels of the columns that it joins; their product is the number of its own.

    Raises
    ------
    ValueError
        If values are not finite, or not one row a level.
    """

    values: Array
    shape: tuple[int, ...]

    def __post_init__(self) -> None:
        values = np.asarray(self.values, np.float64)
        object.__setattr__(self, "values", values)
        if values.ndim != 2 or not values.size:
            raise ValueError(f"values must have shape (levels, k), not {values.shape}.")
        if not np.isfinite(values).all():
            raise ValueError("values must be finite: every level needs its statistics.")
        if len(values) > MOST_LEVELS:
            raise ValueError(f"values has {len(values):,} levels; there can be {MOST_LEVELS:,}.")
        if prod(self.shape) != len(values):
            raise ValueError(
                f"values has {len(values)} rows, but columns of {self.shape} levels have "
                f"{prod(self.shape)} together."
            )

    @classmethod
    def categories(cls, n_levels: int) -> Attribute:
        """A column of categories: what is averaged is how often each occurs.

        Parameters
        ----------
        n_levels : int

        Returns
        -------
        Attribute
        """
        return cls.joint(n_levels)

    @classmethod
    def joint(cls, *sizes: int) -> Attribute:
        """Several columns as one attribute, so that an expectation fixes their joint law.

        The product law takes them as one factor as well.

        Parameters
        ----------
        *sizes : int
            The number of levels of each column, whose codes stand side by side.

        Returns
        -------
        Attribute
        """
        whole = all(isinstance(size, Integral) for size in sizes)
        levels = prod(sizes)
        if not sizes or not whole or min(sizes) < 1 or levels > MOST_LEVELS:
            raise ValueError(
                f"sizes must be positive whole numbers with a product of at most {MOST_LEVELS:,}, "
                f"not {sizes}."
            )
        return cls(np.eye(levels), tuple(int(size) for size in sizes))

    @classmethod
    def numbers(cls, values: ArrayLike) -> Attribute:
        """A column of finitely many numbers: what is averaged is the number.

        Parameters
        ----------
        values : array-like, shape (levels,) or (levels, k)
            The number, or several, for which each code stands.

        Returns
        -------
        Attribute
        """
        table = np.asarray(values, np.float64)
        table = table[:, None] if table.ndim == 1 else table
        return cls(table, (len(table),))

    def __len__(self) -> int:
        return len(self.values)

    @cached_property
    def categorical(self) -> bool:
        """Whether what is averaged is how often each level occurs."""
        return self.values.shape[0] == self.values.shape[1] and bool(
            (self.values == np.eye(len(self.values))).all()
        )


@dataclass(frozen=True, eq=False)
class Domain:
    """The product of attributes.

    A point is given by integer codes, one for each column; the columns of an attribute that joins
    several stand side by side.

    Attributes
    ----------
    attributes : tuple of Attribute, length d

    Raises
    ------
    ValueError
        If there is none, or one is something else.
    """

    attributes: Sequence[Attribute]
    starts: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "attributes", tuple(self.attributes))
        if not self.attributes:
            raise ValueError("attributes is empty; a domain has at least one.")
        other = [one for one in self.attributes if not isinstance(one, Attribute)]
        if other:
            raise ValueError(f"attributes must be of Attribute, but one is {other[0]!r}.")
        object.__setattr__(
            self, "starts", np.cumsum([0, *(len(one) for one in self.attributes)])[:-1]
        )

    @property
    def n_columns(self) -> int:
        """The number of codes of a point."""
        return sum(len(one.shape) for one in self.attributes)

    @property
    def dtype(self) -> type[np.unsignedinteger[Any]]:
        """The type in which levels are kept."""
        return np.uint8 if max(map(len, self.attributes)) <= 256 else np.uint16

    @property
    def n_levels(self) -> int:
        """The levels of all attributes together."""
        return sum(map(len, self.attributes))

    @property
    def n_statistics(self) -> int:
        """The length of a vector of expectations."""
        return sum(one.values.shape[1] for one in self.attributes)

    @cached_property
    def slices(self) -> tuple[slice, ...]:
        """Where the statistics of each attribute stand in a vector of expectations."""
        ends = np.cumsum([0, *(one.values.shape[1] for one in self.attributes)])
        return tuple(slice(int(a), int(b)) for a, b in itertools.pairwise(ends))

    @cached_property
    def level_slices(self) -> tuple[slice, ...]:
        """Where the levels of each attribute stand among all."""
        return tuple(
            slice(int(start), int(start) + len(one))
            for start, one in zip(self.starts, self.attributes, strict=True)
        )

    def pack(self, codes: ArrayLike) -> NDArray[Any]:
        """Write points as one level for each attribute.

        Parameters
        ----------
        codes : array-like of int, shape (n, columns)

        Returns
        -------
        ndarray of uint8 or uint16, shape (n, d)
            Row by row in memory.

        Raises
        ------
        ValueError
            If codes are of another shape, no integers, or out of range.
        """
        table = np.asarray(codes)
        if table.ndim != 2 or table.shape[1] != self.n_columns:
            raise ValueError(f"codes must have shape (n, {self.n_columns}), not {table.shape}.")
        if table.size and table.dtype.kind not in "iub":
            raise ValueError(f"codes must be integers, not {table.dtype}.")
        self._check_range(table)
        if all(len(one.shape) == 1 for one in self.attributes):
            return np.ascontiguousarray(table, self.dtype)
        packed = np.empty((len(table), len(self.attributes)), self.dtype)
        at = 0
        for j, one in enumerate(self.attributes):
            own = table[:, at : at + len(one.shape)]
            packed[:, j] = np.ravel_multi_index(tuple(own.T.astype(np.int64)), one.shape)
            at += len(one.shape)
        return packed

    def unpack(self, levels: NDArray[Any]) -> NDArray[Any]:
        """Write levels of attributes as codes of columns again.

        Parameters
        ----------
        levels : ndarray of int, shape (n, d)

        Returns
        -------
        ndarray of int, shape (n, columns)
        """
        if all(len(one.shape) == 1 for one in self.attributes):
            return levels
        columns = [
            column
            for j, one in enumerate(self.attributes)
            for column in np.unravel_index(levels[:, j].astype(np.int64), one.shape)
        ]
        return np.stack(columns, axis=1).astype(levels.dtype)

    def statistics(self, codes: ArrayLike) -> Array:
        """What is averaged, for each point.

        Parameters
        ----------
        codes : array-like of int, shape (n, columns)

        Returns
        -------
        ndarray of float64, shape (n, statistics)
        """
        levels = self.pack(codes)
        return np.concatenate(
            [one.values[levels[:, j]] for j, one in enumerate(self.attributes)], axis=1
        )

    def mean(self, codes: ArrayLike, weights: ArrayLike | None = None) -> Array:
        """The mean of the statistics over points.

        Parameters
        ----------
        codes : array-like of int, shape (n, columns)
        weights : array-like, shape (n,), optional
            What each point counts; of any positive sum.

        Returns
        -------
        ndarray of float64, shape (statistics,)
        """
        levels = self.pack(codes)
        counted = check_weights(weights, len(levels))
        return self.mean_of_levels(self.level_sums(levels, counted))

    # Compiling loops is loaded when something is computed: it takes longer than all the rest.

    def level_sums(self, levels: NDArray[Any], weights: Array) -> Array:
        """Add up the weights of the rows that have each level.

        Parameters
        ----------
        levels : ndarray of int, shape (n, d)
            As :meth:`pack` gives them.
        weights : ndarray, shape (n,)

        Returns
        -------
        ndarray of float64, shape (all levels,)
        """
        from equipoise.maxent.discrete.loops import level_sums

        return np.asarray(level_sums(levels, self.starts, weights, self.n_levels))

    def scores(self, levels: NDArray[Any], of_level: Array) -> Array:
        """Add up, for each row, what its levels have.

        Parameters
        ----------
        levels : ndarray of int, shape (n, d)
            As :meth:`pack` gives them.
        of_level : ndarray of float64, shape (all levels,)

        Returns
        -------
        ndarray of float64, shape (n,)
        """
        from equipoise.maxent.discrete.loops import scores

        return np.asarray(scores(levels, self.starts, of_level))

    def mean_of_levels(self, shares: Array) -> Array:
        """The mean of the statistics where each level has a share.

        Parameters
        ----------
        shares : ndarray, shape (levels of all attributes,)

        Returns
        -------
        ndarray of float64, shape (statistics,)
        """
        parts = zip(self.attributes, self.level_slices, strict=True)
        return np.concatenate([shares[at] @ one.values for one, at in parts])

    def _check_range(self, codes: NDArray[Any]) -> None:
        if not len(codes):
            return
        sizes = [size for one in self.attributes for size in one.shape]
        low, high = codes.min(axis=0), codes.max(axis=0)
        for column, size in enumerate(sizes):
            if low[column] < 0 or high[column] >= size:
                raise ValueError(
                    f"codes: column {column} must lie in 0..{size - 1}, but ranges from "
                    f"{low[column]} to {high[column]}."
                )


def check_weights(weights: ArrayLike | None, n: int) -> Array:
    """Weights of points with sum 1.

    Parameters
    ----------
    weights : array-like, shape (n,), or None
        None counts each alike.
    n : int
        At least 1.

    Returns
    -------
    ndarray of float64, shape (n,)

    Raises
    ------
    ValueError
        If they are negative, not finite, all zero, or not n.
    """
    if not n:
        raise ValueError("codes has no rows; at least one is needed.")
    if weights is None:
        return np.full(n, 1 / n)
    counted = np.asarray(weights, np.float64)
    if counted.shape != (n,):
        raise ValueError(f"weights must have shape ({n},), one a row, not {counted.shape}.")
    total = counted.sum()
    if not np.isfinite(total) or (counted < 0).any() or total <= 0:
        raise ValueError("weights must be finite and at least 0, with a positive sum.")
    return counted / total
