"""Tables that are written whole or not at all, a block of rows at a time if need be."""

from __future__ import annotations

import contextlib
import gzip
import itertools
import secrets
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from equipoise.data.arrow import plain
from equipoise.data.errors import DataError


def write_blocks(
    blocks: Iterable[pa.Table],
    path: Path,
    suffix: str,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write rows as they come, in memory for one block.

    They go to a file beside it, which takes its name once complete: a reader never sees half a
    table, and a killed run leaves the former one.

    Parameters
    ----------
    blocks : iterable of pyarrow.Table
        At least one, all of the same columns.
    path : Path
        A file there is replaced.
    suffix : str
        How it is stored: .csv, .tsv (each also with .gz) or .parquet.
    metadata : mapping of str to str, optional
        Kept with the schema of Parquet; text has no place for it.

    Raises
    ------
    DataError
        If the folder does not exist or cannot be written, or a column (of lists, say) has no form
        in text.
    """
    if not path.parent.is_dir():
        raise DataError(f"path: no folder {path.parent} to write {path.name} in; create it first")
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        # "x" keeps the file mode that the user's umask asks for, as tempfile does not.
        with draft.open("xb") as sink:
            _write(iter(blocks), sink, suffix, metadata)
        draft.replace(path)
    except OSError as error:
        raise DataError(f"path: cannot write {path}: {error.strerror or error}") from error
    except pa.ArrowException as error:
        raise DataError(
            f"frame: a column cannot be written as {suffix} ({error}); convert it to text or "
            "numbers, or write .parquet"
        ) from error
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)


def _write(
    blocks: Iterator[pa.Table], sink: IO[bytes], suffix: str, metadata: Mapping[str, str] | None
) -> None:
    first = next(blocks)
    if suffix == ".parquet":
        schema = first.schema.with_metadata(metadata)
        with pq.ParquetWriter(sink, schema) as parquet:
            for block in itertools.chain([first], blocks):
                parquet.write_table(block.cast(schema))
        return
    options = pa_csv.WriteOptions(delimiter="\t" if suffix.startswith(".tsv") else ",")
    with contextlib.ExitStack() as open_files:
        to: Any = sink
        if suffix.endswith(".gz"):
            # No time stamp: the same table gives the same bytes.
            packed = gzip.GzipFile(fileobj=sink, mode="wb", filename="", mtime=0)
            to = open_files.enter_context(packed)
        schema = _flat(first).schema
        text = open_files.enter_context(pa_csv.CSVWriter(to, schema, write_options=options))
        for block in itertools.chain([first], blocks):
            text.write_table(_flat(block).cast(schema))


def _flat(table: pa.Table) -> pa.Table:
    """Written as text, a category is its value."""
    return pa.Table.from_arrays([plain(c) for c in table.columns], names=table.column_names)
