"""Images of which something is not seen: a square cut out, noise."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

__all__ = ["centre_of_square", "cutout", "pixel_noise"]


def centre_of_square(images: Tensor, generator: Generator | None) -> tuple[Tensor, ...]:
    """Where a square lies: anywhere, alike.

    Parameters
    ----------
    images : Tensor, shape (b, c, h, w)
    generator : Generator, optional

    Returns
    -------
    tuple
        One tensor of shape (b, 2): shares of height and width.
    """
    shape = (len(images), 2)
    return (torch.rand(shape, generator=generator, dtype=images.dtype, device=images.device),)


def cutout(images: Tensor, amount: Tensor, centre: Tensor) -> Tensor:
    """Make a square black, DeVries & Taylor 2017 (arXiv 1708.04552).

    A pixel that the square covers in part is darkened in part, so that its side has a gradient.

    Parameters
    ----------
    images : Tensor, shape (r, c, h, w)
    amount : Tensor, shape (r,)
        The side, as a share of the shorter side of the image.
    centre : Tensor, shape (r, 2)
        Shares of height and width.

    Returns
    -------
    Tensor, shape (r, c, h, w)
    """
    half = amount * (min(images.shape[-2:]) / 2)

    def covered(n_pixels: int, middle: Tensor) -> Tensor:
        start = torch.arange(n_pixels, dtype=images.dtype, device=images.device)
        low, high = (middle - half)[:, None], (middle + half)[:, None]
        return (torch.minimum(start + 1, high) - torch.maximum(start, low)).clamp(min=0)

    height, width = images.shape[-2:]
    rows, columns = covered(height, centre[:, 0] * height), covered(width, centre[:, 1] * width)
    return images * (1 - rows[:, None, :, None] * columns[:, None, None, :])


def pixel_noise(images: Tensor, amount: Tensor, normal: Tensor) -> Tensor:
    """Add independent normal noise, and clamp to [0, 1].

    Parameters
    ----------
    images : Tensor, shape (r, c, h, w)
    amount : Tensor, shape (r,)
        Its standard deviation.
    normal : Tensor, shape (r, c, h, w)

    Returns
    -------
    Tensor, shape (r, c, h, w)
    """
    return (images + amount[:, None, None, None] * normal).clamp(0, 1)
