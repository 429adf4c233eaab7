"""How a summary says in a table that it is one."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from equipoise.data.errors import DataError

WEIGHT, ROW = "weight", "row"
"""The columns that a summary has besides features and sensitive columns."""

_KEY = "equipoise.summary"
_VERSION = 1


def as_metadata(said: dict[str, Any]) -> dict[str, str]:
    """What is kept with the schema of Parquet.

    Parameters
    ----------
    said : dict
        As JSON can hold it.

    Returns
    -------
    dict of str to str
    """
    return {_KEY: json.dumps({"version": _VERSION, **said})}


def said_by(given: Any) -> dict[str, Any] | None:
    """What a table says of itself, if it is a summary.

    Parameters
    ----------
    given : path, pyarrow.Table or anything

    Returns
    -------
    dict or None
        None if it is none, or no Parquet file that can be read.

    Raises
    ------
    DataError
        If it was written by a later version.
    """
    if isinstance(given, pa.Table):
        return _said(given.schema)
    if not isinstance(given, str | os.PathLike) or Path(given).suffix.lower() != ".parquet":
        return None
    try:
        with pq.ParquetFile(given) as file:
            return _said(file.schema_arrow)
    except (pa.ArrowException, OSError):
        return None  # whoever reads its rows says what is wrong


def _said(schema: pa.Schema) -> dict[str, Any] | None:
    written = (schema.metadata or {}).get(_KEY.encode())
    if written is None:
        return None
    said: dict[str, Any] = json.loads(written)
    if said.get("version", 0) > _VERSION:
        raise DataError(
            f"source: this summary is of version {said['version']}, and up to version {_VERSION} "
            "they are known here; update equipoise."
        )
    return said
