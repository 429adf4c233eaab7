"""Images moved: shear, translation, rotation, flip.

Pixels that come from outside are black. Coordinates are in pixels before they are those of torch,
which run from -1 to 1 along both sides, so that what is not square is turned and not sheared.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["flip", "rotate", "shear_x", "shear_y", "translate_x", "translate_y"]


def _resample(images: Tensor, matrix: list[list[Tensor]]) -> Tensor:
    """Take each pixel from where a matrix says, bilinearly: differentiable in the matrix."""
    entries = torch.stack([torch.stack(row, dim=-1) for row in matrix], dim=-2)
    grid = torch.nn.functional.affine_grid(entries, list(images.shape), align_corners=False)
    return torch.nn.functional.grid_sample(
        images, grid, mode="bilinear", padding_mode="zeros", align_corners=False
    )


def shear_x(images: Tensor, amount: Tensor) -> Tensor:
    """Move each line sideways by a share of its distance from the middle.

    Parameters
    ----------
    images : Tensor, shape (r, c, h, w)
    amount : Tensor, shape (r,)

    Returns
    -------
    Tensor, shape (r, c, h, w)
    """
    one, zero = torch.ones_like(amount), torch.zeros_like(amount)
    height, width = images.shape[-2:]
    return _resample(images, [[one, amount * height / width, zero], [zero, one, zero]])


def shear_y(images: Tensor, amount: Tensor) -> Tensor:
    """Move each column up or down by a share of its distance from the middle.

    Parameters
    ----------
    images : Tensor, shape (r, c, h, w)
    amount : Tensor, shape (r,)

    Returns
    -------
    Tensor, shape (r, c, h, w)
    """
    one, zero = torch.ones_like(amount), torch.zeros_like(amount)
    height, width = images.shape[-2:]
    return _resample(images, [[one, zero, zero], [amount * width / height, one, zero]])


def translate_x(images: Tensor, amount: Tensor) -> Tensor:
    """Move to the right by a share of the width.

    Parameters
    ----------
    images : Tensor, shape (r, c, h, w)
    amount : Tensor, shape (r,)

    Returns
    -------
    Tensor, shape (r, c, h, w)
    """
    one, zero = torch.ones_like(amount), torch.zeros_like(amount)
    return _resample(images, [[one, zero, -2 * amount], [zero, one, zero]])


def translate_y(images: Tensor, amount: Tensor) -> Tensor:
    """Move down by a share of the height.

    Parameters
    ----------
    images : Tensor, shape (r, c, h, w)
    amount : Tensor, shape (r,)

    Returns
    -------
    Tensor, shape (r, c, h, w)
    """
    one, zero = torch.ones_like(amount), torch.zeros_like(amount)
    return _resample(images, [[one, zero, zero], [zero, one, -2 * amount]])


def rotate(images: Tensor, amount: Tensor) -> Tensor:
    """Turn around the middle.

    Parameters
    ----------
    images : Tensor, shape (r, c, h, w)
    amount : Tensor, shape (r,)
        Degrees, counter-clockwise as the image is seen.

    Returns
    -------
    Tensor, shape (r, c, h, w)
    """
    angle = amount * (math.pi / 180)
    cos, sin, zero = angle.cos(), angle.sin(), torch.zeros_like(angle)
    height, width = images.shape[-2:]
    across, down = -sin * height / width, sin * width / height
    return _resample(images, [[cos, across, zero], [down, cos, zero]])


def flip(images: Tensor, amount: Tensor) -> Tensor:
    """Swap left and right.

    Parameters
    ----------
    images : Tensor, shape (r, c, h, w)
    amount : Tensor, shape (r,)
        Not used.

    Returns
    -------
    Tensor, shape (r, c, h, w)
    """
    return images.flip(-1)
