"""Training under promises about groups: before, during and after the step of a torch optimizer."""

from equipoise.learn.apply import with_predictions
from equipoise.learn.classifier import FairClassifier
from equipoise.learn.encoder import TableEncoder
from equipoise.learn.methods import METHODS, Method, find_method
from equipoise.learn.model import Model
from equipoise.learn.network import StackedMLP
from equipoise.learn.problem import FairProblem, Rows
from equipoise.learn.support import require_support
from equipoise.learn.train import Trained, TrainingSettings, predict_probabilities, train
from equipoise.learn.watch import History

__all__ = [
    "METHODS",
    "FairClassifier",
    "FairProblem",
    "History",
    "Method",
    "Model",
    "Rows",
    "StackedMLP",
    "TableEncoder",
    "Trained",
    "TrainingSettings",
    "find_method",
    "predict_probabilities",
    "require_support",
    "train",
    "with_predictions",
]
