"""What a frozen network sees in images, computed once."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from equipoise.data.image_groups import ImageGroups
from equipoise.learn.vision.weights import read_weights

# Of ImageNet's training images, by which published weights want their inputs centred and scaled.
_MEAN = (0.485, 0.456, 0.406)
_STD = (0.229, 0.224, 0.225)


def as_inputs(pixels: NDArray[np.uint8]) -> Tensor:
    """Pixels as a network's inputs: channels first, centred and scaled as ImageNet's are.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (n, height, width, 3) or (n, height, width)
        Grey images become three equal channels.

    Returns
    -------
    Tensor of float32, shape (n, 3, height, width)

    Raises
    ------
    ValueError
        If they are of another type or shape.
    """
    grey = pixels.ndim == 3
    if pixels.dtype != np.uint8 or not (grey or (pixels.ndim == 4 and pixels.shape[3] == 3)):
        raise ValueError(
            f"pixels must be uint8 of shape (n, height, width, 3) or (n, height, width), not "
            f"{pixels.dtype} of shape {pixels.shape}."
        )
    # A copy: an array that is mapped from a file may not be written to.
    tensor = torch.from_numpy(np.array(pixels)).float() / 255
    tensor = tensor[:, None].expand(-1, 3, -1, -1) if grey else tensor.permute(0, 3, 1, 2)
    mean, std = (torch.tensor(values)[:, None, None] for values in (_MEAN, _STD))
    return ((tensor - mean) / std).contiguous()


def frozen_features(
    backbone: nn.Module,
    images: ImageGroups | NDArray[np.uint8],
    *,
    weights: str | os.PathLike[str] | None = None,
    rows: ArrayLike | None = None,
    side: int = 64,
    block: int = 256,
    cache: str | os.PathLike[str] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> NDArray[np.float32]:
    """Features of images by a network that does not learn, for a linear model on top of them.

    Where there is no GPU this is how to use a large network: every image goes through it once.

    Parameters
    ----------
    backbone : Module
        From images as :func:`as_inputs` gives them to features of shape (n, d), on any device: one
        of this package's, or another's such as torchvision's with ``fc`` replaced by an identity.
        It is run as in evaluation, and left as it was but for the weights that were read.
    images : ImageGroups or ndarray of uint8, shape (n, height, width[, 3])
        The images of an index are decoded block by block; they are never in memory together.
    weights : path-like, optional
        A file for :func:`read_weights`. Without it the backbone is taken as it is: as it was
        drawn, its features tell little.
    rows : array-like of int, shape (m,), optional
        By default all.
    side : int
        To which the images of an index are made; arrays have theirs.
    block : int
        Images at once.
    cache : path-like, optional
        A folder to keep features in and to find them again in, if network, weights, images and
        rows are the same. A network is told by what it prints and by its weights; images of an
        index by their names and sizes in bytes.
    progress : callable, optional
        Called with the number of images done and with m.

    Returns
    -------
    ndarray of float32, shape (m, d)

    Raises
    ------
    ValueError
        If the weights do not fit, an argument is out of range, or features are not finite or not
        of shape (n, d).
    DataError
        If an image is not there or damaged.
    """
    if block < 1:
        raise ValueError(f"block must be at least 1, not {block}.")
    if weights is not None:
        read_weights(backbone, weights)
    chosen = _rows(rows, len(images))
    path = None
    if cache is not None:
        path = Path(cache) / f"features-{_digest(backbone, images, chosen, side)}.npy"
        if path.is_file():
            return _kept(path, len(chosen))
    place = next((one.device for one in backbone.parameters()), torch.device("cpu"))
    was_training = {module: module.training for module in backbone.modules()}
    found: list[NDArray[np.float32]] = []
    backbone.eval()
    try:
        with torch.inference_mode():
            for start in range(0, len(chosen), block):
                some = chosen[start : start + block]
                features = backbone(as_inputs(_pixels(images, some, side)).to(place))
                found.append(_checked(features, some))
                if progress is not None:
                    progress(start + len(some), len(chosen))
    finally:
        for module, training in was_training.items():
            module.training = training
    together = np.concatenate(found)
    if path is not None:
        _write(path, together)
    return together


def _pixels(
    images: ImageGroups | NDArray[np.uint8], rows: NDArray[np.int64], side: int
) -> NDArray[np.uint8]:
    return images[rows] if isinstance(images, np.ndarray) else images.pixels(rows, side)


def _rows(rows: ArrayLike | None, n: int) -> NDArray[np.int64]:
    given = np.arange(n) if rows is None else np.asarray(rows)
    if given.ndim != 1 or not given.size or given.dtype.kind not in "iu":
        raise ValueError(
            f"rows must be a vector of one or more row numbers, not {given.dtype} of shape "
            f"{given.shape}."
        )
    if given.min() < 0 or given.max() >= n:
        raise ValueError(
            f"rows must be within 0 to {n - 1}, and run from {given.min()} to {given.max()}."
        )
    return given.astype(np.int64)


def _checked(features: Tensor, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    if features.ndim != 2 or len(features) != len(rows):
        raise ValueError(
            f"backbone must give features of shape ({len(rows)}, d) for {len(rows)} images, and "
            f"gives {tuple(features.shape)}."
        )
    if not bool(features.isfinite().all()):
        bad = int(rows[int((~features.isfinite().all(1)).int().argmax())])
        raise ValueError(f"backbone gives NaN or infinity for row {bad}; are its weights sound?")
    return features.float().cpu().numpy()


def _digest(
    backbone: nn.Module,
    images: ImageGroups | NDArray[np.uint8],
    rows: NDArray[np.int64],
    side: int,
) -> str:
    digest = hashlib.sha256(repr(backbone).encode())
    for name, tensor in sorted(backbone.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        # As bytes, whatever the type: numpy has no bfloat16.
        flat = tensor.detach().cpu().contiguous().reshape(-1)
        digest.update(flat.view(torch.uint8).numpy().data)
    digest.update(rows.tobytes())
    if isinstance(images, np.ndarray):
        digest.update(f"{images.shape}".encode())
        for start in range(0, len(images), 4096):
            digest.update(np.ascontiguousarray(images[start : start + 4096]).data)
    else:
        digest.update(f"{side} {images.pictures.scenes}".encode())
        for name, size in images.pictures.sizes():
            digest.update(f"{name}\0{size}\0".encode())
    return digest.hexdigest()[:16]


def _kept(path: Path, n: int) -> NDArray[np.float32]:
    try:
        found: NDArray[np.float32] = np.load(path, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise ValueError(f"cache: {path} is no array any more; delete it.") from error
    if found.dtype != np.float32 or found.ndim != 2 or len(found) != n:
        raise ValueError(f"cache: {path} has {found.dtype} of shape {found.shape}; delete it.")
    return found


def _write(path: Path, features: NDArray[np.float32]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with draft.open("xb") as sink:
            np.save(sink, features)
        draft.replace(path)
    except OSError as error:
        raise ValueError(f"cache: cannot write {path}: {error.strerror or error}.") from error
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
