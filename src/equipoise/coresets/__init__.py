"""Weighted summaries of points that can be merged, for clustering.

A :class:`Coreset` stands for many rows; a *builder* makes it smaller.
"""

from equipoise.coresets.allocation import SmallCoresetWarning
from equipoise.coresets.build import build_coreset
from equipoise.coresets.coreset import Builder, Coreset, merge_all
from equipoise.coresets.lightweight import Lightweight
from equipoise.coresets.seeding import Seeds, draw_seeds
from equipoise.coresets.sizes import suggest_size
from equipoise.coresets.store import load_coreset, save_coreset
from equipoise.coresets.stratified import Stratified
from equipoise.coresets.stream import CoresetStream
from equipoise.coresets.stream_store import load_stream, save_stream
from equipoise.coresets.two_stage import TwoStage
from equipoise.coresets.uniform import Uniform

__all__ = [
    "Builder",
    "Coreset",
    "CoresetStream",
    "Lightweight",
    "Seeds",
    "SmallCoresetWarning",
    "Stratified",
    "TwoStage",
    "Uniform",
    "build_coreset",
    "draw_seeds",
    "load_coreset",
    "load_stream",
    "merge_all",
    "save_coreset",
    "save_stream",
    "suggest_size",
]
