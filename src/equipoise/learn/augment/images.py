"""The operations that a policy for images can choose from."""

from __future__ import annotations

from equipoise.learn.augment.colour import (
    auto_contrast,
    brightness,
    contrast,
    invert,
    saturation,
    sharpness,
)
from equipoise.learn.augment.geometry import (
    flip,
    rotate,
    shear_x,
    shear_y,
    translate_x,
    translate_y,
)
from equipoise.learn.augment.occlusion import centre_of_square, cutout, pixel_noise
from equipoise.learn.augment.operation import Operation, standard_normal
from equipoise.learn.augment.tones import equalize, posterize, solarize

__all__ = ["image_operations"]

# Largest amounts are those of AutoAugment (arXiv 1805.09501), but for cutout, whose square
# is half of a side for small images (arXiv 1708.04552). It has neither flip nor noise.
_ALL = (
    Operation("shear_x", shear_x, 0.3, "of the distance", signed=True),
    Operation("shear_y", shear_y, 0.3, "of the distance", signed=True),
    Operation("translate_x", translate_x, 0.45, "of the width", signed=True),
    Operation("translate_y", translate_y, 0.45, "of the height", signed=True),
    Operation("rotate", rotate, 30.0, "degrees", signed=True),
    Operation("flip", flip),
    Operation("brightness", brightness, 0.9, "of the image", signed=True),
    Operation("contrast", contrast, 0.9, "of the image", signed=True),
    Operation("saturation", saturation, 0.9, "of the image", signed=True),
    Operation("sharpness", sharpness, 0.9, "of the image", signed=True),
    Operation("invert", invert),
    Operation("auto_contrast", auto_contrast),
    Operation("posterize", posterize, 1 / 16, "a step"),
    Operation("solarize", solarize, 1.0, "of the tones"),
    Operation("equalize", equalize),
    Operation("cutout", cutout, 0.5, "of the shorter side", draw=centre_of_square),
    Operation("noise", pixel_noise, 0.2, "standard deviation", draw=standard_normal),
)


def image_operations(*names: str) -> tuple[Operation, ...]:
    """Operations on images, grey or in colour, of any size.

    ========================  ====================================================
    moved                     shear_x, shear_y, translate_x, translate_y, rotate, flip
    in other colours          brightness, contrast, saturation, sharpness, invert, auto_contrast
    of other tones            posterize, solarize, equalize
    partly not seen           cutout, noise
    ========================  ====================================================

    Parameters
    ----------
    *names : str
        Which ones; all if none is named. A mirrored digit is none: leave out what changes a
        class.

    Returns
    -------
    tuple of Operation

    Raises
    ------
    ValueError
        If a name is unknown.

    Examples
    --------
    >>> [operation.name for operation in image_operations("rotate", "cutout")]
    ['rotate', 'cutout']
    """
    by_name = {operation.name: operation for operation in _ALL}
    unknown = [name for name in names if name not in by_name]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is no operation; there are {', '.join(by_name)}.")
    return tuple(by_name[name] for name in names) if names else _ALL
