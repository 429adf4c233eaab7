"""Some columns of a file, a block of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from equipoise.data.arrow import to_arrow
from equipoise.data.delimited import MISSING, sniff_delimiter
from equipoise.data.errors import DataError
from equipoise.data.read import table_suffix

_ROWS = 1_000_000
_BYTES = 2**25
_HEAD = 2**16


def read_blocks(
    path: Path, columns: Sequence[str], at_once: int = _ROWS, *, as_text: bool = False
) -> Iterator[pa.Table]:
    """Read some columns of a CSV, TSV or Parquet file in blocks.

    Parameters
    ----------
    path : Path
        Ends in .csv, .tsv (each also with .gz) or .parquet.
    columns : sequence of str
        Names, or names with something after a colon, such as ``"age:25,60"``. What the file does
        not have is left out.
    at_once : int
        Rows of a block of Parquet, at most. Those of text have some 32 MB.
    as_text : bool
        Whether spellings of a missing value, such as NA, stay as they are in text files.

    Yields
    ------
    pyarrow.Table
        In the file's order. Of text files every cell is as it is written, since what kind of
        values a column holds is known when all have been seen.

    Raises
    ------
    DataError
        If there is no such file, its suffix is another, or it is damaged.
    """
    suffix = table_suffix(path)
    if not path.is_file():
        raise DataError(f"path: no file {path}; wanted a table to read")
    try:
        if suffix == ".parquet":
            yield from _parquet(path, columns, at_once)
        else:
            yield from _text(path, suffix, columns, as_text)
    except (pa.ArrowException, OSError) as error:
        cure = ""
        if "UTF8" in str(error):
            cure = "; save it as UTF-8 (from Latin-1: iconv -f latin1 -t utf-8)"
        raise DataError(f"path: cannot read {path}: {error}{cure}") from error


def column_names(path: Path) -> list[str]:
    """The columns that a file has.

    Parameters
    ----------
    path : Path
        As :func:`read_blocks` takes it.

    Returns
    -------
    list of str

    Raises
    ------
    DataError
        If there is no such file, its suffix is another, or it is damaged or empty.
    """
    suffix = table_suffix(path)
    if not path.is_file():
        raise DataError(f"path: no file {path}; wanted a table to read")
    try:
        if suffix == ".parquet":
            with pq.ParquetFile(path) as file:
                return list(file.schema_arrow.names)
        return _header(path, suffix)[0]
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"path: cannot read {path}: {error}") from error


def _parquet(path: Path, columns: Sequence[str], at_once: int) -> Iterator[pa.Table]:
    # With pre-buffering all columns of the file would be in memory, as they are stored, at once.
    with pq.ParquetFile(path, pre_buffer=False) as file:
        some = _of(columns, file.schema_arrow.names)
        for batch in file.iter_batches(at_once, columns=some):
            yield to_arrow(pa.table(batch))


def _text(path: Path, suffix: str, columns: Sequence[str], as_text: bool) -> Iterator[pa.Table]:
    names, parse = _header(path, suffix)
    reading = pa_csv.ReadOptions(block_size=_BYTES)
    some = _of(columns, names)
    converting = pa_csv.ConvertOptions(
        include_columns=some,
        column_types=dict.fromkeys(some, pa.string()),
        null_values=MISSING,
        strings_can_be_null=not as_text,
    )
    with (
        pa.input_stream(str(path)) as source,
        pa_csv.open_csv(source, reading, parse, converting) as reader,
    ):
        for batch in reader:
            yield to_arrow(pa.table(batch))


def _header(path: Path, suffix: str) -> tuple[list[str], pa_csv.ParseOptions]:
    with pa.input_stream(str(path)) as source:
        head = source.read(_HEAD)
    if not head.strip():
        raise DataError(f"path: {path} is empty; wanted a table with a header")
    delimiter = "\t" if suffix.startswith(".tsv") else sniff_delimiter(head, str(path))
    parse = pa_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
    with pa.input_stream(str(path)) as source:
        reading = pa_csv.ReadOptions(block_size=_BYTES)
        return pa_csv.open_csv(source, reading, parse).schema.names, parse


def _of(columns: Sequence[str], names: Sequence[str]) -> list[str]:
    wanted = {*columns, *(column.rpartition(":")[0] for column in columns)}
    return [name for name in names if name in wanted]
