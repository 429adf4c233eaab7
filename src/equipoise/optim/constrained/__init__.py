"""min E f(x) subject to E c(x) <= 0 or = 0, when both are seen only through mini-batches.

A method decides the direction and the wrapped torch optimizer takes the step, so every method
composes with SGD, Adam, RMSprop and the rest. What a batch says of a constraint is noisy: an
*estimator* of its value is an object of its own that any method takes.
"""

from equipoise.optim.constrained.alm import ALM
from equipoise.optim.constrained.estimator import Batch, Estimator, SecondBatch
from equipoise.optim.constrained.full_pass import FullPass
from equipoise.optim.constrained.layout import Layout
from equipoise.optim.constrained.method import ConstrainedOptimizer
from equipoise.optim.constrained.moving_average import MovingAverage
from equipoise.optim.constrained.multipliers import InfeasibleWarning
from equipoise.optim.constrained.penalty import Penalty
from equipoise.optim.constrained.ratios import Ratios
from equipoise.optim.constrained.storm import Storm
from equipoise.optim.constrained.unconstrained import Unconstrained

__all__ = [
    "ALM",
    "Batch",
    "ConstrainedOptimizer",
    "Estimator",
    "FullPass",
    "InfeasibleWarning",
    "Layout",
    "MovingAverage",
    "Penalty",
    "Ratios",
    "SecondBatch",
    "Storm",
    "Unconstrained",
]
