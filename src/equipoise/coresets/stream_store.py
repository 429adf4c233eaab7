"""The state of a stream in a file, so that one that was interrupted goes on where it was."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from equipoise.coresets.coreset import Builder, Coreset
from equipoise.coresets.store import DAMAGED, arrays_of, checked, facts_of
from equipoise.coresets.stream import CoresetStream
from equipoise.report.write import write_whole


def save_stream(stream: CoresetStream, path: str | os.PathLike[str]) -> Path:
    """Write what a stream has taken so far.

    Parameters
    ----------
    stream : CoresetStream
    path : path-like
        With suffix .npz. What is there is replaced, in one step.

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
    path = _npz(path)
    waiting = Coreset.empty(stream.n_features, stream.power).merge(*stream.waiting)
    parts = [*stream.levels, waiting]
    state = {
        "builder": str(stream.builder),
        "n_features": stream.n_features,
        "power": stream.power,
        "block_rows": stream.block_rows,
        "seed": stream.seed,
        "n_rows": stream.n_rows,
        "parts": [None if part is None else facts_of(part) for part in parts],
    }
    arrays: dict[str, Any] = {
        f"{number}.{name}": array
        for number, part in enumerate(parts)
        if part is not None
        for name, array in arrays_of(part).items()
    }
    sink = io.BytesIO()
    np.savez(sink, **arrays, stream=np.array(json.dumps(state)))
    write_whole(path, sink.getvalue())
    return path


def load_stream(path: str | os.PathLike[str], builder: Builder) -> CoresetStream:
    """Go on with a stream that was saved.

    Parameters
    ----------
    path : path-like
    builder : Builder
        The one that it had.

    Returns
    -------
    CoresetStream
        To which the rows from ``n_rows`` on are to be added; the end is the same bits as if it
        had not been interrupted.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged or no stream, or the builder is another.
    """
    path = _npz(path)
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}; save a stream there first.")
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as stored:
            state = json.loads(str(stored["stream"]))
            parts = [
                None
                if facts is None
                else checked(
                    {name.split(".")[1]: stored[name] for name in _of(number, stored)}, facts
                )
                for number, facts in enumerate(state["parts"])
            ]
        stream = CoresetStream(
            builder,
            state["n_features"],
            state["power"],
            block_rows=state["block_rows"],
            seed=state["seed"],
        )
        named = state["builder"]
        stream.n_rows = int(state["n_rows"])
    except DAMAGED as error:
        raise ValueError(
            f"{path} is no stream that can be read, or damaged ({error}); start anew."
        ) from error
    if named != str(builder):
        raise ValueError(f"builder: the stream was begun with {named}, not {builder}.")
    *stream.levels, waiting = parts
    stream.waiting = [waiting] if waiting is not None else []
    return stream


def _of(number: int, names: Any) -> list[str]:
    return [name for name in names if name.startswith(f"{number}.")]


def _npz(path: str | os.PathLike[str]) -> Path:
    path = Path(path)
    if path.suffix.lower() != ".npz":
        raise ValueError(f"path must end in .npz, not {path.name!r}.")
    return path
