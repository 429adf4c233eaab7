"""Clusterings: of millions of rows by way of a summary, and fair to groups."""

from equipoise.cluster.bounds import ShareBounds
from equipoise.cluster.fair import FairKMeans, FairKMedian
from equipoise.cluster.fair_cost import fair_cost
from equipoise.cluster.kept import Shares, Violation
from equipoise.cluster.plain import CoresetKMeans, CoresetKMedian
from equipoise.cluster.run import Clustering, cluster
from equipoise.cluster.summary import Summary, summarise
from equipoise.coresets.assignment import InfeasibleError
from equipoise.verbs import make_callable

__all__ = [
    "Clustering",
    "CoresetKMeans",
    "CoresetKMedian",
    "FairKMeans",
    "FairKMedian",
    "InfeasibleError",
    "ShareBounds",
    "Shares",
    "Summary",
    "Violation",
    "cluster",
    "fair_cost",
    "summarise",
]

make_callable(__name__)
