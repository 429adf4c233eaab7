"""Weighted summaries of points that can be merged."""
