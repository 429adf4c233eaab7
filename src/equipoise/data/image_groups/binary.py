"""Columns of yes and no, however a copy spells them, as labels and as groups."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from equipoise.data.errors import DataError

__all__ = ["levels_of", "yes"]

_YES = ("1", "1.0", "true", "yes")
_NO = ("-1", "-1.0", "0", "0.0", "false", "no")


def levels_of(name: str) -> tuple[str, str]:
    """What rows without and with an attribute are called as groups and as classes."""
    return f"not {name}", name


def yes(column: pa.ChunkedArray, name: str, line: Callable[[int], str]) -> NDArray[np.bool_]:
    """Read a column of -1 and 1, of 0 and 1, of booleans, or of one of these as text.

    Parameters
    ----------
    column : pyarrow.ChunkedArray of n values
    name : str
        The column's, for messages.
    line : callable
        Says where a row is to be found.

    Returns
    -------
    ndarray of bool, shape (n,)

    Raises
    ------
    DataError
        If a value is missing or none of these, or -1 and 0 both occur.
    """
    text = pc.utf8_lower(column.cast(pa.string()))
    is_yes, is_no = pc.is_in(text, pa.array(_YES)), pc.is_in(text, pa.array(_NO))
    known = np.asarray(pc.or_(is_yes, is_no))
    if not known.all():
        row = int(np.argmin(known))
        raise DataError(
            f"{name}: {column[row].as_py()!r} in {line(row)}, wanted 1 or -1 (or 1 or 0, true or "
            "false)"
        )
    minus, zero = (np.asarray(pc.is_in(text, pa.array(pair))) for pair in (_NO[:2], _NO[2:4]))
    if minus.any() and zero.any():
        raise DataError(
            f"{name}: both -1 (first in {line(int(np.argmax(minus)))}) and 0 (first in "
            f"{line(int(np.argmax(zero)))}), so that one of them means something else than no"
        )
    return np.asarray(is_yes)
