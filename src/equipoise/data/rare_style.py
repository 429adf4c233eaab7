"""Images in two styles: as they are, and as a minority would have drawn them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from equipoise.data.errors import DataError

__all__ = ["in_rare_style"]


def in_rare_style(images: NDArray[np.floating]) -> NDArray[np.floating]:
    """Transpose images and invert their contrast.

    Nothing of what an image shows is lost, so that a network that sees as much of this style is as
    right about it; and a test set that holds every image in both styles has the same labels in
    each, so that groups can be served alike.

    Parameters
    ----------
    images : ndarray, shape (n, side, side) or (n, side, side, colours)
        Values from 0 to 1.

    Returns
    -------
    ndarray
        Of the same shape.

    Raises
    ------
    DataError
        If images are not square, or values are out of their range.
    """
    if images.ndim not in (3, 4) or images.shape[1] != images.shape[2]:
        raise DataError(
            "images: wanted square images of shape (n, side, side) or (n, side, side, colours), "
            f"given {images.shape}"
        )
    if images.size and not (images.min() >= 0 and images.max() <= 1):
        raise DataError(
            f"images: wanted values from 0 to 1, given {images.min():g} to {images.max():g}"
        )
    return 1 - images.swapaxes(1, 2)
