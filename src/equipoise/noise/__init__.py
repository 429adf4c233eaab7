"""Groups that are observed with errors: how often they are, and what follows of the true ones."""

from equipoise.noise.flips import MAX_CONDITION, FlipMatrix
from equipoise.noise.groups import NoisyGroups

__all__ = ["MAX_CONDITION", "FlipMatrix", "NoisyGroups"]
