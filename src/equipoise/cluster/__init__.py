"""Clusterings: of millions of rows by way of a summary, and fair to groups."""

from equipoise.cluster.fair import FairKMeans, FairKMedian
from equipoise.cluster.plain import CoresetKMeans, CoresetKMedian

__all__ = ["CoresetKMeans", "CoresetKMedian", "FairKMeans", "FairKMedian"]
