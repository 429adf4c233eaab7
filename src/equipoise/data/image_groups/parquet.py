"""Images and labels inside Parquet files, as Hugging Face's data sets have them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from equipoise.data.errors import DataError
from equipoise.data.image_groups.parts import SplitPart, known_part
from equipoise.data.image_groups.tree import Tree

__all__ = ["InParquet", "parquet_parts", "read_labels"]


@dataclass(frozen=True, eq=False)
class InParquet:
    """Images in a column of Parquet files.

    Parameters
    ----------
    files : sequence of Path
    ends : ndarray of int64, shape (len(files),)
        How many rows there are up to the end of each.
    column : str
        Bytes, or a structure with a field ``bytes``.
    """

    files: Sequence[Path]
    ends: NDArray[np.int64]
    column: str
    scenes: bool = False

    def __len__(self) -> int:
        return int(self.ends[-1])

    def name(self, row: int) -> str:
        """The file and the row in it, counted from 0."""
        number, within = self._place(row)
        return f"{self.files[number]}, row {within}"

    def contents(self, rows: NDArray[np.int64]) -> Iterator[tuple[int, bytes]]:
        """Read the images of some rows, each group of rows of a file once; see `Pictures`."""
        order = np.argsort(rows, kind="stable")
        numbers = np.searchsorted(self.ends, rows[order], side="right")
        for number in np.unique(numbers):
            chosen = order[numbers == number]
            start = int(self.ends[number - 1]) if number else 0
            yield from self._of_file(self.files[number], rows[chosen] - start, chosen)

    def sizes(self) -> Iterator[tuple[str, int]]:
        """Each file with its size in bytes."""
        for path in self.files:
            yield f"{path.parent.name}/{path.name}", path.stat().st_size

    def _of_file(
        self, path: Path, rows: NDArray[np.int64], places: NDArray[np.int64]
    ) -> Iterator[tuple[int, bytes]]:
        try:
            with pq.ParquetFile(path) as file:
                lengths = [
                    file.metadata.row_group(at).num_rows for at in range(file.num_row_groups)
                ]
                ends = np.cumsum(lengths)
                groups = np.searchsorted(ends, rows, side="right")
                for group in np.unique(groups):
                    own = groups == group
                    start = int(ends[group] - lengths[group])
                    column = file.read_row_group(int(group), columns=[self.column])[self.column]
                    for place, row in zip(places[own], rows[own], strict=True):
                        yield int(place), self._bytes(column[int(row) - start].as_py(), path, row)
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(path, error) from error

    def _bytes(self, value: object, path: Path, row: int) -> bytes:
        content = value.get("bytes") if isinstance(value, dict) else value
        if not isinstance(content, bytes):
            raise DataError(f"rows: {path} has no image in row {row}, only a name or nothing")
        return content

    def _place(self, row: int) -> tuple[int, int]:
        number = int(np.searchsorted(self.ends, row, side="right"))
        return number, row - (int(self.ends[number - 1]) if number else 0)


@dataclass(frozen=True, eq=False)
class _Schema:
    """What one Parquet file has in its columns."""

    image: str
    labels: tuple[str, ...]
    classes: dict[str, list[str]]

    @classmethod
    def of(cls, path: Path) -> _Schema | None:
        """Read a file's schema; None where it has no images."""
        try:
            schema = pq.read_schema(path)
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(path, error) from error
        images = [field.name for field in schema if _holds_bytes(field.type)]
        if not images:
            return None
        described = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        features = described.get("info", {}).get("features", {})
        classes = {
            name: [str(value) for value in feature["names"]]
            for name, feature in features.items()
            if isinstance(feature, dict) and "names" in feature
        }
        labels = tuple(field.name for field in schema if field.name not in images)
        return cls(images[0], labels, classes)


@dataclass(frozen=True, eq=False)
class ParquetParts:
    """The Parquet files with images in a folder, in the order of their parts.

    Attributes
    ----------
    files : tuple of Path
    parts : tuple of str
        Each file's part.
    image : str
        The column of images.
    labels : tuple of str
        The other columns.
    classes : dict of list of str
        What integers stand for, where the files say it.
    """

    files: tuple[Path, ...]
    parts: tuple[SplitPart, ...]
    image: str
    labels: tuple[str, ...]
    classes: dict[str, list[str]]

    @cached_property
    def ends(self) -> NDArray[np.int64]:
        """How many rows there are up to the end of each file."""
        return np.cumsum([pq.read_metadata(path).num_rows for path in self.files])

    @property
    def pictures(self) -> InParquet:
        """The images."""
        return InParquet(self.files, self.ends, self.image)

    def rows(self) -> dict[SplitPart, NDArray[np.int64]]:
        """The row numbers of each part."""
        of_file = np.repeat(np.arange(len(self.files)), np.diff(self.ends, prepend=0))
        found: dict[SplitPart, NDArray[np.int64]] = {}
        for part in dict.fromkeys(self.parts):
            own = [number for number, at in enumerate(self.parts) if at == part]
            found[part] = np.flatnonzero(np.isin(of_file, own))
        return found

    def names(self) -> NDArray[np.str_]:
        """For each row, the file that it is in and its number there."""
        return np.array(
            [
                f"{path.name}#{row}"
                for path, length in zip(self.files, np.diff(self.ends, prepend=0), strict=True)
                for row in range(length)
            ]
        )


def parquet_parts(tree: Tree, named: str = "") -> ParquetParts | None:
    """Find the Parquet files with images in a folder.

    Parameters
    ----------
    tree : Tree
    named : str
        What kind of versions there may be, for the message where there are several.

    Returns
    -------
    ParquetParts or None
        None where there are none.

    Raises
    ------
    DataError
        If a file is damaged, says not which part it belongs to, differs in its columns from the
        others, or belongs to another version of the data beside this one.
    """
    found = [(path, schema) for path in tree.all(r".*\.parquet") if (schema := _Schema.of(path))]
    if not found:
        return None
    placed: list[tuple[int, str, Path, SplitPart]] = []
    homes: set[Path] = set()
    for path, _ in found:
        part, home = known_part(path.name), path.parent
        if part is None:  # as in default/train/0000.parquet
            part, home = known_part(path.parent.name), path.parent.parent
        if part is None:
            raise DataError(
                f"folder: {path} does not say its part; rename it, or its folder, to begin with "
                "train, validation or test"
            )
        homes.add(home)
        order = ("train", "validation", "test").index(part)
        placed.append((order, str(path), path, part))
    if len(homes) > 1:
        raise DataError(
            f"folder: Parquet files lie in {' and '.join(sorted(map(str, homes)))}{named}; name "
            "the one that is meant as the folder"
        )
    placed.sort()
    schema = found[0][1]
    for path, other in found:
        if (other.image, other.labels) != (schema.image, schema.labels):
            raise DataError(f"folder: {path} has other columns than {found[0][0]}")
    return ParquetParts(
        tuple(path for _, _, path, _ in placed),
        tuple(part for _, _, _, part in placed),
        schema.image,
        schema.labels,
        schema.classes,
    )


def read_labels(parts: ParquetParts, columns: Sequence[str]) -> pa.Table:
    """Read some columns of all files, one below the other; no image is touched.

    Raises
    ------
    DataError
        If a file is damaged, or a column holds values of several types.
    """
    tables = []
    for path in parts.files:
        try:
            with pq.ParquetFile(path) as file:
                tables.append(file.read(columns=list(columns)).replace_schema_metadata(None))
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(path, error) from error
    try:
        return pa.concat_tables(tables)
    except pa.ArrowInvalid as error:
        raise DataError(f"folder: the Parquet files differ in their columns ({error})") from error


def _holds_bytes(dtype: pa.DataType) -> bool:
    if pa.types.is_struct(dtype):
        at = dtype.get_field_index("bytes")
        return at >= 0 and _holds_bytes(dtype.field(at).type)
    return bool(pa.types.is_binary(dtype) or pa.types.is_large_binary(dtype))


def _unreadable(path: Path, error: Exception) -> DataError:
    return DataError(
        f"path: {path} is no whole Parquet file ({str(error).splitlines()[0]}); fetch it again"
    )
