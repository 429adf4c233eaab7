"""Sensitive columns as names of groups: values as text, numbers between cut points."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

import numpy as np
import pyarrow as pa

from equipoise.data.arrow import kind_of, plain, value_text
from equipoise.data.errors import DataError, hint

__all__ = [
    "MAX_GROUPS",
    "SensitiveColumn",
    "group_names",
    "parse_sensitive",
    "refuse_missing",
    "sensitive_columns",
]

MAX_GROUPS = 50


@dataclass(frozen=True)
class SensitiveColumn:
    """A column that says to which group a row belongs.

    Attributes
    ----------
    column : str
        Its name in the table.
    cuts : tuple of float
        Increasing cut points of a numeric column; empty where each value is a group.
    """

    column: str
    cuts: tuple[float, ...] = ()


def parse_sensitive(entry: str, columns: Sequence[str]) -> SensitiveColumn:
    """Read one entry of `sensitive`: ``"race"``, or ``"age:25,60"`` with cut points.

    Parameters
    ----------
    entry : str
        A column's name, or a name, a colon and increasing numbers separated by commas. A column
        whose name contains the colon is found under its full name first.
    columns : sequence of str
        The columns that there are.

    Returns
    -------
    SensitiveColumn

    Raises
    ------
    DataError
        If there is no such column, or the cut points are not increasing finite numbers.
    """
    if entry in columns:
        return SensitiveColumn(entry)
    name, colon, cuts = entry.rpartition(":")
    if not colon and set(entry.split(",")) <= set(columns):
        raise DataError(
            f"sensitive: {entry!r} is several columns; give each as an entry of its own "
            "(on the command line, --sensitive once for each)."
        )
    if not colon:
        raise DataError(f"sensitive: no column {entry!r} in the table. {hint(entry, columns)}")
    if name not in columns:
        raise DataError(f"sensitive: no column {name!r} in the table. {hint(name, columns)}")
    return SensitiveColumn(name, _parse_cuts(entry, cuts))


def group_names(
    column: pa.ChunkedArray, spec: SensitiveColumn, missing_group: str | None
) -> pa.Array:
    """Name the group of each row.

    Parameters
    ----------
    column : pyarrow.ChunkedArray of n values
    spec : SensitiveColumn
        Which column it is and where it is cut.
    missing_group : str or None
        Name of a group for the rows without a value; None refuses them.

    Returns
    -------
    pyarrow.Array
        n texts without nulls: values as text, or intervals such as ``"25 <= age < 60"``.

    Raises
    ------
    DataError
        If values are missing and there is no `missing_group`, or that name is taken; if cut
        points are given for a column that is not numeric; if there are more than fifty values.
    """
    texts, codes = _intervals(column, spec) if spec.cuts else _values(column, spec)
    missing = codes.null_count
    if missing and missing_group is None:
        refuse_missing(spec, missing, len(column))
    if missing and missing_group in texts:
        raise DataError(
            f"missing_group: {missing_group!r} is already a value of column {spec.column!r}; "
            "choose another name, or the two groups would become one"
        )
    if missing:
        codes = codes.fill_null(len(texts))
        texts = [*texts, str(missing_group)]
    return pa.array(texts, type=pa.string()).take(codes)


def sensitive_columns(entries: Sequence[str], columns: Sequence[str]) -> list[SensitiveColumn]:
    """Read all entries of `sensitive`.

    Parameters
    ----------
    entries : sequence of str
    columns : sequence of str
        The table's.

    Returns
    -------
    list of SensitiveColumn

    Raises
    ------
    DataError
        If there is none, one cannot be read, or a column is named twice.
    """
    if not entries:
        raise DataError("sensitive: name at least one column whose values make the groups.")
    specs = [parse_sensitive(entry, columns) for entry in entries]
    names = [spec.column for spec in specs]
    for name in names:
        if names.count(name) > 1:
            raise DataError(f"sensitive: column {name!r} is named twice; name it once.")
    return specs


def refuse_missing(spec: SensitiveColumn, missing: int, rows: int) -> NoReturn:
    """Refuse rows without a value of a sensitive column.

    Parameters
    ----------
    spec : SensitiveColumn
    missing, rows : int
        How many are missing, in how many rows.

    Raises
    ------
    DataError
        Always; it names the cure.
    """
    raise DataError(
        f"sensitive: column {spec.column!r} has {missing:,} missing values in "
        f"{rows:,} rows; give them a group of their own with "
        'missing_group="unknown" (on the command line: --missing-group unknown), '
        "or remove those rows before"
    )


def _parse_cuts(entry: str, text: str) -> tuple[float, ...]:
    wanted = f"wanted increasing numbers after the colon, as in '{entry.rpartition(':')[0]}:25,60'"
    try:
        cuts = tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise DataError(f"sensitive: cannot read the cut points of {entry!r}; {wanted}") from error
    rising = all(low < high for low, high in itertools.pairwise(cuts))
    if not rising or not all(map(math.isfinite, cuts)):
        raise DataError(f"sensitive: the cut points of {entry!r} do not increase; {wanted}")
    return cuts


def _values(column: pa.ChunkedArray, spec: SensitiveColumn) -> tuple[list[str], pa.Array]:
    kind = kind_of(column.type)
    if kind in ("null", "other"):
        raise DataError(
            f"sensitive: column {spec.column!r} holds {column.type}, wanted text, numbers, "
            "booleans or dates that name a group"
        )
    encoded = plain(column).dictionary_encode().combine_chunks()
    values = encoded.dictionary.to_pylist()
    if len(values) > MAX_GROUPS:
        cure = (
            f"cut it into intervals, as in '{spec.column}:25,60'"
            if kind in ("integer", "float")
            else "merge its values into fewer groups first"
        )
        raise DataError(
            f"sensitive: column {spec.column!r} holds {len(values):,} distinct values, wanted at "
            f"most {MAX_GROUPS} groups; {cure}"
        )
    return [value_text(value) for value in values], encoded.indices


def _intervals(column: pa.ChunkedArray, spec: SensitiveColumn) -> tuple[list[str], pa.Array]:
    if kind_of(column.type) not in ("integer", "float"):
        raise DataError(
            f"sensitive: cut points are given for column {spec.column!r}, which holds "
            f"{column.type}; only numbers can be cut: name the column alone"
        )
    values = plain(column).cast(pa.float64()).to_numpy()
    missing = np.isnan(values)
    codes = pa.array(np.digitize(values, spec.cuts).astype(np.int32), mask=missing)
    name, marks = spec.column, [value_text(cut) for cut in spec.cuts]
    between = [f"{low} <= {name} < {high}" for low, high in itertools.pairwise(marks)]
    return [f"{name} < {marks[0]}", *between, f"{name} >= {marks[-1]}"], codes
