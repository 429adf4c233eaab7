"""Summaries of points that have groups, and what they are worth, re-run."""
