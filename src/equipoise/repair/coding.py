"""Columns of a table as levels: categories, numbers, and bins of numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from equipoise.data.arrow import kind_of, plain, value_text
from equipoise.data.errors import DataError
from equipoise.maxent.discrete import Attribute

MOST_CATEGORIES = 500
# Texts of which there are so many, and as many as half the rows, tell rows apart.
_MANY = 50
_MISSING = "(missing)"


@dataclass(frozen=True, eq=False)
class Levels:
    """A column as levels.

    Attributes
    ----------
    name : str
    codes : ndarray of int64, shape (n,)
    names : tuple of str
        Of the levels.
    values : ndarray of float64, shape (levels,), or None
        The numbers that the levels are, where their mean is what is to be kept.
    """

    name: str
    codes: NDArray[np.int64]
    names: tuple[str, ...]
    values: NDArray[np.float64] | None = None

    @property
    def attribute(self) -> Attribute:
        """The factor of a domain that it is."""
        if self.values is None:
            return Attribute.categories(len(self.names))
        return Attribute.numbers(self.values)


def code_column(name: str, column: pa.ChunkedArray, bins: int) -> Levels:
    """Make levels of a column.

    Categories, texts and booleans are levels each, and dates of which there are at most ``bins``.
    So are numbers of at most ``bins`` distinct values, which stay numbers: what a law keeps of them
    is their mean. Other numbers and dates fall
    into ``bins`` intervals with about as many rows each, of which a law keeps the shares; a value
    that more rows have than that is an interval of its own. A missing value is a level of its own,
    which makes the column one of categories.

    Parameters
    ----------
    name : str
    column : pyarrow.ChunkedArray of n values
        As :func:`equipoise.data.arrow.to_arrow` gives it.
    bins : int

    Returns
    -------
    Levels

    Raises
    ------
    DataError
        If the values are of no such kind, there are more than 500 categories, or texts are nearly
        as many as rows.
    """
    kind = kind_of(column.type)
    if kind == "other":
        raise DataError(
            f"table: column {name!r} holds {column.type}, which has no levels; convert it to text "
            "or numbers, or leave it out"
        )
    if column.null_count == len(column):
        return Levels(name, np.zeros(len(column), np.int64), (_MISSING,))
    if kind in ("integer", "float"):
        return _numbers(name, column, bins)
    encoded = plain(column).dictionary_encode().combine_chunks()
    values = encoded.dictionary.to_pylist()
    if kind in ("date", "timestamp") and len(values) > bins:
        return _times(name, column, bins)
    if len(values) > min(MOST_CATEGORIES, max(_MANY, len(column) // 2)):
        raise DataError(
            f"table: column {name!r} has {len(values):,} distinct values in {len(column):,} rows, "
            f"wanted at most {MOST_CATEGORIES} categories that rows share; merge rare ones, or "
            "leave the column out (drop=[...]; on the command line: --drop)"
        )
    order = sorted(range(len(values)), key=values.__getitem__)
    rank = np.empty(len(values) + 1, np.int64)
    rank[order] = np.arange(len(values))
    rank[-1] = len(values)
    codes = encoded.indices.fill_null(len(values)).to_numpy(zero_copy_only=False)
    names = tuple(value_text(values[i]) for i in order)
    return Levels(name, rank[codes], (*names, _MISSING) if encoded.null_count else names)


def _numbers(name: str, column: pa.ChunkedArray, bins: int) -> Levels:
    missing = column.is_null().to_numpy()
    values = column.cast(pa.float64()).to_numpy()
    present = values[~missing]
    if np.isinf(present).any():
        raise DataError(
            f"table: column {name!r} has infinite values; leave those rows out, or give them a "
            "largest value"
        )
    distinct = np.asarray(pc.unique(column.drop_null()).cast(pa.float64()).to_numpy())
    if len(distinct) <= bins:
        distinct = np.sort(distinct)
        names = tuple(value_text(float(value)) for value in distinct)
        codes = np.searchsorted(distinct, values)
        if missing.any():
            codes = np.where(missing, len(distinct), codes)
            return Levels(name, codes, (*names, _MISSING))
        return Levels(name, codes, names, distinct if len(distinct) > 2 else None)
    return _intervals(name, values, missing, bins, _short)


def _times(name: str, column: pa.ChunkedArray, bins: int) -> Levels:
    def say(value: float) -> str:
        moment = pa.scalar(int(value), pa.timestamp("us")).cast(pa.timestamp("s"), safe=False)
        return value_text(moment.as_py()).removesuffix(" 00:00:00")

    return _intervals(name, microseconds(column), column.is_null().to_numpy(), bins, say)


def microseconds(column: pa.ChunkedArray) -> NDArray[np.float64]:
    """Dates and times as numbers, exact until the year 2255.

    Parameters
    ----------
    column : pyarrow.ChunkedArray of n values

    Returns
    -------
    ndarray of float64, shape (n,)
        Since 1970; NaN where a value is missing.
    """
    moments = plain(column).cast(pa.timestamp("us", getattr(column.type, "tz", None)), safe=False)
    return np.asarray(moments.cast(pa.int64()).to_numpy(), np.float64)


def _intervals(
    name: str,
    values: NDArray[np.float64],
    missing: NDArray[np.bool_],
    bins: int,
    say: Callable[[float], str],
) -> Levels:
    ordered = np.sort(values[~missing])
    cuts = _cuts(ordered, bins)
    names = _interval_names(ordered, cuts, say)
    codes = np.where(missing, len(names), np.digitize(values, cuts))
    return Levels(name, codes, (*names, _MISSING) if missing.any() else names)


def _short(value: float) -> str:
    return f"{value:.6g}"


def _cuts(ordered: NDArray[np.float64], bins: int) -> NDArray[np.float64]:
    # The smallest value of each interval but the first. One that more rows have than an interval
    # should is an interval of its own, and the others share what is left.
    cuts = []
    for left in range(bins, 1, -1):
        first = ordered[0]
        start = np.searchsorted(ordered, ordered[len(ordered) // left])
        if not start:
            start = np.searchsorted(ordered, first, side="right")
        ordered = ordered[start:]
        if not len(ordered):
            break
        cuts.append(ordered[0])
    return np.array(cuts)


def _interval_names(
    ordered: NDArray[np.float64], cuts: NDArray[np.float64], say: Callable[[float], str]
) -> tuple[str, ...]:
    starts = np.concatenate([[0], np.searchsorted(ordered, cuts)])
    smallest, largest = ordered[starts], ordered[np.append(starts[1:], len(ordered)) - 1]
    marks = [say(float(cut)) for cut in cuts]
    between = [f"{low} to below {high}" for low, high in pairwise(marks)]
    names = (f"below {marks[0]}", *between, f"{marks[-1]} and above")
    return tuple(
        say(float(low)) if low == high else name
        for name, low, high in zip(names, smallest, largest, strict=True)
    )


def follows(column: Levels, codes: NDArray[np.int64]) -> bool:
    """Whether a column has one level wherever some codes are the same.

    Parameters
    ----------
    column : Levels
    codes : ndarray of int, shape (n,)

    Returns
    -------
    bool
    """
    n = int(codes.max()) + 1
    first = np.zeros(n, np.int64)
    first[codes[::-1]] = column.codes[::-1]
    return bool((first[codes] == column.codes).all())
