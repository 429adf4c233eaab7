"""Weighted summaries of points that can be merged, for clustering.

A :class:`Coreset` stands for many rows; a *builder* makes it smaller.
"""

from equipoise.coresets.allocation import SmallCoresetWarning
from equipoise.coresets.coreset import Builder, Coreset, merge_all
from equipoise.coresets.lightweight import Lightweight
from equipoise.coresets.seeding import Seeds, draw_seeds
from equipoise.coresets.stratified import Stratified
from equipoise.coresets.two_stage import TwoStage
from equipoise.coresets.uniform import Uniform

__all__ = [
    "Builder",
    "Coreset",
    "Lightweight",
    "Seeds",
    "SmallCoresetWarning",
    "Stratified",
    "TwoStage",
    "Uniform",
    "draw_seeds",
    "merge_all",
]
