"""Coresets in files: written whole or not at all, and checked when they are read."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from equipoise.coresets.coreset import Coreset
from equipoise.report.write import write_whole

_KEY = "equipoise.coreset"
_VERSION = 1
_ARRAYS = ("points", "weights", "collections", "rows")
# What a damaged or foreign file can raise in the libraries that read it.
DAMAGED = (
    OSError,
    ValueError,
    KeyError,
    EOFError,
    TypeError,
    zipfile.BadZipFile,
    pa.ArrowException,
)


def save_coreset(coreset: Coreset, path: str | os.PathLike[str]) -> Path:
    """Write a coreset to a file.

    Parameters
    ----------
    coreset : Coreset
    path : path-like
        With suffix .npz (NumPy), .parquet, or .arrow (Arrow's IPC file). In a table, `points` is a
        column of lists of d numbers beside `weights`, `collections` and `rows`, and the rest is
        JSON in the schema's metadata. What is there is replaced, in one step.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    ValueError
        If the suffix is another.
    OSError
        If it cannot be written; what was there before is unharmed.
    """
    path = Path(path)
    kind = _kind(path)
    write_whole(path, _WRITERS[kind](coreset))
    return path


def load_coreset(path: str | os.PathLike[str]) -> Coreset:
    """Read a coreset that was saved.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    Coreset
        With the same bits.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the suffix is none of .npz, .parquet and .arrow, or the file is damaged, or no coreset,
        or written by a later version.
    """
    path = Path(path)
    kind = _kind(path)
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}; save a coreset there first.")
    content = path.read_bytes()
    try:
        arrays, facts = _READERS[kind](content)
        return checked(arrays, facts)
    except DAMAGED as error:
        raise ValueError(
            f"{path} is no coreset that can be read, or damaged ({error}); save it again."
        ) from error


def _kind(path: Path) -> str:
    kind = path.suffix.lower()
    if kind not in _WRITERS:
        raise ValueError(f"path must end in {', '.join(_WRITERS)}, not {path.name!r}.")
    return kind


def facts_of(coreset: Coreset) -> dict[str, Any]:
    """What a coreset is besides its arrays, for JSON."""
    return {
        "version": _VERSION,
        "power": coreset.power,
        "movement": coreset.movement,
        "offset": coreset.offset,
        "n_rows": coreset.n_rows,
        "n_features": coreset.points.shape[1],
        "lineage": list(coreset.lineage),
    }


def arrays_of(coreset: Coreset) -> dict[str, Any]:
    """Its arrays, by name."""
    return {name: getattr(coreset, name) for name in _ARRAYS}


def checked(arrays: Mapping[str, Any], facts: Any) -> Coreset:
    """The coreset of arrays and facts.

    Raises
    ------
    KeyError, TypeError, ValueError
        If they are those of none.
    """
    if facts["version"] > _VERSION:
        raise ValueError(f"written by a later version, {facts['version']}: upgrade equipoise")
    points, weights = (
        np.ascontiguousarray(arrays[name], np.float64) for name in ("points", "weights")
    )
    collections, rows = (
        np.ascontiguousarray(arrays[name], np.int64) for name in ("collections", "rows")
    )
    m = len(weights)
    if points.shape != (m, facts["n_features"]) or collections.shape != (m,) or rows.shape != (m,):
        raise ValueError("its columns differ in length")
    if not np.isfinite(points).all() or not np.isfinite(weights).all() or not (weights > 0).all():
        raise ValueError("points or weights are no positive numbers")
    movement = facts["movement"]
    return Coreset(
        points,
        weights,
        collections,
        rows,
        float(facts["power"]),
        None if movement is None else float(movement),
        float(facts["offset"]),
        int(facts["n_rows"]),
        tuple(str(step) for step in facts["lineage"]),
    )


def _to_npz(coreset: Coreset) -> bytes:
    sink = io.BytesIO()
    np.savez(sink, **arrays_of(coreset), facts=np.array(json.dumps(facts_of(coreset))))
    return sink.getvalue()


def _of_npz(content: bytes) -> tuple[dict[str, Any], Any]:
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        return {name: stored[name] for name in _ARRAYS}, json.loads(str(stored["facts"]))


def _to_table(coreset: Coreset) -> pa.Table:
    points = pa.FixedSizeListArray.from_arrays(
        pa.array(coreset.points.ravel()), coreset.points.shape[1]
    )
    table = pa.table({**arrays_of(coreset), "points": points})
    return table.replace_schema_metadata({_KEY: json.dumps(facts_of(coreset))})


def _of_table(table: pa.Table) -> tuple[dict[str, Any], Any]:
    metadata = table.schema.metadata or {}
    if _KEY.encode() not in metadata:
        raise ValueError("a table, but not one that save_coreset wrote")
    facts = json.loads(metadata[_KEY.encode()])
    arrays = {name: table[name].to_numpy() for name in _ARRAYS if name != "points"}
    flat = table["points"].combine_chunks().flatten().to_numpy()
    return {**arrays, "points": flat.reshape(-1, facts["n_features"])}, facts


def _to_parquet(coreset: Coreset) -> bytes:
    sink = io.BytesIO()
    pq.write_table(_to_table(coreset), sink)
    return sink.getvalue()


def _to_arrow(coreset: Coreset) -> bytes:
    sink = io.BytesIO()
    table = _to_table(coreset)
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


_WRITERS: dict[str, Callable[[Coreset], bytes]] = {
    ".npz": _to_npz,
    ".parquet": _to_parquet,
    ".arrow": _to_arrow,
}
_READERS: dict[str, Callable[[bytes], tuple[dict[str, Any], Any]]] = {
    ".npz": _of_npz,
    ".parquet": lambda content: _of_table(pq.read_table(io.BytesIO(content))),
    ".arrow": lambda content: _of_table(pa.ipc.open_file(io.BytesIO(content)).read_all()),
}
