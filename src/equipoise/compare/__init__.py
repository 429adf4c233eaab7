"""Many methods on one table: which gives the best model that keeps the promise, and how surely."""

from equipoise.compare.result import Comparison
from equipoise.compare.run import compare
from equipoise.compare.settings import Settings
from equipoise.verbs import make_callable

__all__ = ["Comparison", "Settings", "compare"]

make_callable(__name__)
