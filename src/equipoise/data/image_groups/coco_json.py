"""The annotation files of MS-COCO, which are one JSON document each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from equipoise.data.errors import DataError
from equipoise.data.image_groups.tree import content_of

__all__ = ["Captions", "Instances", "read_captions", "read_instances"]


class Instances(NamedTuple):
    """Which objects are in which images.

    Attributes
    ----------
    images : ndarray of int64, shape (n,)
        Numbers, increasing.
    files : ndarray of str, shape (n,)
    categories : tuple of str, length k
        In the order of their numbers, of which some are left out.
    has : ndarray of bool, shape (n, k)
    """

    images: NDArray[np.int64]
    files: NDArray[np.str_]
    categories: tuple[str, ...]
    has: NDArray[np.bool_]


Captions = list[tuple[int, str]]
"""An image's number and one of its captions."""


def read_instances(path: Path) -> Instances:
    """Read ``instances_*.json``; objects within a crowd are there too.

    Parameters
    ----------
    path : Path

    Returns
    -------
    Instances

    Raises
    ------
    DataError
        If it is damaged, or an annotation is of an image or category that it does not list.
    """
    document = _document(path, ("images", "annotations", "categories"))
    try:
        named = sorted((int(image["id"]), str(image["file_name"])) for image in document["images"])
        categories = sorted((int(one["id"]), str(one["name"])) for one in document["categories"])
        pairs = np.array(document["annotations"], dtype=np.int64).reshape(-1, 2)
    except (KeyError, TypeError, ValueError) as error:
        raise _foreign(path, error) from error
    if not named or not categories:
        raise DataError(f"path: {path} lists no images or no categories; fetch it again")
    images = np.array([number for number, _ in named], np.int64)
    if (images[1:] == images[:-1]).any():
        raise DataError(f"path: {path} lists an image twice; fetch it again")
    numbers = np.array([number for number, _ in categories], np.int64)
    rows = _places(pairs[:, 0], images, "image", path)
    columns = _places(pairs[:, 1], numbers, "category", path)
    has = np.zeros((len(images), len(numbers)), bool)
    has[rows, columns] = True
    # Some copies give the folder too, which the images need not lie in.
    files = np.array([name.rsplit("/", 1)[-1] for _, name in named])
    return Instances(images, files, tuple(name for _, name in categories), has)


def read_captions(path: Path) -> Captions:
    """Read ``captions_*.json``.

    Parameters
    ----------
    path : Path

    Returns
    -------
    list of (int, str)

    Raises
    ------
    DataError
        If it is damaged.
    """
    document = _document(path, ("annotations",))
    try:
        return [(int(image), str(caption)) for image, caption in document["annotations"]]
    except (TypeError, ValueError) as error:
        raise _foreign(path, error) from error


def _document(path: Path, wanted: tuple[str, ...]) -> dict[str, Any]:
    content = content_of(path)
    try:
        document = json.loads(content, object_hook=_slim, parse_float=_nothing)
    except json.JSONDecodeError as error:
        raise DataError(
            f"path: {path} is no whole JSON file (line {error.lineno}, column {error.colno}: "
            f"{error.msg}); fetch it again"
        ) from error
    except UnicodeDecodeError as error:
        raise DataError(f"path: {path} is not UTF-8 text ({error}); fetch it again") from error
    lacking = [name for name in wanted if not isinstance(document, dict) or name not in document]
    if lacking:
        raise DataError(f"path: {path} lacks {', '.join(lacking)}; is it an annotation of COCO?")
    return document


def _slim(read: dict[str, Any]) -> Any:
    # Outlines are nine tenths of a file of 450 MB; an annotation is cut to its pair as soon as it
    # is read, so that they are never in memory together.
    if "image_id" in read:
        if "caption" in read:
            return read["image_id"], read["caption"]
        if "category_id" in read:
            return read["image_id"], read["category_id"]
    return read


def _nothing(number: str) -> None:
    """What is made of a number with a point: coordinates, which nobody asks for."""


def _places(
    given: NDArray[np.int64], known: NDArray[np.int64], what: str, path: Path
) -> NDArray[np.int64]:
    places = np.minimum(np.searchsorted(known, given), len(known) - 1)
    strange = known[places] != given
    if strange.any():
        number = given[np.argmax(strange)]
        raise DataError(
            f"path: {path} has an annotation of {what} {number}, which it does not list"
        )
    return places


def _foreign(path: Path, error: Exception) -> DataError:
    return DataError(
        f"path: {path} is JSON and no annotation of COCO ({type(error).__name__}: {error})"
    )
