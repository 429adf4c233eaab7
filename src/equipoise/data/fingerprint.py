"""A hash of what a table says, blind to how it was stored.

Chunks, text types, categories against plain text, the width of numbers, NaN against null and
row indices are storage; names, kinds, order and values are content.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from equipoise.data.arrow import kind_of, plain, to_arrow
from equipoise.data.errors import DataError

if TYPE_CHECKING:
    from hashlib import _Hash

__all__ = ["Fingerprint"]


class Fingerprint:
    """A running SHA-256 over labelled parts.

    Every part is written with its label and its length, so that no two sequences of parts run
    together into the same bytes.
    """

    def __init__(self) -> None:
        self._hash: _Hash = hashlib.sha256(b"equipoise table 1")

    def text(self, label: str, text: str) -> None:
        """Add a text."""
        self._part(label, text.encode())

    def array(self, label: str, values: NDArray[Any]) -> None:
        """Add a one-dimensional numeric array: its type, its length and its values."""
        little = np.ascontiguousarray(values).astype(values.dtype.newbyteorder("<"), copy=False)
        self._part(f"{label} {little.dtype.str}", little.view(np.uint8).data)

    def table(self, label: str, table: Any) -> None:
        """Add a table: its columns' names, kinds and values, in order.

        Raises
        ------
        DataError
            If a column holds what has no canonical form (lists, structures, durations, bytes).
        """
        arrow = to_arrow(table)
        self.text(label, f"{arrow.num_rows} x {arrow.num_columns}")
        for name, column in zip(arrow.column_names, arrow.columns, strict=True):
            self._column(name, plain(column))

    def hexdigest(self) -> str:
        """Return the 64 hexadecimal digits of everything added so far."""
        return self._hash.hexdigest()

    def _part(self, label: str, content: bytes | memoryview) -> None:
        head = label.encode()
        size = content.nbytes if isinstance(content, memoryview) else len(content)
        self._hash.update(f"{len(head)} {size}\n".encode())
        self._hash.update(head)
        self._hash.update(content)

    def _column(self, name: str, column: pa.ChunkedArray) -> None:
        kind = kind_of(column.type)
        self.text(f"column {kind}", name)
        if kind == "null":
            return
        if column.null_count:
            self.array("missing", np.packbits(column.is_null().to_numpy()))
        if kind == "text":
            self._texts(pc.fill_null(column, ""))
        elif kind in ("boolean", "integer", "float", "date", "timestamp"):
            self.array("values", _numbers(column, kind))
        else:
            raise DataError(
                f"column {name!r} holds {column.type}, which has no fingerprint; "
                "convert it to text or numbers, or leave it out"
            )

    def _texts(self, column: pa.ChunkedArray) -> None:
        self.array("lengths", pc.binary_length(column).to_numpy().astype(np.int64))
        chunks = [_text_bytes(chunk) for chunk in column.chunks if len(chunk)]
        self._part("texts", str(sum(chunk.nbytes for chunk in chunks)).encode())
        for chunk in chunks:
            self._hash.update(chunk)


def _numbers(column: pa.ChunkedArray, kind: str) -> NDArray[Any]:
    if kind == "boolean":
        return np.asarray(pc.fill_null(column, False).to_numpy(), dtype=np.uint8)
    if kind == "float":
        return np.asarray(pc.fill_null(column.cast(pa.float64()), 0.0).to_numpy())
    if kind == "date":
        column = column.cast(pa.date32()).cast(pa.int32())
    elif kind == "timestamp":
        column = column.cast(pa.timestamp("us", tz=column.type.tz), safe=False)
    whole = column.cast(pa.int64(), safe=False)
    return np.asarray(pc.fill_null(whole, 0).to_numpy())


def _text_bytes(chunk: pa.Array) -> memoryview:
    width = np.int64 if pa.types.is_large_string(chunk.type) else np.int32
    _, offsets, content = chunk.buffers()
    bounds = np.frombuffer(offsets, dtype=width)[[chunk.offset, chunk.offset + len(chunk)]]
    return memoryview(content if content is not None else b"")[int(bounds[0]) : int(bounds[1])]
