"""Augmentation of training rows, of a policy for each cluster of classes, that can be searched."""

from equipoise.learn.augment.images import image_operations
from equipoise.learn.augment.learnt import LearntOperation
from equipoise.learn.augment.operation import Operation
from equipoise.learn.augment.personalised import PersonalisedAugmentation
from equipoise.learn.augment.spherical import SphericalAugmentation
from equipoise.learn.augment.tables import encoded_operations, table_operations

__all__ = [
    "LearntOperation",
    "Operation",
    "PersonalisedAugmentation",
    "SphericalAugmentation",
    "encoded_operations",
    "image_operations",
    "table_operations",
]
