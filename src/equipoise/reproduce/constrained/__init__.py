"""The benchmark of stochastic methods for fairness-constrained training, re-run and made fair.

Two parts: the paper's own setting, with its methods and hyper-parameters, its tables beside ours;
and a comparison of our own on many tasks, in which everybody has the same tuning, sees the same
number of rows, and then has the same time.
"""

from equipoise.reproduce.constrained.rerun import CONSTRAINED
from equipoise.reproduce.group_dro import GroupDRO

__all__ = ["CONSTRAINED", "GroupDRO"]
