"""What the paper is known to claim: its abstract, and at second hand its theorem's orders."""

from __future__ import annotations

SOURCE = "Mangoubi, Vishnoi 2019, COLT, arXiv 1902.08452"

NONE = "not published"

STEPS = "about d^(2/3)"
"""Gradients from a warm start on incoherent data: the order of the theorem, from third-party notes.
The abstract says that it is less than linear in d."""

MOST_STEPS = 2 / 3

BEST_ACCEPTANCE = 0.574
"""Of MALA in many dimensions, where h is of order d^(-1/3): Roberts, Rosenthal 1998."""
