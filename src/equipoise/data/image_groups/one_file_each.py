"""Images that are files of their own, somewhere below a folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from equipoise.data.errors import DataError
from equipoise.data.image_groups.tree import Tree

__all__ = ["OneFileEach"]


@dataclass(frozen=True, eq=False)
class OneFileEach:
    """Files of images, looked for only once pixels are asked for.

    Parameters
    ----------
    files : ndarray of str, shape (n,)
        Names as the labels have them, in which a folder may come first ("train/1.jpg").
    root : Path
        Where to look, at any depth.
    blocks : sequence of slice
        Rows whose files lie in one folder together; together they cover all.
    preferred : str
        Of several folders that have the files, those with this in their name are meant.
    scenes : bool
    """

    files: NDArray[np.str_]
    root: Path
    blocks: Sequence[slice]
    preferred: str = ""
    scenes: bool = False

    def __len__(self) -> int:
        return len(self.files)

    def name(self, row: int) -> str:
        """The file of a row, as the labels have it."""
        return str(self.files[row])

    def contents(self, rows: NDArray[np.int64]) -> Iterator[tuple[int, bytes]]:
        """Read the images of some rows; see `Pictures`."""
        for place, row in enumerate(rows.tolist()):
            path = self._path(row)
            try:
                content = path.read_bytes()
            except OSError as error:
                raise self._missing(path, error) from error
            yield place, content

    def sizes(self) -> Iterator[tuple[str, int]]:
        """Each file with its size in bytes."""
        for row in range(len(self)):
            path = self._path(row)
            try:
                size = path.stat().st_size
            except OSError as error:
                raise self._missing(path, error) from error
            yield self.name(row), size

    def _path(self, row: int) -> Path:
        number = int(np.searchsorted(self._starts, row, side="right")) - 1
        folder, suffix = self._found[number]
        path = folder / str(self.files[row])
        return path.with_suffix(suffix) if suffix else path

    @cached_property
    def _starts(self) -> NDArray[np.int64]:
        return np.array([block.start for block in self.blocks], np.int64)

    @cached_property
    def _found(self) -> list[tuple[Path, str]]:
        folders = Tree.of(self.root).folders
        return [self._look(self.files[block], folders) for block in self.blocks]

    def _look(self, files: NDArray[np.str_], folders: Sequence[Path]) -> tuple[Path, str]:
        """Where a block's files are, and their suffix where it is not that of the labels."""
        # The first may be the very one that is missing.
        probes = [str(files[at]) for at in sorted({0, len(files) // 2, len(files) - 1})]
        for suffix in ("", ".png"):
            having = [
                folder
                for folder in folders
                if any(
                    (folder / (Path(name).with_suffix(suffix) if suffix else name)).is_file()
                    for name in probes
                )
            ]
            meant = [at for at in having if self.preferred in at.name] or having
            if len(meant) > 1:
                raise DataError(
                    f"images: {' and '.join(map(str, meant))} all have {probes[0]}; name the one "
                    "that is meant"
                )
            if meant:
                return meant[0], suffix
        raise DataError(
            f"images: no {probes[0]} in {self.root} or a folder below it; labels and groups can be "
            "used without, pixels cannot: put the images there, or name their folder as images"
        )

    def _missing(self, path: Path, error: OSError) -> DataError:
        return DataError(
            f"rows: cannot read the image {path} ({error.strerror or error}); put it there, or "
            "leave its row out"
        )
