"""Min-max optimisation by accepting and rejecting moves: its experiments, re-run.

Every experiment is a part of its own; :mod:`equipoise.reproduce.minmax.parts` lists them.
"""

from equipoise.reproduce.minmax.rerun import MINMAX

__all__ = ["MINMAX"]
