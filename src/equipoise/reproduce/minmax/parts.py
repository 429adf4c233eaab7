"""The parts of the re-run, in the order in which they are shown."""

from __future__ import annotations

from equipoise.reproduce.minmax.gaussians.part import gaussians_part
from equipoise.reproduce.minmax.images.part import images_part
from equipoise.reproduce.minmax.part import MakePart

PARTS: tuple[MakePart, ...] = (gaussians_part, images_part)
"""From the tier and the folder of data to each part."""
