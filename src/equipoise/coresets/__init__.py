"""Weighted summaries of points that can be merged, for clustering.

A :class:`Coreset` stands for many rows; a *builder* makes it smaller.
"""

from equipoise.coresets.allocation import SmallCoresetWarning
from equipoise.coresets.build import build_coreset
from equipoise.coresets.centres import centre_families
from equipoise.coresets.certificates import Bounds, bounds
from equipoise.coresets.coreset import Builder, Coreset, merge_all
from equipoise.coresets.distortion import Distortion, observed_distortion
from equipoise.coresets.lightweight import Lightweight
from equipoise.coresets.lines import Lines
from equipoise.coresets.lines_as_coded import LinesAsCoded
from equipoise.coresets.lloyd import refine
from equipoise.coresets.seeding import Seeds, draw_seeds
from equipoise.coresets.sizes import suggest_size
from equipoise.coresets.snap import Snap
from equipoise.coresets.store import load_coreset, save_coreset
from equipoise.coresets.stratified import Stratified
from equipoise.coresets.stream import CoresetStream
from equipoise.coresets.stream_store import load_stream, save_stream
from equipoise.coresets.two_stage import TwoStage
from equipoise.coresets.uniform import Uniform
from equipoise.coresets.with_size import with_size

__all__ = [
    "Bounds",
    "Builder",
    "Coreset",
    "CoresetStream",
    "Distortion",
    "Lightweight",
    "Lines",
    "LinesAsCoded",
    "Seeds",
    "SmallCoresetWarning",
    "Snap",
    "Stratified",
    "TwoStage",
    "Uniform",
    "bounds",
    "build_coreset",
    "centre_families",
    "draw_seeds",
    "load_coreset",
    "load_stream",
    "merge_all",
    "observed_distortion",
    "refine",
    "save_coreset",
    "save_stream",
    "suggest_size",
    "with_size",
]
