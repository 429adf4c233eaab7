"""The figures of the paper and of what its authors wrote beside it."""

from __future__ import annotations

SOURCE = "Keswani, Mangoubi, Sachdeva, Vishnoi 2022, ICML, arXiv 2006.12376"

FOUR_MODES = 0.68
"""Ring of 4: share of the runs that have all four modes at iteration 1500 (authors' blog, 2020)."""

THREE_MODES = 0.26
"""And of those that have three."""

GDA_ONE_MODE = 1.0
"""Share of the runs of descent-ascent that have one mode (authors' blog)."""

BOTH_DIGITS = 0.86
"""MNIST 0 and 1: share of the runs that make both digits at iteration 1000 (authors' blog)."""

GDA_BOTH_DIGITS = 0.23
"""And of those of descent-ascent."""

INCEPTION_CIFAR = {"accept/reject": 5.0, "GDA": 4.75, "optimistic": 2.3}
"""CIFAR-10 at iteration 50,000, read off the figure of the authors' notebook."""

NONE = "not published"
