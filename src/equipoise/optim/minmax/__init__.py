"""min over x of max over y of f(x, y), by two torch optimizers that play against another.

Every method is a wrapper around the two, and is stepped with a closure that returns f on a batch.
"""

from equipoise.optim.minmax.alternating import Alternating
from equipoise.optim.minmax.exponentiated import ExponentiatedGradient
from equipoise.optim.minmax.extragradient import Extragradient
from equipoise.optim.minmax.geometry import Box, Euclidean, Geometry, Proximal, Simplex
from equipoise.optim.minmax.method import MinMaxOptimizer
from equipoise.optim.minmax.optimistic import Optimistic
from equipoise.optim.minmax.simultaneous import Simultaneous

__all__ = [
    "Alternating",
    "Box",
    "Euclidean",
    "ExponentiatedGradient",
    "Extragradient",
    "Geometry",
    "MinMaxOptimizer",
    "Optimistic",
    "Proximal",
    "Simplex",
    "Simultaneous",
]
