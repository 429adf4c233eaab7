"""From what a copy of a data set holds to the index that was asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from equipoise.data.errors import DataError, hint
from equipoise.data.image_groups.binary import levels_of
from equipoise.data.image_groups.index import ImageGroups
from equipoise.data.image_groups.parts import SplitPart, carve, split_at_random
from equipoise.data.image_groups.pictures import Pictures

__all__ = ["Asked", "Columns", "Copy", "Labels", "assemble", "refuse_images"]

Codes = tuple[NDArray[np.int64], tuple[str, ...]]
"""A column as codes, with the names of its levels."""


class Asked(NamedTuple):
    """What a user asks of any of the sets.

    Attributes
    ----------
    target : str, sequence of str or None
    sensitive : sequence of str or None
    images : Path or None
        The only place to look for images in.
    seed : int
    """

    target: str | Sequence[str] | None
    sensitive: Sequence[str] | None
    images: Path | None
    seed: int


class Columns(NamedTuple):
    """Columns that are read when they are asked for.

    Attributes
    ----------
    names : tuple of str
    read : callable
        From a name to codes and the names of the levels.
    """

    names: tuple[str, ...]
    read: Callable[[str], Codes]


class Labels(NamedTuple):
    """Many yes-or-no labels of one image, at once.

    Attributes
    ----------
    names : tuple of str, length k
    has : ndarray of bool, shape (n, k)
    """

    names: tuple[str, ...]
    has: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Copy:
    """What a user's copy of a set holds.

    Attributes
    ----------
    files : ndarray of str, shape (n,)
    columns : Columns
        Any of them a target or sensitive.
    parts : dict of ndarray of int64, or None
        None where the copy does not say.
    pictures : Pictures
    labels : Labels or None
        Targets besides the columns.
    dropped : dict of int
        By the reason.
    carved : bool
        Whether train rows are published without a validation part, which is then taken out of
        them.
    """

    files: NDArray[np.str_]
    columns: Columns
    parts: dict[SplitPart, NDArray[np.int64]] | None
    pictures: Pictures
    labels: Labels | None = None
    dropped: dict[str, int] = field(default_factory=dict)
    carved: bool = False


class _Target(NamedTuple):
    values: NDArray[np.int64] | NDArray[np.bool_]
    classes: tuple[str, ...]
    names: tuple[str, ...]


def refuse_images(asked: Asked) -> None:
    """Refuse a folder of images where they are inside the files of labels.

    Raises
    ------
    DataError
        If one is named.
    """
    if asked.images is not None:
        raise DataError(f"images: given {asked.images}, but this copy's are in its Parquet files")


def assemble(name: str, copy: Copy, asked: Asked) -> ImageGroups:
    """Give a copy's columns their roles, and its rows their parts.

    Parameters
    ----------
    name : str
        The set's.
    copy : Copy
    asked : Asked
        With no target, all labels are targets.

    Returns
    -------
    ImageGroups

    Raises
    ------
    DataError
        If a column is unknown or cannot be what it is asked to be.
    """
    sensitive = list(asked.sensitive or ())
    if not sensitive or len(set(sensitive)) < len(sensitive):
        raise DataError(f"sensitive: given {sensitive}, wanted one or more columns, each once")
    for column in sensitive:
        if column not in copy.columns.names:
            raise DataError(
                f"sensitive: {name} has no {column!r} here. {hint(column, copy.columns.names)}"
            )
    codes = {column: copy.columns.read(column) for column in sensitive}
    target = _target(name, copy, asked.target)
    both = [column for column in target.names if column in sensitive]
    if both:
        raise DataError(f"target: {both[0]!r} is given as sensitive too, wanted one or the other")
    strata = [values for values, _ in codes.values()]
    if target.values.ndim == 1:
        strata.append(target.values.astype(np.int64))
    parts = copy.parts
    if parts is None:
        parts = split_at_random(strata, asked.seed, f"this copy of {name} does not say its parts")
    elif copy.carved and "train" in parts:
        parts = {**carve(parts["train"], strata, asked.seed), **_without_train(parts)}
    return ImageGroups(
        name,
        copy.files,
        target.values,
        target.classes,
        target.names,
        {column: values for column, (values, _) in codes.items()},
        {column: levels for column, (_, levels) in codes.items()},
        parts,
        copy.dropped,
        copy.pictures,
    )


def _without_train(
    parts: dict[SplitPart, NDArray[np.int64]],
) -> dict[SplitPart, NDArray[np.int64]]:
    return {part: rows for part, rows in parts.items() if part != "train"}


def _target(name: str, copy: Copy, asked: str | Sequence[str] | None) -> _Target:
    labels = copy.labels
    if asked is None and labels is not None:
        return _Target(labels.has, (), labels.names)
    if isinstance(asked, str):
        if labels is not None and asked in labels.names:
            has = labels.has[:, labels.names.index(asked)]
            return _Target(has.astype(np.int64), levels_of(asked), (asked,))
        values, classes = _column(name, copy, asked)
        return _Target(values, classes, (asked,))
    names = tuple(asked or ())
    if not names or len(set(names)) < len(names):
        raise DataError(f"target: given {list(names)}, wanted a label, or several, each once")
    found = []
    for one in names:
        if labels is not None and one in labels.names:
            found.append(labels.has[:, labels.names.index(one)])
            continue
        values, classes = _column(name, copy, one)
        if len(classes) != 2:
            raise DataError(
                f"target: {one!r} has the classes {', '.join(classes)}; of several labels each is "
                "yes or no. Give it alone"
            )
        found.append(values == 1)
    return _Target(np.stack(found, axis=1), (), names)


def _column(name: str, copy: Copy, asked: str) -> Codes:
    if asked not in copy.columns.names:
        known = [*(copy.labels.names if copy.labels else ()), *copy.columns.names]
        raise DataError(f"target: {name} has no {asked!r} here. {hint(asked, known)}")
    return copy.columns.read(asked)
