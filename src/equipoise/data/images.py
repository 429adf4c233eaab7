"""Well-known labelled images, read from the files that their holders offer."""

from __future__ import annotations

import gzip
import io
import math
import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from equipoise.data.errors import DataError, hint

__all__ = ["Images", "load_images", "read_idx"]

Pixels = NDArray[np.uint8]
Part = Literal["train", "test"]

_IDX_FOLDERS = {"mnist": "mnist", "fashion-mnist": "fashion_mnist"}
_CIFAR_SIDE = 32
_CIFAR_ROW = 1 + 3 * _CIFAR_SIDE**2
_CIFAR_FILES = {
    "train": [f"data_batch_{number}.bin" for number in range(1, 6)],
    "test": ["test_batch.bin"],
}
# Height and width of every image of the set.
_SIDES = {"mnist": 28, "fashion-mnist": 28, "cifar10": _CIFAR_SIDE}


@dataclass(frozen=True, eq=False)
class Images:
    """Labelled images in two parts.

    Attributes
    ----------
    labels : dict of ndarray of int64, shape (n,)
        Of "train" and of "test".
    pixels : callable
        Of a part and row numbers, which gives uint8 of shape (rows, height, width) or, in colour,
        (rows, height, width, 3). Files that are compressed image by image are decoded for the
        rows asked for alone.
    """

    labels: dict[Part, NDArray[np.int64]]
    pixels: Callable[[Part, NDArray[np.int64]], Pixels]


def load_images(name: str, data_dir: str | os.PathLike[str]) -> Images:
    """Load a well-known set of images.

    Parameters
    ----------
    name : {"mnist", "fashion-mnist", "cifar10"}
    data_dir : path-like
        The folder that holds ``mnist`` or ``fashion_mnist``, each with the four published files
        ``train-images-idx3-ubyte.gz`` and so on; or ``cifar10``, with the published binary
        version (``data_batch_1.bin`` to ``test_batch.bin``), or else with ``cifar10_jpeg.npz``:
        compressed images end to end as ``data``, where the i-th begins and ends as ``offset``,
        and their ``label`` and ``is_test``.

    Returns
    -------
    Images

    Raises
    ------
    DataError
        If the name is unknown, or a file is missing or damaged.
    """
    folder = Path(data_dir)
    if name in _IDX_FOLDERS:
        return _idx_images(folder / _IDX_FOLDERS[name], _SIDES[name])
    if name == "cifar10":
        where = folder / "cifar10"
        if (where / _CIFAR_FILES["test"][0]).is_file():
            return _cifar_binary(where)
        return _cifar_compressed(where / "cifar10_jpeg.npz")
    raise DataError(f"name: no images are called {name!r}. {hint(name, _SIDES)}")


def read_idx(path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """Read an array of bytes in the idx format of MNIST.

    Parameters
    ----------
    path : path-like
        Compressed if it ends in .gz.

    Returns
    -------
    ndarray of uint8
        Of as many axes as the file says.

    Raises
    ------
    DataError
        If there is no such file, or it holds something else or is cut short.
    """
    path = Path(path)
    content = _bytes_of(path)
    if path.suffix == ".gz":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"path: {path} is no whole gz file; fetch it again") from error
    # Two zeros, the type (8 is a byte), the number of axes, then the axes' lengths.
    if len(content) < 4 or content[:3] != b"\x00\x00\x08":
        raise DataError(f"path: {path} is no idx file of bytes, which begins with 0, 0, 8")
    n_axes = content[3]
    start = 4 + 4 * n_axes
    if len(content) < start:
        raise DataError(f"path: {path} ends within its head; fetch it again")
    shape = np.frombuffer(content, ">u4", n_axes, offset=4).tolist()
    if len(content) - start != math.prod(shape):
        raise DataError(
            f"path: {path} has {len(content) - start} bytes of values and says {shape}; fetch it "
            "again"
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def _bytes_of(path: Path) -> bytes:
    if not path.is_file():
        raise DataError(f"path: no file {path}; put it there, or name another folder as data_dir")
    return path.read_bytes()


def _idx_images(folder: Path, side: int) -> Images:
    names: dict[Part, str] = {"train": "train", "test": "t10k"}
    labels: dict[Part, NDArray[np.int64]] = {}
    pixels: dict[Part, Pixels] = {}
    for part, stem in names.items():
        found = read_idx(folder / f"{stem}-labels-idx1-ubyte.gz")
        pixels[part] = read_idx(folder / f"{stem}-images-idx3-ubyte.gz")
        if found.ndim != 1 or pixels[part].shape != (len(found), side, side):
            raise DataError(
                f"data_dir: the {stem} files in {folder} are of shapes {found.shape} and "
                f"{pixels[part].shape}, wanted labels (n,) and images (n, {side}, {side})"
            )
        labels[part] = found.astype(np.int64)
    return Images(labels, lambda part, rows: pixels[part][rows])


def _cifar_binary(folder: Path) -> Images:
    labels: dict[Part, NDArray[np.int64]] = {}
    pixels: dict[Part, Pixels] = {}
    parts: tuple[Part, ...] = ("train", "test")
    for part in parts:
        contents = [_bytes_of(folder / name) for name in _CIFAR_FILES[part]]
        for name, content in zip(_CIFAR_FILES[part], contents, strict=True):
            if not content or len(content) % _CIFAR_ROW:
                raise DataError(
                    f"data_dir: {folder / name} has {len(content)} bytes, wanted a multiple of "
                    f"{_CIFAR_ROW}: a label and three colours of 1024 pixels"
                )
        rows = np.frombuffer(b"".join(contents), np.uint8).reshape(-1, _CIFAR_ROW)
        labels[part] = rows[:, 0].astype(np.int64)
        colours = rows[:, 1:].reshape(-1, 3, _CIFAR_SIDE, _CIFAR_SIDE)
        pixels[part] = colours.transpose(0, 2, 3, 1)
    return Images(labels, lambda part, rows: pixels[part][rows])


def _cifar_compressed(path: Path) -> Images:
    try:
        with np.load(io.BytesIO(_bytes_of(path)), allow_pickle=False) as file:
            data, offset, label, is_test = (
                file[name] for name in ("data", "offset", "label", "is_test")
            )
    except (KeyError, ValueError, OSError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"data_dir: {path} is no npz file with data, offset, label and is_test; see "
            "load_images for what is in them"
        ) from error
    if len(offset) != len(label) + 1 or len(is_test) != len(label) or offset[-1] != len(data):
        raise DataError(
            f"data_dir: {path} has {len(label)} labels, {len(is_test)} parts and {len(offset)} "
            f"offsets up to {offset[-1]} of {len(data)} bytes, which do not fit together"
        )
    numbers: dict[Part, NDArray[np.int64]] = {
        "train": np.flatnonzero(is_test == 0),
        "test": np.flatnonzero(is_test == 1),
    }

    def pixels(part: Part, rows: NDArray[np.int64]) -> Pixels:
        from PIL import Image  # which matplotlib brings

        found = np.empty((len(rows), _CIFAR_SIDE, _CIFAR_SIDE, 3), np.uint8)
        for place, number in enumerate(numbers[part][rows]):
            content = data[offset[number] : offset[number + 1]].tobytes()
            with Image.open(io.BytesIO(content)) as image:
                found[place] = np.asarray(image.convert("RGB"))
        return found

    labels = {part: label[chosen].astype(np.int64) for part, chosen in numbers.items()}
    return Images(labels, pixels)
