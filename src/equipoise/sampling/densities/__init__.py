"""Draws from log-densities on R^n: MALA, what it is compared with, and what it is good for."""

from equipoise.sampling.densities.anneal import Annealed, Stage, anneal
from equipoise.sampling.densities.hamiltonian import HMC
from equipoise.sampling.densities.langevin import MALA, ULA
from equipoise.sampling.densities.logistic import LogisticPosterior, Mode
from equipoise.sampling.densities.metric import Metric
from equipoise.sampling.densities.priors import FlatPrior, GaussianPrior, HyperbolicPrior, Prior
from equipoise.sampling.densities.regularity import (
    Regularity,
    bound_regularity,
    curvature_step,
    estimate_regularity,
    regularity_step,
)
from equipoise.sampling.densities.sample_logistic import LogisticSample, sample_logistic
from equipoise.sampling.densities.target import ArrayTarget, Target, TorchTarget
from equipoise.sampling.densities.tuning import load_tuning, save_tuning
from equipoise.sampling.densities.walk import RandomWalk
from equipoise.sampling.densities.warm_up import WarmedUp, warm_up
from equipoise.sampling.densities.zero_one import (
    ZeroOneFit,
    ZeroOneLoss,
    ZeroOneTarget,
    fit_zero_one,
)

__all__ = [
    "HMC",
    "MALA",
    "ULA",
    "Annealed",
    "ArrayTarget",
    "FlatPrior",
    "GaussianPrior",
    "HyperbolicPrior",
    "LogisticPosterior",
    "LogisticSample",
    "Metric",
    "Mode",
    "Prior",
    "RandomWalk",
    "Regularity",
    "Stage",
    "Target",
    "TorchTarget",
    "WarmedUp",
    "ZeroOneFit",
    "ZeroOneLoss",
    "ZeroOneTarget",
    "anneal",
    "bound_regularity",
    "curvature_step",
    "estimate_regularity",
    "fit_zero_one",
    "load_tuning",
    "regularity_step",
    "sample_logistic",
    "save_tuning",
    "warm_up",
]
