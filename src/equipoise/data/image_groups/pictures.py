"""Pixels of images that lie in a user's folder, one file each or inside Parquet files."""

from __future__ import annotations

import contextlib
import hashlib
import io
import secrets
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from equipoise.data.errors import DataError

__all__ = ["Pictures", "Progress", "decode", "keep"]

Progress = Callable[[int, int], None]
"""Called with how much is done and how much there is."""

_BLOCK = 1024


class Pictures(Protocol):
    """Where n compressed images are."""

    @property
    def scenes(self) -> bool:
        """Whether all of an image matters, and not only its middle."""

    def __len__(self) -> int: ...

    def name(self, row: int) -> str:
        """What messages call an image."""

    def contents(self, rows: NDArray[np.int64]) -> Iterator[tuple[int, bytes]]:
        """Read the images of some rows.

        Yields
        ------
        place : int
            Which of the rows this is; each comes once, in any order.
        content : bytes

        Raises
        ------
        DataError
            If there is no such image.
        """

    def sizes(self) -> Iterator[tuple[str, int]]:
        """The files that images are read from, each with its size in bytes."""


def decode(pictures: Pictures, rows: NDArray[np.int64], side: int) -> NDArray[np.uint8]:
    """Decode some images and make them squares.

    Parameters
    ----------
    pictures : Pictures
    rows : ndarray of int64, shape (m,)
        In range.
    side : int

    Returns
    -------
    ndarray of uint8, shape (m, side, side, 3)

    Raises
    ------
    DataError
        If the side is below 1, an image is not there, or one is damaged.
    """
    _check_side(side)
    found = np.empty((len(rows), side, side, 3), np.uint8)
    for place, content in pictures.contents(rows):
        try:
            found[place] = _square(content, side, pictures.scenes)
        except _damage() as error:
            raise DataError(
                f"rows: the image {pictures.name(int(rows[place]))} is damaged ({error}); fetch it "
                "again, or leave its row out"
            ) from error
    return found


def keep(
    pictures: Pictures, folder: Path, name: str, side: int, progress: Progress | None
) -> NDArray[np.uint8]:
    """Decode all images into a file, unless it is there already, and map it.

    Parameters
    ----------
    pictures : Pictures
        Of n images.
    folder : Path
        Of the file; created if need be.
    name : str
        How the file's name begins.
    side : int
    progress : callable or None

    Returns
    -------
    ndarray of uint8, shape (n, side, side, 3)
        Read-only.

    Raises
    ------
    DataError
        If an image is not there or damaged, or the file cannot be written or is not what it was.
    """
    _check_side(side)
    digest = hashlib.sha256(repr(pictures.scenes).encode())
    for file, size in pictures.sizes():
        digest.update(f"{file}\0{size}\0".encode())
    # Plain npy and not npz, of which no part can be mapped: 200,000 faces take 2.5 GB.
    path = folder / f"{name}-{side}px-{digest.hexdigest()[:12]}.npy"
    n = len(pictures)
    if not path.is_file():
        draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            array = np.lib.format.open_memmap(draft, "w+", np.uint8, (n, side, side, 3))
            for start in range(0, n, _BLOCK):
                rows = np.arange(start, min(start + _BLOCK, n))
                array[rows] = decode(pictures, rows, side)
                if progress is not None:
                    progress(int(rows[-1]) + 1, n)
            array.flush()
            del array
            draft.replace(path)
        except OSError as error:
            raise DataError(
                f"folder: cannot write {path}: {error.strerror or error}; name another folder"
            ) from error
        finally:
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)
    try:
        kept: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError) as error:
        raise DataError(f"folder: {path} is no array any more; delete it") from error
    if kept.shape != (n, side, side, 3) or kept.dtype != np.uint8:
        raise DataError(f"folder: {path} has {kept.dtype} of shape {kept.shape}; delete it")
    return kept


def _check_side(side: int) -> None:
    if side < 1:
        raise DataError(f"side: given {side}, wanted at least 1 pixel")


def _square(content: bytes, side: int, scenes: bool) -> NDArray[np.uint8]:
    from PIL import Image  # which matplotlib brings

    with Image.open(io.BytesIO(content)) as image:
        # A JPEG can be decoded at 1/2, 1/4 or 1/8 of its size for a fraction of the work; at least
        # twice the side is left for the filter to average over.
        edge = min(image.size)
        image.draft("RGB", (2 * side * image.width // edge, 2 * side * image.height // edge))
        loaded = image.convert("RGB")
    if not scenes:
        edge = min(loaded.size)
        left, top = (loaded.width - edge) // 2, (loaded.height - edge) // 2
        loaded = loaded.crop((left, top, left + edge, top + edge))
    return np.asarray(loaded.resize((side, side), Image.Resampling.BILINEAR))


def _damage() -> tuple[type[Exception], ...]:
    from PIL import Image

    # What Pillow raises differs by format: PNG chunks give SyntaxError, cut headers struct.error.
    return (
        OSError,
        SyntaxError,
        ValueError,
        struct.error,
        EOFError,
        Image.DecompressionBombError,
    )
