"""Draws from log-densities on R^n: MALA, and what it is compared with."""

from equipoise.sampling.densities.hamiltonian import HMC
from equipoise.sampling.densities.langevin import MALA, ULA
from equipoise.sampling.densities.metric import Metric
from equipoise.sampling.densities.target import ArrayTarget, Target, TorchTarget
from equipoise.sampling.densities.tuning import load_tuning, save_tuning
from equipoise.sampling.densities.walk import RandomWalk
from equipoise.sampling.densities.warm_up import WarmedUp, warm_up

__all__ = [
    "HMC",
    "MALA",
    "ULA",
    "ArrayTarget",
    "Metric",
    "RandomWalk",
    "Target",
    "TorchTarget",
    "WarmedUp",
    "load_tuning",
    "save_tuning",
    "warm_up",
]
