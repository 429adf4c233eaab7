"""A table of numbers and categories as a matrix, with a memory that is plain JSON.

scikit-learn's transformers do the same but can only be kept as pickles, which are never loaded
here; and a saved model must give the same bytes each time it is written.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import narwhals as nw
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray


@dataclass(frozen=True)
class NumberColumn:
    """A numeric column: missing values get the median, then it is standardised.

    Attributes
    ----------
    name : str
    median, mean, scale : float
    flags_missing : bool
        Whether values were missing, so that a second feature says where.
    """

    name: str
    median: float
    mean: float
    scale: float
    flags_missing: bool

    @property
    def features(self) -> list[str]:
        """Names of the features made of it."""
        return [self.name, f"{self.name} is missing"] if self.flags_missing else [self.name]

    def fill(self, column: nw.Series[Any], out: NDArray[np.float32]) -> None:
        """Write the features.

        Parameters
        ----------
        column : narwhals Series of n values
        out : ndarray of float32, shape (n, features)
        """
        values = _numbers(column.name, _arrow(column))
        missing = np.isnan(values)
        with np.errstate(over="ignore"):
            out[:, 0] = (np.where(missing, self.median, values) - self.mean) / self.scale
        if not np.isfinite(out[:, 0]).all():
            raise ValueError(
                f"column {column.name!r} holds {np.abs(values[~missing]).max():g}, too far from "
                f"the numbers learnt from, which are about {self.mean:g} plus or minus "
                f"{self.scale:g}."
            )
        if self.flags_missing:
            out[:, 1] = missing


@dataclass(frozen=True)
class CategoryColumn:
    """A column of categories: one feature for each frequent one, and one for all others.

    Attributes
    ----------
    name : str
    categories : tuple of str
        The frequent ones, sorted.
    has_others : bool
        Whether there were rare ones. Categories first met later count as rare ones if there were
        any, and otherwise as none of the known.
    has_missing : bool
        Whether values were missing, which is then a category of its own.
    """

    name: str
    categories: tuple[str, ...]
    has_others: bool
    has_missing: bool

    @property
    def features(self) -> list[str]:
        """Names of the features made of it."""
        names = [f"{self.name} = {category}" for category in self.categories]
        names += [f"{self.name} is rare"] if self.has_others else []
        return names + ([f"{self.name} is missing"] if self.has_missing else [])

    def fill(self, column: nw.Series[Any], out: NDArray[np.float32]) -> None:
        """Write the features.

        Parameters
        ----------
        column : narwhals Series of n values
        out : ndarray of float32, shape (n, features), all 0
        """
        text = _texts(column.name, _arrow(column))
        known = pc.index_in(text, value_set=pa.array(self.categories, pa.string()))
        missing = text.is_null().to_numpy(zero_copy_only=False)
        code = known.fill_null(-1).to_numpy(zero_copy_only=False)
        rows = np.flatnonzero(code >= 0)
        out[rows, code[rows]] = 1
        if self.has_others:
            out[(code < 0) & ~missing, len(self.categories)] = 1
        if self.has_missing:
            out[missing, -1] = 1


class TableEncoder:
    """Turns the rows of a table into vectors.

    Parameters
    ----------
    columns : tuple of NumberColumn or CategoryColumn
        What is known of each column; use :meth:`fit` to learn it from a table.
    """

    max_categories = 40
    """The most frequent categories of a column that get a feature of their own."""
    min_count = 10
    """How many rows a category needs for that."""

    def __init__(self, columns: tuple[NumberColumn | CategoryColumn, ...]) -> None:
        self.columns = columns

    @classmethod
    def fit(cls, frame: nw.DataFrame[Any]) -> TableEncoder:
        """Learn what is needed from a table.

        Parameters
        ----------
        frame : narwhals DataFrame of n rows

        Returns
        -------
        TableEncoder

        Raises
        ------
        ValueError
            If there is no column, or one holds infinite numbers, only missing values, or neither
            numbers nor categories (dates, lists).
        """
        if not frame.columns:
            raise ValueError("the table has no columns to learn from.")
        frame = _named_by_text(frame)
        return cls(tuple(cls._learn(frame[name]) for name in frame.columns))

    @classmethod
    def _learn(cls, column: nw.Series[Any]) -> NumberColumn | CategoryColumn:
        arrow = _arrow(column)
        if arrow.null_count == len(arrow):
            raise ValueError(f"column {column.name!r} holds no value at all; drop it.")
        if _is_number(arrow.type):
            values = _numbers(column.name, arrow)
            missing = np.isnan(values)
            if missing.all():
                raise ValueError(f"column {column.name!r} holds no value at all; drop it.")
            median = float(np.median(values[~missing]))
            filled = np.where(missing, median, values)
            with np.errstate(over="ignore", invalid="ignore"):
                mean, scale = float(filled.mean()), float(filled.std())
            if not np.isfinite(scale):
                raise ValueError(
                    f"column {column.name!r} holds numbers too large to compute with, such as "
                    f"{np.abs(filled).max():g}."
                )
            # The standard deviation of a constant is 0 only up to rounding.
            constant = scale <= 1e-12 * abs(mean)
            return NumberColumn(
                column.name, median, mean, 1.0 if constant else scale, bool(missing.any())
            )
        text = _texts(column.name, arrow)
        counted = text.value_counts()
        counts = [
            (category.as_py(), count.as_py())
            for category, count in zip(*counted.flatten(), strict=True)
            if category.as_py() is not None
        ]
        enough = min(cls.min_count, max(count for _, count in counts))
        frequent = sorted((c for c in counts if c[1] >= enough), key=lambda c: (-c[1], c[0]))[
            : cls.max_categories
        ]
        return CategoryColumn(
            column.name,
            tuple(sorted(category for category, _ in frequent)),
            len(frequent) < len(counts),
            text.null_count > 0,
        )

    @property
    def feature_names(self) -> list[str]:
        """Names of the features, in order."""
        return [name for column in self.columns for name in column.features]

    def transform(self, frame: nw.DataFrame[Any]) -> NDArray[np.float32]:
        """Encode the rows of a table.

        Parameters
        ----------
        frame : narwhals DataFrame of n rows
            With at least the columns learnt from, in any order.

        Returns
        -------
        ndarray of float32, shape (n, d)

        Raises
        ------
        ValueError
            If a column is not there, holds infinite numbers, or holds text where numbers were.
        """
        frame = _named_by_text(frame)
        absent = [column.name for column in self.columns if column.name not in frame.columns]
        if absent:
            raise ValueError(f"the table lacks the columns {absent}; it has {frame.columns}.")
        out = np.zeros((len(frame), len(self.feature_names)), np.float32)
        start = 0
        for column in self.columns:
            width = len(column.features)
            column.fill(frame[column.name], out[:, start : start + width])
            start += width
        return out

    def to_list(self) -> list[dict[str, Any]]:
        """What is known, as JSON can hold it."""
        return [asdict(column) for column in self.columns]

    @classmethod
    def from_list(cls, columns: list[dict[str, Any]]) -> TableEncoder:
        """Read what :meth:`to_list` wrote.

        Parameters
        ----------
        columns : list of dict

        Returns
        -------
        TableEncoder
        """
        return cls(
            tuple(
                CategoryColumn(**{**c, "categories": tuple(c["categories"])})
                if "categories" in c
                else NumberColumn(**c)
                for c in columns
            )
        )


def _named_by_text(frame: nw.DataFrame[Any]) -> nw.DataFrame[Any]:
    # pandas lets a name be a number, by which nothing else can be looked up.
    return frame.rename({name: str(name) for name in frame.columns})


def _arrow(column: nw.Series[Any]) -> pa.Array:
    # What a column holds is asked of arrow: a pandas column of objects may hold anything.
    try:
        arrow = column.to_arrow()
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise ValueError(
            f"column {column.name!r} mixes types that are not one kind of category ({error})."
        ) from error
    return arrow.combine_chunks() if isinstance(arrow, pa.ChunkedArray) else arrow


def _is_number(dtype: pa.DataType) -> bool:
    kind = pa.types
    return (
        kind.is_integer(dtype)
        or kind.is_floating(dtype)
        or kind.is_boolean(dtype)
        or kind.is_decimal(dtype)
    )


def _numbers(name: str, arrow: pa.Array) -> NDArray[np.float64]:
    if arrow.null_count == len(arrow):  # of whatever type: no value tells
        return np.full(len(arrow), np.nan)
    if pa.types.is_string(arrow.type) or pa.types.is_large_string(arrow.type):
        arrow = _spelt_numbers(arrow)
    if not _is_number(arrow.type):
        raise ValueError(f"column {name!r} holds {arrow.type} where numbers were learnt from.")
    cast = arrow.cast(pa.float64(), safe=False)
    values = np.asarray(cast.to_numpy(zero_copy_only=False), np.float64)
    infinite = int(np.isinf(values).sum())
    if infinite:
        raise ValueError(
            f"column {name!r} holds {infinite:,} infinite values; replace them by a number "
            "or leave them missing."
        )
    return values


def _spelt_numbers(arrow: pa.Array) -> pa.Array:
    # Cells taken as they are written in a file, of a column that was numbers in another.
    try:
        return arrow.cast(pa.float64())
    except pa.ArrowInvalid:
        pass
    lower = pc.utf8_lower(arrow)
    if pc.all(pc.is_in(lower.drop_null(), pa.array(["true", "false"]))).as_py():
        return pc.equal(lower, "true")
    return arrow


def _texts(name: str, arrow: pa.Array) -> pa.Array:
    dtype = arrow.type.value_type if pa.types.is_dictionary(arrow.type) else arrow.type
    if pa.types.is_temporal(dtype) or pa.types.is_nested(dtype):
        raise ValueError(f"column {name!r} holds {dtype}; make it a number or a category first.")
    try:
        return arrow.cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise ValueError(
            f"column {name!r} holds {dtype}, which cannot be read as categories ({error})."
        ) from error
