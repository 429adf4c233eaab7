"""Delimited text (CSV and TSV) as an Arrow table."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv

from equipoise.data.errors import DataError

__all__ = ["MISSING", "file_bytes", "parse_delimited", "sniff_delimiter"]

MISSING = ("", "NA", "N/A", "n/a", "NaN", "nan", "null", "NULL")
"""Spellings of a missing value. "None" is not one: some tables use it as a category."""

_DELIMITERS = (",", ";", "\t")
# In bytes; no row may be longer than a block, and tables of 10,000 columns have long rows.
_BLOCK = 2**24


def file_bytes(path: Path) -> bytes:
    """Read a file, unpacked if its name ends in .gz.

    Parameters
    ----------
    path : Path

    Returns
    -------
    bytes

    Raises
    ------
    DataError
        If it cannot be read, is blank, or is a gzip file and damaged.
    """
    try:
        content = path.read_bytes()
        if path.suffix.lower() == ".gz":
            content = gzip.decompress(content)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(
            f"path: {path} is no whole gzip file ({error}); fetch or write it again"
        ) from error
    except OSError as error:
        raise DataError(f"path: cannot read {path}: {error.strerror or error}") from error
    if not content.strip():
        raise DataError(f"path: {path} is empty, wanted rows of text")
    return content


def sniff_delimiter(content: bytes, source: str) -> str:
    """Find the delimiter of a CSV text: the one that splits its header into most columns.

    The header is asked, not the body: a body may hold more decimal commas than semicolons.

    Parameters
    ----------
    content : bytes
        UTF-8 text whose first line that is not empty is the header; names may be quoted.
    source : str
        Where the text comes from, for messages.

    Returns
    -------
    str
        A comma, a semicolon or a tab; a comma where there is one column only.
    """
    first = content.lstrip(b"\r\n").partition(b"\n")[0]
    header = _decode(first, source).splitlines()[0]
    return max(_DELIMITERS, key=lambda mark: len(next(csv.reader([header], delimiter=mark))))


def parse_delimited(
    content: bytes,
    source: str,
    *,
    delimiter: str,
    names: Sequence[str] | None = None,
    skip_rows: int = 0,
    columns: Sequence[str] | None = None,
    types: Mapping[str, Any] | None = None,
    missing: Sequence[str] = MISSING,
    as_text: bool = False,
) -> pa.Table:
    """Parse delimited text; the type of each column is inferred from all of its rows.

    Parameters
    ----------
    content : bytes
        UTF-8 text.
    source : str
        Where the text comes from, for messages.
    delimiter : str
        One character.
    names : sequence of str, optional
        Column names of a text without a header; by default the first line has them.
    skip_rows : int
        Lines at the top to pass over.
    columns : sequence of str, optional
        The columns to keep, which must be there; the values of the others are never loaded.
    types : mapping of str to pyarrow.DataType, optional
        Types that are known; the others are inferred.
    missing : sequence of str
        Spellings of a missing value, in text columns as well.
    as_text : bool
        Whether every cell is text, just as it is written; nothing is then missing.

    Returns
    -------
    pyarrow.Table

    Raises
    ------
    DataError
        If a row has too many or too few fields, or a byte is not UTF-8.
    """
    _decode(content.partition(b"\n")[0], source)
    if as_text:
        header = _decode(content.partition(b"\n")[0], source).lstrip("\ufeff").rstrip("\r")
        types = dict.fromkeys(next(csv.reader([header], delimiter=delimiter), []), pa.string())
        missing = ()
    read = {"block_size": _BLOCK, "column_names": names, "skip_rows": skip_rows}
    options = {
        "parse_options": pa_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        "convert_options": pa_csv.ConvertOptions(
            null_values=list(missing),
            strings_can_be_null=True,
            include_columns=columns,
            column_types=dict(types or {}),
        ),
    }

    def parse(use_threads: bool) -> pa.Table:
        block = pa_csv.ReadOptions(**read, use_threads=use_threads)
        return pa_csv.read_csv(pa.BufferReader(content), read_options=block, **options)

    try:
        table = parse(use_threads=True)
    except pa.ArrowInvalid:
        _decode(content, source)
        table = _parse_naming_the_row(parse, source, delimiter)
    # Arrow loads text that is not UTF-8 as bytes, silently.
    if any(map(pa.types.is_binary, table.schema.types)):
        _decode(content, source)
    return table


def _parse_naming_the_row(
    parse: Callable[[bool], pa.Table], source: str, delimiter: str
) -> pa.Table:
    # The parser knows the number of a row only while it runs on one thread.
    try:
        return parse(False)
    except pa.ArrowInvalid as error:
        message = str(error).removeprefix("CSV parse error: ")
        shown = message if len(message) <= 200 else f"{message[:200]}..."
        raise DataError(
            f"path: {source}: {shown}; every row needs the header's number of fields, each of "
            f"its column's type, and a field that contains the delimiter {delimiter!r} needs "
            "quotes"
        ) from error


def _decode(content: bytes, source: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"path: {source} is not UTF-8 text: byte 0x{content[error.start]:02x} in line "
            f"{line}; save it as UTF-8 (from Latin-1: iconv -f latin1 -t utf-8)"
        ) from error
