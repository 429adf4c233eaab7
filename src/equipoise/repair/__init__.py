"""Repair of tables: rows weighed, or drawn anew, so that labels keep a promise about groups."""

from equipoise.repair.estimator import PARITY, MaxEntropyRepair, Repaired
from equipoise.repair.law import Law
from equipoise.repair.moved import Moved, MovedColumn
from equipoise.repair.reweight import reweight

__all__ = [
    "PARITY",
    "Law",
    "MaxEntropyRepair",
    "Moved",
    "MovedColumn",
    "Repaired",
    "reweight",
]
