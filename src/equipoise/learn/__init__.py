"""Training under promises about groups: before, during and after the step of a torch optimizer."""

from equipoise.learn import adversarial as adversarial
from equipoise.learn import repaired as repaired
from equipoise.learn import zero_one as zero_one
from equipoise.learn.apply import with_predictions
from equipoise.learn.autobalance import AutoBalanceClassifier
from equipoise.learn.classifier import FairClassifier
from equipoise.learn.encoder import TableEncoder
from equipoise.learn.fair_loss import FairLoss
from equipoise.learn.methods import METHODS, Method, Setting, find_method, register_method
from equipoise.learn.mixed import MixedMLP, Network
from equipoise.learn.model import Model
from equipoise.learn.network import StackedMLP
from equipoise.learn.noisy import DenoisedClassifier
from equipoise.learn.problem import FairProblem, Rows
from equipoise.learn.promises import as_promises
from equipoise.learn.robust import GroupDRO
from equipoise.learn.support import require_support
from equipoise.learn.survivors import Survivors, train_survivors
from equipoise.learn.train import Trained, TrainingSettings, predict_probabilities, train
from equipoise.learn.watch import History

__all__ = [
    "METHODS",
    "AutoBalanceClassifier",
    "DenoisedClassifier",
    "FairClassifier",
    "FairLoss",
    "FairProblem",
    "GroupDRO",
    "History",
    "Method",
    "MixedMLP",
    "Model",
    "Network",
    "Rows",
    "Setting",
    "StackedMLP",
    "Survivors",
    "TableEncoder",
    "Trained",
    "TrainingSettings",
    "as_promises",
    "find_method",
    "predict_probabilities",
    "register_method",
    "require_support",
    "train",
    "train_survivors",
    "with_predictions",
]
