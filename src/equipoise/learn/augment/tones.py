"""Images of fewer or other tones, whose steps have no useful gradient of their own.

Values are exact; gradients are straight-through, and each is that of something that follows the
value, which the usual "1 for every pixel" does not.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["equalize", "posterize", "solarize"]

_SOFTNESS = 0.05
"""How wide the threshold of ``solarize`` is to its gradient, in shares of the tones."""


def posterize(images: Tensor, amount: Tensor) -> Tensor:
    """Round tones down to multiples of a step.

    Keeping 4 bits is a step of 1/16. The gradient holds the place of a pixel between two multiples
    fixed: it lies at most a step above one, and moves down as the step grows.

    Parameters
    ----------
    images : Tensor, shape (r, c, h, w)
    amount : Tensor, shape (r,)
        The step; 0 leaves the images.

    Returns
    -------
    Tensor, shape (r, c, h, w)
    """
    step = amount[:, None, None, None]
    # A step that is too small to divide by is none.
    tiny = torch.finfo(images.dtype).eps
    with torch.no_grad():
        multiple = images / step.clamp(min=tiny)
        rounded = torch.where(step > tiny, step * multiple.floor(), images)
        place = torch.where(step > tiny, multiple.frac(), 0)
    follows = images - step * place
    return rounded + (follows - follows.detach())


def solarize(images: Tensor, amount: Tensor) -> Tensor:
    """Invert the brightest tones.

    The gradient is that of a threshold which is a sigmoid.

    Parameters
    ----------
    images : Tensor, shape (r, c, h, w)
    amount : Tensor, shape (r,)
        Those above 1 less this; 0 leaves the images.

    Returns
    -------
    Tensor, shape (r, c, h, w)
    """
    above = images - (1 - amount[:, None, None, None])
    soft = torch.sigmoid(above / _SOFTNESS)
    # The value is that of the step to the last bit, soft - soft being 0.
    share = (above > 0).to(images.dtype) + (soft - soft.detach())
    return images + share * (1 - 2 * images)


def equalize(images: Tensor, amount: Tensor) -> Tensor:
    """Spread the tones of each channel so that all are about as frequent.

    Of 256 tones, by the usual formula: rows up to a tone, less those of the lowest, over all less
    those of the lowest. A channel of one tone stays. The gradient is that of the image as it is.

    Parameters
    ----------
    images : Tensor, shape (r, c, h, w)
    amount : Tensor, shape (r,)
        Not used.

    Returns
    -------
    Tensor, shape (r, c, h, w)
    """
    with torch.no_grad():
        tone = (images * 255).round().long().flatten(2)
        counts = torch.zeros(*tone.shape[:2], 256, dtype=torch.int64, device=images.device)
        up_to = counts.scatter_add_(2, tone, torch.ones_like(tone)).cumsum(2)
        at_tone = up_to.gather(2, tone)
        lowest = at_tone.amin(2, keepdim=True)
        others = tone.shape[2] - lowest
        spread = (at_tone - lowest).to(images.dtype) / others.clamp(min=1)
        moved = torch.where(others > 0, spread.view_as(images.flatten(2)), images.flatten(2))
    return images + (moved.view_as(images) - images).detach()
