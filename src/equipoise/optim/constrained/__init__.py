"""min E f(x) subject to E c(x) <= 0 or = 0, when both are seen only through mini-batches.

A method decides the direction and the wrapped torch optimizer takes the step, so every method
composes with SGD, Adam, RMSprop and the rest. What a batch says of a constraint is noisy: an
*estimator* of its value is an object of its own that any method takes.
"""

from equipoise.optim.constrained.alm import ALM
from equipoise.optim.constrained.barrier import PenaltyBarrier
from equipoise.optim.constrained.estimator import Batch, Estimator, SecondBatch
from equipoise.optim.constrained.full_pass import FullPass
from equipoise.optim.constrained.ghost import StochasticGhost
from equipoise.optim.constrained.iterates import AverageIterate, BestFeasible
from equipoise.optim.constrained.kkt import KKTResidual, best_multipliers, kkt_residual
from equipoise.optim.constrained.lagrangian import Lagrangian
from equipoise.optim.constrained.layout import Layout
from equipoise.optim.constrained.method import ConstrainedOptimizer
from equipoise.optim.constrained.mixture import Mixture, shrink
from equipoise.optim.constrained.moreau import Moreau
from equipoise.optim.constrained.moving_average import MovingAverage
from equipoise.optim.constrained.multipliers import InfeasibleWarning
from equipoise.optim.constrained.nupi import NuPI
from equipoise.optim.constrained.penalty import Penalty
from equipoise.optim.constrained.ratios import Constraints, Ratios
from equipoise.optim.constrained.smoothed_penalty import SmoothedPenalty
from equipoise.optim.constrained.ssl_alm import SSLALM
from equipoise.optim.constrained.storm import Storm
from equipoise.optim.constrained.switching import Switching
from equipoise.optim.constrained.unconstrained import Unconstrained

__all__ = [
    "ALM",
    "SSLALM",
    "AverageIterate",
    "Batch",
    "BestFeasible",
    "ConstrainedOptimizer",
    "Constraints",
    "Estimator",
    "FullPass",
    "InfeasibleWarning",
    "KKTResidual",
    "Lagrangian",
    "Layout",
    "Mixture",
    "Moreau",
    "MovingAverage",
    "NuPI",
    "Penalty",
    "PenaltyBarrier",
    "Ratios",
    "SecondBatch",
    "SmoothedPenalty",
    "StochasticGhost",
    "Storm",
    "Switching",
    "Unconstrained",
    "best_multipliers",
    "kkt_residual",
    "shrink",
]
