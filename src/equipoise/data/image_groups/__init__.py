"""Users' own copies of images of people, with groups: CelebA, FairFace, MS-COCO."""

from equipoise.data.image_groups.captions import GENDER_WORDS
from equipoise.data.image_groups.index import Cells, ImageGroups
from equipoise.data.image_groups.load import load_image_groups

__all__ = ["GENDER_WORDS", "Cells", "ImageGroups", "load_image_groups"]
