"""Tables from files and into files, by suffix: CSV, TSV and Parquet."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import narwhals as nw
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from equipoise.data.arrow import to_arrow
from equipoise.data.delimited import MISSING, file_bytes, parse_delimited, sniff_delimiter
from equipoise.data.drafts import write_blocks
from equipoise.data.errors import DataError

__all__ = ["SUFFIXES", "missing_as_null", "read_table", "table_suffix", "write_table"]

SUFFIXES = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet")


def read_table(path: str | os.PathLike[str], *, as_text: bool = False) -> nw.DataFrame[Any]:
    """Read a table from a CSV, TSV or Parquet file.

    Parameters
    ----------
    path : str or path
        A file that ends in .csv, .tsv (each also with .gz) or .parquet. Text must be UTF-8 with
        a header; a CSV's delimiter (comma, semicolon or tab) is read off its header.
    as_text : bool
        Whether to take every cell of a CSV or TSV as it is written, instead of inferring what
        kind of values a column holds from the rows that happen to be there.

    Returns
    -------
    narwhals.DataFrame
        Backed by pyarrow. In CSV and TSV an empty field, NA, N/A, NaN or null is a missing
        value, in text columns too; Parquet has missing values of its own and is taken as it is.

    Raises
    ------
    DataError
        If there is no such file, or a folder, or its suffix is another; if it is empty,
        damaged, not UTF-8, has a row of the wrong length or a column name twice.
    """
    path = Path(path)
    suffix = table_suffix(path)
    if path.is_dir():
        raise DataError(f"path: {path} is a folder, wanted a file; name one table in it")
    if not path.exists():
        raise DataError(f"path: no file {path}; wanted a table to read")
    if suffix == ".parquet":
        table = _read_parquet(path)
    else:
        content = file_bytes(path)
        tab = suffix.startswith(".tsv")
        delimiter = "\t" if tab else sniff_delimiter(content, str(path))
        table = parse_delimited(content, str(path), delimiter=delimiter, as_text=as_text)
    repeated = [name for name, times in Counter(table.column_names).items() if times > 1]
    if repeated:
        raise DataError(
            f"path: {path} has the column name {', '.join(map(repr, repeated))} more than once; "
            "rename or remove the second"
        )
    return nw.from_native(table, eager_only=True)


def write_table(
    frame: Any, path: str | os.PathLike[str], metadata: Mapping[str, str] | None = None
) -> None:
    """Write a table to a CSV, TSV or Parquet file, whole or not at all.

    The rows go to a file beside it, which takes its name once complete: a reader never sees
    half a table, and a killed run leaves the former one.

    Parameters
    ----------
    frame : pandas, polars or pyarrow table, or eager narwhals frame
    path : str or path
        Where to; ends in .csv, .tsv (each also with .gz) or .parquet. A file there is replaced.
    metadata : mapping of str to str, optional
        Kept with the schema of Parquet; text has no place for it.

    Raises
    ------
    DataError
        If the suffix is another, the folder does not exist or cannot be written, or a column
        (of lists, say) has no form in text.
    """
    path = Path(path)
    suffix = table_suffix(path)
    write_blocks([to_arrow(frame)], path, suffix, metadata)


def missing_as_null(table: nw.DataFrame[Any]) -> nw.DataFrame[Any]:
    """Read the spellings of a missing value in text columns as what they mean.

    Parameters
    ----------
    table : narwhals DataFrame
        Such as `read_table` gives with ``as_text=True``.

    Returns
    -------
    narwhals DataFrame
        Backed by pyarrow.
    """
    arrow = to_arrow(table)
    spellings = pa.array(MISSING)
    columns = {
        name: pc.if_else(pc.is_in(column, spellings), None, column)
        if pa.types.is_string(column.type)
        else column
        for name, column in zip(arrow.column_names, arrow.columns, strict=True)
    }
    return nw.from_native(pa.table(columns), eager_only=True)


def table_suffix(path: Path) -> str:
    """Return the suffix, of `SUFFIXES`, that says how a table is stored.

    Raises
    ------
    DataError
        If the name ends in none of them.
    """
    suffix = next((suffix for suffix in SUFFIXES if path.name.lower().endswith(suffix)), None)
    if suffix is None:
        raise DataError(
            f"path: {path} ends in {path.suffix or 'no suffix'!r}, wanted one of "
            f"{', '.join(SUFFIXES)}; convert the table, or rename the file"
        )
    return suffix


def _read_parquet(path: Path) -> pa.Table:
    if not path.stat().st_size:
        raise DataError(f"path: {path} is empty, wanted a Parquet table")
    try:
        # Not pq.read_table, which would turn folders named key=value into columns.
        with pq.ParquetFile(path) as file:
            return file.read()
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            f"path: {path} is no whole Parquet file ({str(error).splitlines()[0]}); "
            "fetch or write it again"
        ) from error
