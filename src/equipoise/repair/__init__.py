"""Repair of tables: rows weighed, or drawn anew, so that labels keep a promise about groups."""

from equipoise.repair.estimator import PARITY, MaxEntropyRepair, Repaired
from equipoise.repair.judged import Judged
from equipoise.repair.law import Choices, Law
from equipoise.repair.moved import Moved, MovedColumn
from equipoise.repair.reweight import reweight
from equipoise.repair.run import Repair, repair
from equipoise.verbs import make_callable

__all__ = [
    "PARITY",
    "Choices",
    "Judged",
    "Law",
    "MaxEntropyRepair",
    "Moved",
    "MovedColumn",
    "Repair",
    "Repaired",
    "repair",
    "reweight",
]

make_callable(__name__)
