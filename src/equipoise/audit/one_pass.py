"""Counts of columns that are codes already, from a single pass over them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.audit.counts import Counts
from equipoise.audit.joint import CodeOutOfRangeError, joint_counts
from equipoise.audit.labels import encode_pair
from equipoise.groups import Groups

# Rows that usually show every class and every group there is.
_HEAD = 65_536


def count_codes(label: Any, prediction: Any, group: Any, positive: Any = None) -> Counts | None:
    """Count rows whose columns hold the integers from 0 on, each read once.

    The first rows tell which integers there are; that there are no others is seen while the rest
    is counted.

    Parameters
    ----------
    label, prediction, group : array-like, shape (n,)
    positive : optional
        The positive class of a binary task.

    Returns
    -------
    Counts or None
        None where columns must be coded first, or are too short for it to matter.
    """
    columns = [_codes(x) for x in (group, label, prediction)]
    if any(x is None for x in columns) or len({len(x) for x in columns if x is not None}) > 1:
        return None
    known = tuple(x for x in columns if x is not None)
    if len(known[0]) <= _HEAD:
        return None
    head = [x[:_HEAD] for x in known]
    try:
        y, decided, classes = encode_pair(head[1], head[2], positive)
        groups = Groups.of(head[0])
    except ValueError:
        return None  # to be said of all rows
    if groups.codes is None or not all(
        np.array_equal(*pair) for pair in zip((groups.codes, y, decided), head, strict=True)
    ):
        return None
    counted = Counts._of_codes(y, decided, groups, classes)
    k = len(classes)
    try:
        rest = joint_counts(
            tuple(x[_HEAD:] for x in known), (len(groups.names), k, k), checked=True
        )
    except CodeOutOfRangeError:
        return None
    return Counts(counted.groups, classes, counted.patterns, counted.table + rest)


def _codes(values: Any) -> NDArray[Any] | None:
    if isinstance(values, np.ndarray) and not isinstance(values, np.ma.MaskedArray):
        plain = values.ndim == 1 and values.dtype.kind in "iub" and values.dtype.isnative
        return np.ascontiguousarray(values) if plain else None
    return None
