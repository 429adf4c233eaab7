"""Many methods on one table: which gives the best model that keeps the promise, and how surely."""

from equipoise.compare.nested import NestedDifference, nested_difference
from equipoise.compare.paired import PairedSeeds, compare_seeds, holm
from equipoise.compare.result import Comparison
from equipoise.compare.run import compare
from equipoise.compare.settings import Settings
from equipoise.compare.signed_rank import exact_p, smallest_p, typical_difference
from equipoise.verbs import make_callable

__all__ = [
    "Comparison",
    "NestedDifference",
    "PairedSeeds",
    "Settings",
    "compare",
    "compare_seeds",
    "exact_p",
    "holm",
    "nested_difference",
    "smallest_p",
    "typical_difference",
]

make_callable(__name__)
