"""What a user gives, as a repair takes it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from numbers import Integral, Real
from typing import Any

import narwhals as nw
import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from equipoise.codes import encode
from equipoise.constraints import Constraint
from equipoise.data.arrow import to_arrow
from equipoise.data.target import MAX_CLASSES


def is_number(value: object) -> bool:
    """Whether a setting is a real number."""
    return isinstance(value, Real)


def is_whole(value: object) -> bool:
    """Whether a setting is a whole number."""
    return isinstance(value, Integral)


def read_promises(
    constraint: str | Constraint | Sequence[str | Constraint] | None,
) -> list[Constraint]:
    """Read promises.

    Parameters
    ----------
    constraint : str or Constraint, a sequence of them, or None

    Returns
    -------
    list of Constraint

    Raises
    ------
    ValueError
        If one cannot be read.
    """
    if constraint is None:
        return []
    if isinstance(constraint, str | Constraint):
        constraint = [constraint]
    elif not isinstance(constraint, Iterable):
        raise ValueError(
            f"constraint must be text such as 'ratio(\"selection\") >= 0.9', a Constraint, a list "
            f"of them or None, not {constraint!r}."
        )
    return [Constraint.parse(one) for one in constraint]


def read_table(estimator: BaseEstimator, X: Any) -> tuple[Any, pa.Table]:
    """Read features, and note their names and number in an estimator.

    Parameters
    ----------
    estimator : BaseEstimator
    X : dataframe or array-like, shape (n, d)

    Returns
    -------
    frame : narwhals.DataFrame or ndarray
        As they were given.
    table : pyarrow.Table
        Columns without names of text are called by their number.

    Raises
    ------
    ValueError
        If X is no table of numbers and categories in memory, or has no rows or columns.
    """
    if hasattr(X, "collect") and not hasattr(X, "__len__"):
        raise ValueError(
            f"X is a lazy {type(X).__name__}, wanted rows in memory: call .collect() on it first."
        )
    frame = nw.from_native(X, eager_only=True, pass_through=True)
    if isinstance(frame, nw.DataFrame):
        validate_data(estimator, X, reset=True, skip_check_array=True)
        if not frame.columns:
            raise ValueError("X has no columns.")
        named = frame
        if not any(isinstance(name, str) for name in frame.columns):  # pandas, without names
            named = nw.from_native(frame.to_native().rename(columns=str), eager_only=True)
        table = to_arrow(named)
    else:
        frame = validate_data(estimator, X, reset=True, dtype=None, ensure_all_finite="allow-nan")
        if frame.dtype.kind not in "iufb":
            frame = _as_numbers(frame)
        columns = [np.ascontiguousarray(column) for column in frame.T]
        table = to_arrow(pa.table({f"x{j}": column for j, column in enumerate(columns)}))
    if not table.num_rows:
        raise ValueError("X has no rows.")
    return frame, table


def read_labels(
    y: ArrayLike, n_rows: int, positive: Any
) -> tuple[NDArray[np.int64], tuple[object, ...]]:
    """Code labels.

    Parameters
    ----------
    y : array-like, shape (n,)
    n_rows : int
        That X has.
    positive : optional
        Of two labels the one that is to be the last.

    Returns
    -------
    codes : ndarray of int64, shape (n,)
    classes : tuple

    Raises
    ------
    ValueError
        If they are none, are as many as rows are, or there is no such positive one.
    """
    if y is None:
        raise ValueError("repair requires y to be passed, but the target y is None.")
    codes, classes = encode(y, "y")
    if len(codes) != n_rows:
        raise ValueError(f"X has {n_rows:,} rows, but y has {len(codes):,}.")
    if not 2 <= len(classes) <= MAX_CLASSES:
        raise ValueError(
            f"y has {len(classes)} class{'es' * (len(classes) > 1)}; wanted from 2 to "
            f"{MAX_CLASSES} different labels."
        )
    if positive is None or (len(classes) == 2 and positive == classes[-1]):
        return codes, classes
    if len(classes) > 2:
        raise ValueError(
            f"positive is {positive!r}, but y has {len(classes)} labels, of which each is spoken "
            "of: leave positive out, or join labels until there are two."
        )
    if positive not in classes:
        raise ValueError(f"positive is {positive!r}, which is none of two labels {list(classes)}.")
    return 1 - codes, classes[::-1]


def _as_numbers(frame: NDArray[Any]) -> NDArray[np.float64]:
    try:
        return frame.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise type(error)(
            f"X is an array that holds other things than numbers ({error}): pass a dataframe, "
            "whose columns of text are categories."
        ) from error
