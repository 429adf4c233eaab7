"""What is known of the paper's figures, at second hand."""

from __future__ import annotations

SOURCE = "Huang, Jiang, Vishnoi 2019, NeurIPS, arXiv 1906.08484"

NONE = "not published"

EPS = (0.10, 0.15, 0.20, 0.25, 0.30, 0.35, 0.40, 0.45, 0.50)
"""The errors that the paper asks its construction for."""

CLUSTERS = 3
PAIRS = 500
"""Pairs of masses and centres over which the paper takes the largest error."""

ADULT_MEDIAN = (0.024, 0.123, 262)
"""Adult, k-median, eps = 10 %: the largest errors of the paper's coreset and of a uniform sample of
its size, and that size; recalled, as the paper's tables were not at hand."""

SPEED_UP = 10.0
"""Of fair clustering: "one order of magnitude" with one algorithm, more with another; recalled."""
