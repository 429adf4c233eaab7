"""Any table in, one form out: an Arrow table in which every missing value is a null.

pandas writes a missing number as NaN, polars tells NaN from null, Arrow has nulls only, and
each spells text in a type of its own. The package looks at a table after this step alone, so
that the same content means the same thing wherever it came from.
"""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from typing import Any, Literal

import narwhals as nw
import pyarrow as pa
import pyarrow.compute as pc

from equipoise.data.errors import DataError

__all__ = ["Kind", "kind_of", "plain", "to_arrow", "value_text"]

Kind = Literal["null", "boolean", "integer", "float", "text", "date", "timestamp", "other"]


def to_arrow(table: Any) -> pa.Table:
    """Turn any eager table into an Arrow table with nulls for missing values.

    Parameters
    ----------
    table : pandas, polars or pyarrow table, or eager narwhals frame, of n rows

    Returns
    -------
    pyarrow.Table
        n rows, the same columns in the same order; NaN has become null; no metadata, no index.

    Raises
    ------
    DataError
        If this is no table, or a lazy one; if column names repeat or are not text; if a column
        holds values of more than one type.
    """
    if hasattr(table, "collect") and not hasattr(table, "__len__"):
        raise DataError(
            f"table: given a lazy {type(table).__name__}, wanted rows in memory; "
            "call .collect() on it first"
        )
    names = list(getattr(table, "column_names", getattr(table, "columns", ())))
    _check_names(names)
    try:
        frame = nw.from_native(table, eager_only=True)
    except TypeError as error:
        raise DataError(
            f"table: given a {type(table).__name__}, wanted a pandas, polars or pyarrow table, "
            "or a narwhals frame"
        ) from error
    try:
        # A pandas index arrives as one more column, hence the names.
        arrow = frame.to_arrow().select(names)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise DataError(
            f"table: a column cannot be read as one type ({_last(error)}); "
            "give each column values of a single type"
        ) from error
    return pa.Table.from_arrays([_canonical(column) for column in arrow.columns], names=names)


def kind_of(dtype: pa.DataType) -> Kind:
    """Name the kind of value that a column of this type holds; a category counts as its value.

    Parameters
    ----------
    dtype : pyarrow.DataType

    Returns
    -------
    str
        One of the kinds of `Kind`; "other" covers lists, structures, bytes, durations, ...
    """
    if pa.types.is_dictionary(dtype):
        return kind_of(dtype.value_type)
    kinds: tuple[tuple[Any, Kind], ...] = (
        (pa.types.is_null, "null"),
        (pa.types.is_boolean, "boolean"),
        (pa.types.is_integer, "integer"),
        (pa.types.is_floating, "float"),
        (pa.types.is_decimal, "float"),
        (pa.types.is_string, "text"),
        (pa.types.is_large_string, "text"),
        (pa.types.is_date, "date"),
        (pa.types.is_timestamp, "timestamp"),
    )
    return next((kind for test, kind in kinds if test(dtype)), "other")


def plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Write categories out as the values they stand for; leave any other column as it is."""
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def value_text(value: object) -> str:
    """Write one value as the name of a group or of a class.

    Parameters
    ----------
    value : str, bool, int, float, date or datetime

    Returns
    -------
    str
        As `str` writes it, but a whole number held as a float without its ".0": whether codes
        come as 1 or as 1.0 depends on the file's container, and groups must not.
    """
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        return str(int(value))
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ")
    return str(value)


def _check_names(names: list[Any]) -> None:
    odd = [name for name in names if not isinstance(name, str)]
    if odd:
        raise DataError(
            f"table: column names must be text, given {odd[0]!r} ({type(odd[0]).__name__}); "
            "rename the columns"
        )
    repeated = [name for name, times in Counter(names).items() if times > 1]
    if repeated:
        raise DataError(
            f"table: column names must differ, but {', '.join(map(repr, repeated))} "
            "occurs more than once; rename or remove the second"
        )


def _canonical(column: pa.ChunkedArray) -> pa.ChunkedArray:
    # Most of Arrow's functions refuse the text type that polars exports.
    if _is_text_view(column.type):
        return column.cast(pa.large_string())
    if pa.types.is_decimal(column.type):
        return column.cast(pa.float64())
    if pa.types.is_float16(column.type):
        column = column.cast(pa.float32())
    if pa.types.is_floating(column.type):
        missing = pc.is_nan(column)
        if pc.any(missing).as_py():
            return pc.if_else(missing, pa.scalar(None, column.type), column)
    return column


def _is_text_view(dtype: pa.DataType) -> bool:
    return bool(dtype == pa.string_view()) if hasattr(pa, "string_view") else False


def _last(error: Exception) -> str:
    return ". ".join(str(part) for part in error.args) or type(error).__name__
