"""Summaries of points that have groups, and what they are worth, re-run."""

from equipoise.reproduce.fair_coreset.rerun import FAIR_CORESET

__all__ = ["FAIR_CORESET"]
