"""Values of a column as integer codes, so that no hot loop ever sees a string."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Integers whose span is at most this are coded by counting instead of by sorting.
_COUNTED_SPAN = 4096
# What libraries call their columns of text and of categories.
_TEXTS = ("category", "dictionary", "str", "large_string", "String", "Categorical", "Enum")
# Rows that usually show every level there is, so that the rest need not be counted.
_FIRST_ROWS = 65_536


class Coded(NamedTuple):
    """A column as codes.

    Attributes
    ----------
    codes : ndarray of int64, shape (n,)
        ``levels[codes[i]]`` is the value of row ``i``. Not to be written to: it may be the
        caller's own column.
    levels : tuple
        The distinct values as plain Python scalars, sorted.
    """

    codes: NDArray[np.int64]
    levels: tuple[Any, ...]


def encode(values: ArrayLike, argument: str) -> Coded:
    """Code the distinct values of one column.

    Parameters
    ----------
    values : array-like, shape (n,)
        Numbers, booleans or strings: a numpy or torch array, a list, or a pandas, polars or
        pyarrow column.
    argument : str
        What the caller's user calls this column, for error messages.

    Returns
    -------
    Coded

    Raises
    ------
    ValueError
        If the column is not one-dimensional, has missing values, or mixes types that have no
        order.
    """
    text = _arrow_text(values)
    if text is not None:
        return _encode_text(text, argument)
    column = as_array(values, argument)
    if column.dtype.kind in "iub":
        return _encode_integers(column)
    if column.dtype.kind == "f":
        return _encode_floats(column, argument)
    return _encode_objects(column, argument)


def as_array(values: ArrayLike, argument: str) -> NDArray[Any]:
    """Take a column of any library as a one-dimensional numpy array.

    Parameters
    ----------
    values : array-like, shape (n,)
    argument : str
        The column's name in error messages.

    Returns
    -------
    ndarray, shape (n,)

    Raises
    ------
    ValueError
        If the values are not one-dimensional.
    """
    column = to_numpy(values, argument)
    if column.ndim == 2 and column.shape[1] == 1:
        column = column[:, 0]
    if column.ndim != 1:
        raise ValueError(
            f"{argument} must be one column of n values, but has shape {column.shape}."
        )
    return column


def to_numpy(values: Any, argument: str) -> NDArray[Any]:
    """Take what any library holds as a numpy array of the same shape.

    Parameters
    ----------
    values : array-like
    argument : str
        Its name in error messages.

    Returns
    -------
    ndarray

    Raises
    ------
    ValueError
        If a masked array has masked values.
    """
    if isinstance(values, np.ma.MaskedArray):
        if np.ma.is_masked(values):
            missing = int(np.ma.getmaskarray(values).sum())
            raise ValueError(_missing_message(argument, missing, values.size))
        return np.asarray(values.data)
    detach = getattr(values, "detach", None)
    if detach is not None:
        return np.asarray(detach().cpu().numpy())
    if hasattr(values, "to_numpy"):
        try:
            return np.asarray(values.to_numpy())
        except ValueError:  # Arrow copies only when told that it may
            return np.asarray(values.to_numpy(zero_copy_only=False))
    array = np.asarray(values)
    if hasattr(values, "dtype"):
        return array
    # A list of text and anything else becomes all text, so that a NaN reads 'nan'; a list of
    # integers too large for one type becomes floats, which run into one another.
    if array.dtype.kind in "US" or (array.dtype.kind == "f" and (abs(array) >= 2.0**53).any()):
        return np.array(values, object)
    return array


def _encode_integers(column: NDArray[Any]) -> Coded:
    if column.size == 0:
        return Coded(np.empty(0, np.int64), ())
    if column.dtype == np.int64:
        # Codes already, most often: the largest as an unsigned number tells in one pass that none
        # is negative, and the first rows show that no level is left out.
        top = int(column.view(np.uint64).max())
        if top < _COUNTED_SPAN and np.bincount(column[:_FIRST_ROWS], minlength=top + 1).all():
            return Coded(column, tuple(range(top + 1)))
    if column.dtype.kind == "b":
        column = column.view(np.uint8)
        as_scalar: type = bool
    else:
        as_scalar = int
    low, high = int(column.min()), int(column.max())
    if high - low >= _COUNTED_SPAN or high > np.iinfo(np.int64).max:
        distinct, codes = np.unique(column, return_inverse=True)
        return Coded(codes.astype(np.int64), tuple(as_scalar(v) for v in distinct))
    shifted = column.astype(np.int64, copy=False)
    if low:
        shifted = shifted - low
    span = high - low + 1
    if span <= 2 or np.bincount(shifted[:_FIRST_ROWS], minlength=span).all():
        return Coded(shifted, tuple(as_scalar(v) for v in range(low, high + 1)))
    present = np.flatnonzero(np.bincount(shifted, minlength=span))
    levels = tuple(as_scalar(v + low) for v in present)
    if len(present) == span:
        return Coded(shifted, levels)
    rank = np.zeros(span, np.int64)
    rank[present] = np.arange(len(present))
    return Coded(rank[shifted], levels)


def _encode_floats(column: NDArray[Any], argument: str) -> Coded:
    missing = int(np.isnan(column).sum())
    if missing:
        raise ValueError(_missing_message(argument, missing, column.size))
    distinct, codes = np.unique(column, return_inverse=True)
    if all(float(v).is_integer() for v in distinct):
        return Coded(codes.astype(np.int64), tuple(int(v) for v in distinct))
    return Coded(codes.astype(np.int64), tuple(float(v) for v in distinct))


def _arrow_text(values: Any) -> Any:
    """Text, or categories of text, as Arrow holds it; None for anything else.

    Arrow has hashed categories already, and hashes text without making an object of each.
    """
    dtype = str(getattr(values, "dtype", getattr(values, "type", "")))
    if not dtype.startswith(_TEXTS):
        return None
    import pyarrow as pa

    try:
        if isinstance(values, pa.Array | pa.ChunkedArray):
            arrow = values
        elif hasattr(values, "__arrow_c_stream__"):  # columns of polars, and of pandas from 2.2
            arrow = pa.chunked_array(values)
        else:
            arrow = pa.array(values, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError):
        return None
    if isinstance(arrow, pa.ChunkedArray):
        arrow = arrow.unify_dictionaries().combine_chunks()
        if isinstance(arrow, pa.ChunkedArray):  # of no chunks
            return None
    held = arrow.type.value_type if pa.types.is_dictionary(arrow.type) else arrow.type
    is_text = pa.types.is_string(held) or pa.types.is_large_string(held)
    return arrow if is_text or pa.types.is_string_view(held) else None


def _encode_text(arrow: Any, argument: str) -> Coded:
    if arrow.null_count:
        raise ValueError(_missing_message(argument, arrow.null_count, len(arrow)))
    encoded = arrow if hasattr(arrow, "dictionary") else arrow.dictionary_encode()
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    values = encoded.dictionary.to_pylist()
    seen = np.bincount(codes, minlength=len(values)) > 0
    if any(value is None for value in np.array(values, object)[seen]):
        missing = sum(int((codes == i).sum()) for i, v in enumerate(values) if v is None)
        raise ValueError(_missing_message(argument, missing, len(codes)))
    # Values may repeat in a dictionary, or stand there and not occur.
    levels = tuple(sorted({value for value, occurs in zip(values, seen, strict=True) if occurs}))
    place = {level: code for code, level in enumerate(levels)}
    rank = np.array([place.get(value, -1) for value in values], np.int64)
    return Coded(rank[codes], levels)


def _encode_objects(column: NDArray[Any], argument: str) -> Coded:
    # Arrow hashes strings in one pass; sorting a million of them takes twenty times as long.
    import pyarrow as pa

    try:
        arrow = pa.array(column, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
        return _encode_comparable(column, argument)
    if arrow.null_count:
        raise ValueError(_missing_message(argument, arrow.null_count, column.size))
    if pa.types.is_floating(arrow.type):
        return _encode_floats(arrow.to_numpy(zero_copy_only=False), argument)
    encoded = arrow.dictionary_encode()
    values = encoded.dictionary.to_pylist()
    order = sorted(range(len(values)), key=values.__getitem__)
    rank = np.empty(len(values), np.int64)
    rank[order] = np.arange(len(values))
    codes = rank[encoded.indices.to_numpy(zero_copy_only=False)]
    return Coded(codes, tuple(values[i] for i in order))


def _encode_comparable(column: NDArray[Any], argument: str) -> Coded:
    # What Arrow does not know, such as the intervals that pandas cuts numbers into.
    try:
        present = [value for value in column if value is not None and bool(value == value)]
        levels = sorted(set(present))
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{argument} mixes types that cannot be compared ({error}); "
            "give it strings, numbers or booleans throughout."
        ) from error
    if len(present) < len(column):
        raise ValueError(_missing_message(argument, len(column) - len(present), column.size))
    rank = {level: i for i, level in enumerate(levels)}
    codes = np.fromiter((rank[value] for value in present), np.int64, len(present))
    return Coded(codes, tuple(levels))


def _missing_message(argument: str, missing: int, size: int) -> str:
    own = " (a value such as 'unknown' makes them a group of their own)"
    return (
        f"{argument} has {missing:,} missing values in {size:,} rows; "
        f"fill them{own if argument.startswith('sensitive') else ''} or drop the rows."
    )
