"""Weighted summaries of points that can be merged, for clustering.

A :class:`Coreset` stands for many rows; a *builder* makes it smaller.
"""

from equipoise.coresets.coreset import Builder, Coreset, merge_all

__all__ = ["Builder", "Coreset", "merge_all"]
