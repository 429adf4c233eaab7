"""What lies in a user's folder: files of labels and folders of images, however deep."""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from equipoise.data.delimited import file_bytes
from equipoise.data.errors import DataError

__all__ = ["Tree", "content_of"]

_IMAGES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif")


@dataclass(frozen=True, eq=False)
class Tree:
    """The files of a folder that are no images, and its folders, the shallowest first.

    Attributes
    ----------
    root : Path
    files : tuple of Path
    folders : tuple of Path
        The root among them.
    """

    root: Path
    files: tuple[Path, ...]
    folders: tuple[Path, ...]

    @classmethod
    def of(cls, folder: str | os.PathLike[str]) -> Tree:
        """Look through a folder once.

        Parameters
        ----------
        folder : path-like
            Hidden files and folders in it are passed over.

        Returns
        -------
        Tree

        Raises
        ------
        DataError
            If there is no such folder, or one in it cannot be read.
        """
        root = Path(folder)
        if not root.is_dir():
            raise DataError(f"folder: no folder {root}; wanted the one that holds your copy")
        files: list[Path] = []
        folders, seen = [root], {root.resolve()}
        for at in folders:  # which grows as it goes: level by level
            try:
                with os.scandir(at) as found:
                    entries = sorted(
                        # A folder of images may have 200,000 of them: only names are looked at.
                        (entry for entry in found if not entry.name.lower().endswith(_IMAGES)),
                        key=lambda entry: entry.name,
                    )
            except OSError as error:
                raise DataError(f"folder: cannot read {at}: {error.strerror or error}") from error
            for entry in entries:
                if entry.name.startswith((".", "__MACOSX")):
                    continue
                path = Path(entry.path)
                if not entry.is_dir():
                    files.append(path)
                elif (real := path.resolve()) not in seen:  # links may lead round in a circle
                    seen.add(real)
                    folders.append(path)
        return cls(root, tuple(files), tuple(folders))

    def first(self, *patterns: str) -> Path | None:
        """The shallowest file whose name matches; of several beside each other, by pattern.

        Parameters
        ----------
        *patterns : str
            Regular expressions of whole names, the preferred one first; capitals do not matter.

        Returns
        -------
        Path or None
        """
        found = [
            (len(path.parts), order, path)
            for order, pattern in enumerate(patterns)
            for path in self.all(pattern)
        ]
        return min(found)[2] if found else None

    def all(self, pattern: str) -> list[Path]:
        """All files whose whole name matches a regular expression, whatever its capitals."""
        wanted = re.compile(pattern, re.IGNORECASE)
        return [path for path in self.files if wanted.fullmatch(path.name)]

    def nothing(self, wanted: Sequence[str]) -> DataError:
        """The error to raise where none of the files is there.

        Parameters
        ----------
        wanted : sequence of str
            What was looked for, in words.

        Returns
        -------
        DataError
        """
        names = [path.name for path in self.files[:5]]
        there = ", ".join(names) + (", ..." if len(self.files) > 5 else "") if names else "none"
        return DataError(
            f"folder: looked for {' or '.join(wanted)} in {self.root} and the "
            f"{len(self.folders) - 1:,} folders below it; files there: {there}. Name the folder "
            "that holds your copy of the data; nothing is downloaded"
        )


def content_of(path: Path) -> bytes:
    """Read a file of text that may be packed as .gz, or alone in a .zip.

    Parameters
    ----------
    path : Path

    Returns
    -------
    bytes

    Raises
    ------
    DataError
        If it cannot be read, is blank or damaged, or a .zip has not one file.
    """
    if path.suffix.lower() != ".zip":
        return file_bytes(path)
    try:
        with zipfile.ZipFile(path) as archive:
            # macOS packs a folder of its own beside what it was asked to.
            names = [
                name
                for name in archive.namelist()
                if not name.endswith("/") and not name.startswith("__MACOSX")
            ]
            if len(names) != 1:
                raise DataError(f"path: {path} holds {len(names)} files, wanted one; unpack it")
            content = archive.read(names[0])
    except (zipfile.BadZipFile, OSError, EOFError, RuntimeError) as error:
        raise DataError(f"path: {path} is no whole zip file ({error}); fetch it again") from error
    if not content.strip():
        raise DataError(f"path: {path} is empty, wanted rows of text")
    return content
