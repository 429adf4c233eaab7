"""Importance sampling of points to cluster, re-run."""

from equipoise.reproduce.coreset.rerun import CORESET

__all__ = ["CORESET"]
