"""The parts of the re-run, in the order in which they are shown."""

from __future__ import annotations

from equipoise.reproduce.minmax.debiasing.part import debiasing_part
from equipoise.reproduce.minmax.gaussians.part import gaussians_part
from equipoise.reproduce.minmax.images.part import images_part
from equipoise.reproduce.minmax.toys.part import toys_part
from equipoise.reproduce.part import MakePart

PARTS: tuple[MakePart, ...] = (toys_part, gaussians_part, images_part, debiasing_part)
"""From the tier and the folder of data to each part."""
