"""Optimizers of stacked parameters: many replicates and learning rates at once."""

from equipoise.optim.stacked.adaptive import Adafactor, Adagrad, Adam, NAdam, RMSProp
from equipoise.optim.stacked.descent import SGD, Lion, SignSGD
from equipoise.optim.stacked.matrix import Muon, orthogonalised
from equipoise.optim.stacked.optimizer import StackedOptimizer
from equipoise.optim.stacked.rule import Rule
from equipoise.optim.stacked.sharpness import SAM
from equipoise.optim.stacked.soap import SOAP
from equipoise.optim.stacked.sophia import SampledLosses, Sophia

__all__ = [
    "SAM",
    "SGD",
    "SOAP",
    "Adafactor",
    "Adagrad",
    "Adam",
    "Lion",
    "Muon",
    "NAdam",
    "RMSProp",
    "Rule",
    "SampledLosses",
    "SignSGD",
    "Sophia",
    "StackedOptimizer",
    "orthogonalised",
]
