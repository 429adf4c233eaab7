"""Images in other colours: brightness, contrast, saturation, sharpness, and their like.

An amount of 0 is the image, -1 what it is enhanced from (black, one grey, grey, blurred), as in
AutoAugment (Cubuk et al. 2019, arXiv 1805.09501). Results are clamped to [0, 1].
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["auto_contrast", "brightness", "contrast", "invert", "saturation", "sharpness"]

_LUMA = (0.299, 0.587, 0.114)
"""Shares of red, green and blue in grey, ITU-R BT.601."""


def _enhance(images: Tensor, from_: Tensor, amount: Tensor) -> Tensor:
    return (images + amount[:, None, None, None] * (images - from_)).clamp(0, 1)


def _grey(images: Tensor) -> Tensor:
    if images.shape[1] == 1:
        return images
    return torch.einsum("rchw,c->rhw", images, images.new_tensor(_LUMA))[:, None]


def brightness(images: Tensor, amount: Tensor) -> Tensor:
    """Away from black.

    Parameters
    ----------
    images : Tensor, shape (r, c, h, w)
    amount : Tensor, shape (r,)

    Returns
    -------
    Tensor, shape (r, c, h, w)
    """
    return _enhance(images, torch.zeros_like(images), amount)


def contrast(images: Tensor, amount: Tensor) -> Tensor:
    """Away from the image's mean grey.

    Parameters
    ----------
    images : Tensor, shape (r, c, h, w)
    amount : Tensor, shape (r,)

    Returns
    -------
    Tensor, shape (r, c, h, w)
    """
    return _enhance(images, _grey(images).mean((1, 2, 3), keepdim=True), amount)


def saturation(images: Tensor, amount: Tensor) -> Tensor:
    """Away from grey, which changes nothing in an image that is grey.

    Parameters
    ----------
    images : Tensor, shape (r, c, h, w)
    amount : Tensor, shape (r,)

    Returns
    -------
    Tensor, shape (r, c, h, w)
    """
    return _enhance(images, _grey(images), amount)


def sharpness(images: Tensor, amount: Tensor) -> Tensor:
    """Away from the image blurred over 3 x 3 pixels, its edges staying as they are.

    Parameters
    ----------
    images : Tensor, shape (r, c, h, w)
        An image of less than 3 pixels a side is all edge.
    amount : Tensor, shape (r,)

    Returns
    -------
    Tensor, shape (r, c, h, w)
    """
    channels, height, width = images.shape[1:]
    if min(height, width) < 3:
        return images
    # The kernel is the one of Pillow's SMOOTH filter, which AutoAugment enhances from.
    kernel = images.new_ones(channels, 1, 3, 3)
    kernel[:, :, 1, 1] = 5
    inside = torch.nn.functional.conv2d(images, kernel / 13, groups=channels)
    blurred = images.clone()
    blurred[:, :, 1:-1, 1:-1] = inside
    return _enhance(images, blurred, amount)


def invert(images: Tensor, amount: Tensor) -> Tensor:
    """The negative.

    Parameters
    ----------
    images : Tensor, shape (r, c, h, w)
    amount : Tensor, shape (r,)
        Not used.

    Returns
    -------
    Tensor, shape (r, c, h, w)
    """
    return 1 - images


def auto_contrast(images: Tensor, amount: Tensor) -> Tensor:
    """Each channel stretched so that it reaches from 0 to 1; one of a single value stays.

    Parameters
    ----------
    images : Tensor, shape (r, c, h, w)
    amount : Tensor, shape (r,)
        Not used.

    Returns
    -------
    Tensor, shape (r, c, h, w)
    """
    low, high = images.amin((2, 3), keepdim=True), images.amax((2, 3), keepdim=True)
    flat = high == low
    stretched = (images - low) / torch.where(flat, 1, high - low)
    return torch.where(flat, images, stretched)
