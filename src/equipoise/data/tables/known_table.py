"""What the package knows of a well-known table, and where its files are found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import narwhals as nw

from equipoise.data.errors import DataError

__all__ = ["KnownTable", "locate"]


@dataclass(frozen=True)
class KnownTable:
    """A well-known table: how to read it, and the roles that its columns usually have.

    Attributes
    ----------
    name : str
        What it is asked for by.
    title : str
        What it is, in a line.
    read : callable
        Takes the data folder, returns the whole table (`narwhals.DataFrame`); raises
        `DataError` if the files are not there or not what they should be.
    target : str
        The label's column.
    positive : label
        The favoured or predicted class, `classes[1]`.
    sensitive : tuple of str
        The sensitive columns to start from, with cut points where a number is cut.
    drop : tuple of str
        Columns never used as features: identifiers, weights, what leaks the label.
    source : str
        Where the holder of the data offers them.
    files : tuple of str
        The names looked for, relative to the data folder.
    """

    name: str
    title: str
    read: Callable[[Path], nw.DataFrame[Any]]
    target: str
    positive: Any
    sensitive: tuple[str, ...]
    drop: tuple[str, ...]
    source: str
    files: tuple[str, ...]


def locate(folder: Path, names: tuple[str, ...], source: str) -> Path:
    """Find a file in the data folder.

    Parameters
    ----------
    folder : Path
        The data folder.
    names : tuple of str
        Relative names of the same content, the first found wins; each is looked for as
        written, with .gz, and the same two without its sub-folder.
    source : str
        Where the data are offered, for the message.

    Returns
    -------
    Path

    Raises
    ------
    DataError
        If none of them is there.
    """
    spellings = [
        spelling
        for name in names
        for place in dict.fromkeys((name, Path(name).name))
        for spelling in (place, f"{place}.gz")
    ]
    found = next((folder / name for name in spellings if (folder / name).is_file()), None)
    if found is None:
        raise DataError(
            f"data_dir: no file {' or '.join(spellings)} in {folder}; get it from {source} and "
            "put it there, or name another folder with data_dir (on the command line: "
            "--data-dir) or the environment variable EQUIPOISE_DATA"
        )
    return found
