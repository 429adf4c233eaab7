"""Importance sampling of points to cluster, re-run."""
