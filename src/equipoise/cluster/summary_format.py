"""How a summary says in a table that it is one."""

from __future__ import annotations

import json
import math
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
_KINDS: dict[str, Any] = {
    **dict.fromkeys(("name", "scale"), str),
    **dict.fromkeys(("features", "divisors", "sensitive", "keys", "combinations", "lineage"), list),
    **dict.fromkeys(("power", "mass", "offset"), int | float),
    **dict.fromkeys(("points", "n_rows"), int),
    "left_out": dict,
    "movement": int | float | None,
}
"""What is read again of what a summary says."""


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
        If it was written by a later version, or what it says was damaged.
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
    try:
        said = json.loads(written)
    except ValueError:
        raise _damaged("is no JSON") from None
    if not isinstance(said, dict) or not isinstance(said.get("version"), int):
        raise _damaged("has no version")
    if said["version"] > _VERSION:
        raise DataError(
            f"source: this summary is of version {said['version']}, and up to version {_VERSION} "
            "they are known here; update equipoise."
        )
    for key, kind in _KINDS.items():
        if not isinstance(said.get(key), kind):
            raise _damaged(f"has no {key!r}, or not of the kind it should be")
    divisors = said["divisors"]
    if len(divisors) != len(said["features"]) or not all(map(_divides, divisors)):
        raise _damaged("has not one positive divisor for each feature")
    return said


def _divides(number: Any) -> bool:
    return isinstance(number, int | float) and 0 < number < math.inf


def _damaged(why: str) -> DataError:
    return DataError(
        f"source: the table says that it is a summary, but what it says of itself (metadata "
        f"{_KEY!r}) {why}; write it anew by equipoise summarise."
    )
