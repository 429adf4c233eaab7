"""The label column as integer codes and the classes that they stand for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from equipoise.data.arrow import kind_of, plain, value_text
from equipoise.data.errors import DataError

__all__ = ["MAX_CLASSES", "encode_target"]

MAX_CLASSES = 50


def encode_target(
    column: pa.ChunkedArray, name: str, positive: object
) -> tuple[NDArray[np.int64], tuple[Any, ...]]:
    """Encode the labels.

    Parameters
    ----------
    column : pyarrow.ChunkedArray of n labels
        Text, integers, floats, booleans, or categories of these.
    name : str
        What the column is called, for messages.
    positive : label or None
        The favoured class of two; may be written as text. None takes the larger label.

    Returns
    -------
    codes : ndarray of shape (n,), int64
        Positions in `classes`.
    classes : tuple
        The labels as plain Python values, sorted, save that of two classes the positive one
        comes last.

    Raises
    ------
    DataError
        If labels are missing, are of another type, or are of fewer than two or more than fifty
        classes; if `positive` is no label, or there are more than two classes to choose from.
    """
    labels = plain(column)
    _check_complete(labels, name)
    if kind_of(labels.type) not in ("text", "integer", "float", "boolean"):
        raise DataError(
            f"target: column {name!r} holds {labels.type}, wanted text, numbers or booleans; "
            "convert it first"
        )
    values = pc.unique(labels).to_pylist()
    _check_count(values, name)
    classes = _order(sorted(values), name, positive)
    codes = pc.index_in(labels, value_set=pa.array(classes, type=labels.type))
    return codes.to_numpy().astype(np.int64), classes


def _check_complete(column: pa.ChunkedArray, name: str) -> None:
    missing = column.null_count
    if missing:
        raise DataError(
            f"target: column {name!r} has {missing:,} missing values in {len(column):,} rows; "
            "every row needs a label: remove those rows or fill them in before"
        )


def _check_count(values: list[Any], name: str) -> None:
    if len(values) == 1:
        raise DataError(
            f"target: column {name!r} holds one class only, {values[0]!r}; wanted two or more"
        )
    if len(values) > MAX_CLASSES:
        raise DataError(
            f"target: column {name!r} holds {len(values):,} distinct values, wanted at most "
            f"{MAX_CLASSES} classes; it looks like a number to predict: cut it into classes first"
        )


def _order(classes: list[Any], name: str, positive: object) -> tuple[Any, ...]:
    if positive is None:
        return tuple(classes)
    shown = ", ".join(map(repr, classes))
    if len(classes) > 2:
        raise DataError(
            f"positive: given {positive!r}, but the target {name!r} has {len(classes)} classes "
            f"({shown}); a positive class is chosen of two: leave it out"
        )
    # On a command line every value is text, so 1 must be found under "1" and True under "true".
    chosen = [label for label in classes if positive == label] or [
        label for label in classes if str(positive) in _spellings(label)
    ]
    if not chosen:
        raise DataError(
            f"positive: {positive!r} is no label of the target {name!r}; wanted one of {shown}"
        )
    return (next(label for label in classes if label != chosen[0]), chosen[0])


def _spellings(label: object) -> set[str]:
    spellings = {str(label), value_text(label)}
    return spellings | {str(label).lower()} if isinstance(label, bool) else spellings
