"""min over x of max over y of f(x, y), by two torch optimizers that play against each other.

Every method is a wrapper around the two, and is stepped with a closure that returns f on a batch.
"""

from equipoise.optim.minmax.accept_reject import AcceptReject, RepeatedProposalWarning
from equipoise.optim.minmax.alternating import Alternating
from equipoise.optim.minmax.check import GreedyCheck, check_greedy_equilibrium
from equipoise.optim.minmax.competitive import Competitive
from equipoise.optim.minmax.consensus import Consensus
from equipoise.optim.minmax.exponentiated import ExponentiatedGradient
from equipoise.optim.minmax.extragradient import Extragradient
from equipoise.optim.minmax.geometry import Box, Euclidean, Geometry, Proximal, Simplex
from equipoise.optim.minmax.greedy import GreedyAdversarial
from equipoise.optim.minmax.intervals import Interval
from equipoise.optim.minmax.method import MinMaxOptimizer
from equipoise.optim.minmax.optimistic import Optimistic
from equipoise.optim.minmax.player import Player
from equipoise.optim.minmax.projected import ProjectedStep, project_out
from equipoise.optim.minmax.proposal import Gaussian, Langevin, OptimizerStep
from equipoise.optim.minmax.response import (
    Counterfactual,
    KeepResponse,
    Response,
    ResponseLimitWarning,
    Stationary,
)
from equipoise.optim.minmax.ridge import FollowTheRidge
from equipoise.optim.minmax.second_order_ascent import SecondOrderAscent
from equipoise.optim.minmax.simultaneous import Simultaneous
from equipoise.optim.minmax.stopping import Annealed, Certificate, StopRule
from equipoise.optim.minmax.symplectic import Symplectic
from equipoise.optim.minmax.trial import StepReport
from equipoise.optim.minmax.unrolled import Unrolled

__all__ = [
    "AcceptReject",
    "Alternating",
    "Annealed",
    "Box",
    "Certificate",
    "Competitive",
    "Consensus",
    "Counterfactual",
    "Euclidean",
    "ExponentiatedGradient",
    "Extragradient",
    "FollowTheRidge",
    "Gaussian",
    "Geometry",
    "GreedyAdversarial",
    "GreedyCheck",
    "Interval",
    "KeepResponse",
    "Langevin",
    "MinMaxOptimizer",
    "Optimistic",
    "OptimizerStep",
    "Player",
    "ProjectedStep",
    "Proximal",
    "RepeatedProposalWarning",
    "Response",
    "ResponseLimitWarning",
    "SecondOrderAscent",
    "Simplex",
    "Simultaneous",
    "Stationary",
    "StepReport",
    "StopRule",
    "Symplectic",
    "Unrolled",
    "check_greedy_equilibrium",
    "project_out",
]
