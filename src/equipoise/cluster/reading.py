"""Rows of a table in blocks of numbers, of which there may be more than memory holds."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from equipoise.data.arrow import Kind, kind_of, plain, to_arrow
from equipoise.data.blocks import column_names, read_blocks
from equipoise.data.errors import DataError
from equipoise.data.read import table_suffix

Array = NDArray[np.float64]

# Rows of Parquet that are read at a time.
_AT_ONCE = 262_144

# Cells that a number would not give back: leading zeros, and more digits than a float has.
_CODES: dict[Kind, str] = {
    "integer": r"^\s*[+-]?0\d",
    "float": r"^\s*[+-]?(0\d|\d{16,}\s*$)",
}

_NUMBERS: tuple[Kind, ...] = ("boolean", "integer", "float")


@dataclass(frozen=True, eq=False)
class Source:
    """A table, a file, or several tables one after another.

    Attributes
    ----------
    given : path, Arrow stream, or iterable of tables
    name : str
        Of the data.
    """

    given: Any
    name: str

    @classmethod
    def of(cls, given: Any) -> Source:
        """Take whatever rows come in.

        Parameters
        ----------
        given : path, table, Arrow stream, or iterable of tables
            A .parquet, .csv or .tsv file; a table of any library; whatever hands out an Arrow
            stream; or tables one after another.

        Returns
        -------
        Source
        """
        if isinstance(given, Source):
            return given
        if isinstance(given, str | os.PathLike):
            path = Path(given)
            return cls(path, path.name[: -len(table_suffix(path))])
        if hasattr(given, "__arrow_c_stream__") and not hasattr(given, "__len__"):
            return cls(given, "stream")
        if isinstance(given, list | tuple):
            return cls([to_arrow(table) for table in given], "tables")
        if isinstance(given, Iterable) and not hasattr(given, "__len__"):
            return cls(given, "stream")
        return cls([to_arrow(given)], "table")

    @property
    def lasting(self) -> bool:
        """Whether its rows can be gone through again."""
        return isinstance(self.given, Path | list)

    @property
    def is_text(self) -> bool:
        """Whether what columns hold is known only when all rows have been seen."""
        return isinstance(self.given, Path) and table_suffix(self.given) != ".parquet"

    @property
    def n_rows(self) -> int | None:
        """Rows, where they are known before they are read."""
        if isinstance(self.given, list):
            return sum(len(table) for table in self.given)
        if isinstance(self.given, Path) and not self.is_text and self.given.is_file():
            try:
                return int(pq.read_metadata(self.given).num_rows)
            except (pa.ArrowException, OSError):
                return None  # reading it says what is wrong
        return None

    @cached_property
    def names(self) -> list[str] | None:
        """Names of the columns; None of a stream, which tells them with its first block."""
        if isinstance(self.given, Path):
            return column_names(self.given)
        if isinstance(self.given, list):
            return list(self.given[0].column_names) if self.given else []
        return None

    @cached_property
    def kinds(self) -> Mapping[str, Kind] | None:
        """What each column holds; None of a stream."""
        if self.is_text:
            kinds = _written_kinds(self.blocks())
            if not kinds:
                raise DataError(f"source: {self.given} has a header, but no rows.")
            return kinds
        if isinstance(self.given, Path):
            column_names(self.given)  # says what is wrong with a file that cannot be read
            with pq.ParquetFile(self.given) as file:
                return kinds_of(file.schema_arrow)
        if isinstance(self.given, list):
            return kinds_of(self.given[0].schema) if self.given else {}
        return None

    def blocks(self, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """Go through the rows.

        Parameters
        ----------
        columns : sequence of str, optional
            Those that are wanted of a file; by default all.

        Yields
        ------
        pyarrow.Table
            Of text files with cells as they are written.
        """
        if isinstance(self.given, Path):
            wanted = (self.names or []) if columns is None else columns
            yield from read_blocks(self.given, wanted, _AT_ONCE)
        elif hasattr(self.given, "__arrow_c_stream__"):
            for batch in pa.RecordBatchReader.from_stream(self.given):
                yield to_arrow(pa.table(batch))
        else:
            for table in self.given:
                yield to_arrow(table)

    def written_blocks(self, as_text: bool) -> Iterator[pa.Table]:
        """Go through the rows to write them again, no value changed.

        Parameters
        ----------
        as_text : bool
            Whether they are written as text: then cells of text files are as they were. Else their
            numbers are read, but for codes such as 01234, which numbers would not give back.

        Yields
        ------
        pyarrow.Table
        """
        if not self.is_text:
            yield from self.blocks()
        elif as_text:
            yield from read_blocks(self.given, self.names or [], as_text=True)
        else:
            kinds = self._faithful_kinds()
            for block in self.blocks():
                yield typed(block, kinds)

    def _faithful_kinds(self) -> dict[str, Kind]:
        kinds = dict(self.kinds or {})
        for block in self.blocks():
            for name in block.column_names:
                pattern = _CODES.get(kinds[name])
                if pattern and pc.any(pc.match_substring_regex(block[name], pattern)).as_py():
                    kinds[name] = "text"
        return kinds

    def typed_blocks(self, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """Go through the rows, numbers of text files read.

        Parameters
        ----------
        columns : sequence of str, optional

        Yields
        ------
        pyarrow.Table
        """
        for block in self.blocks(columns):
            yield typed(block, self.kinds or {}) if self.is_text else block


def kinds_of(schema: pa.Schema) -> dict[str, Kind]:
    """What each column holds.

    Parameters
    ----------
    schema : pyarrow.Schema

    Returns
    -------
    dict of str to Kind
    """
    return {field.name: kind_of(field.type) for field in schema}


def typed(block: pa.Table, kinds: Mapping[str, Kind]) -> pa.Table:
    """Read the numbers in cells as they are written.

    Parameters
    ----------
    block : pyarrow.Table
        Of text.
    kinds : mapping of str to Kind

    Returns
    -------
    pyarrow.Table
    """
    types = {"integer": pa.int64(), "float": pa.float64(), "null": pa.null()}
    columns = [
        _parsed(column, types[kinds[name]]) if kinds.get(name, "text") in types else column
        for name, column in zip(block.column_names, block.columns, strict=True)
    ]
    return pa.Table.from_arrays(columns, names=block.column_names)


def numbers(block: pa.Table, name: str, argument: str) -> Array:
    """A column as floats.

    Parameters
    ----------
    block : pyarrow.Table
    name : str
    argument : str
        Which named it, for messages.

    Returns
    -------
    ndarray of float64
        NaN where a value is missing.

    Raises
    ------
    DataError
        If it holds something else.
    """
    column = plain(block[name])
    if kind_of(column.type) not in (*_NUMBERS, "null"):
        raise DataError(
            f"{argument}: column {name!r} holds {column.type}, and distances need numbers; encode "
            "it (one column a category, say), or leave it out."
        )
    return np.asarray(column.cast(pa.float64()).to_numpy(), np.float64)


def is_number(kind: Kind) -> bool:
    """Whether a column of this kind can be a feature.

    Parameters
    ----------
    kind : Kind

    Returns
    -------
    bool
    """
    return kind in _NUMBERS


def _written_kinds(blocks: Iterator[pa.Table]) -> dict[str, Kind]:
    kinds: dict[str, Kind] = {}
    for block in blocks:
        for name, column in zip(block.column_names, block.columns, strict=True):
            kind = kinds.get(name, "null")
            if kind != "text" and column.null_count < len(column):
                kinds[name] = _written_kind(column, kind)
            else:
                kinds.setdefault(name, "null")
    return kinds


def _written_kind(column: pa.ChunkedArray, so_far: Kind) -> Kind:
    if so_far in ("null", "integer"):
        try:
            _parsed(column, pa.int64())
            return "integer"
        except pa.ArrowInvalid:
            pass
    try:
        _parsed(column, pa.float64())
        return "float"
    except pa.ArrowInvalid:
        return "text"


def _parsed(column: pa.ChunkedArray, to: pa.DataType) -> pa.ChunkedArray:
    if pa.types.is_null(to):
        return pa.chunked_array([pa.nulls(len(column))])
    return pc.utf8_trim_whitespace(column).cast(to)
