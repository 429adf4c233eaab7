"""What others do about noisy groups, as programs over cells that can be put beside ours.

Taking the observed groups for the true ones, which is the plain program with one-hot membership,
needs no file of its own.
"""

from equipoise.learn.noisy.baselines.adversarial import against_adversary
from equipoise.learn.noisy.baselines.awasthi import ByDecision, after_the_fact
from equipoise.learn.noisy.baselines.lamy import contamination, shrunk
from equipoise.learn.noisy.baselines.tv_balls import mistaken, robust_groups
from equipoise.learn.noisy.baselines.wang import NoisyCells, soft_groups

__all__ = [
    "ByDecision",
    "NoisyCells",
    "after_the_fact",
    "against_adversary",
    "contamination",
    "mistaken",
    "robust_groups",
    "shrunk",
    "soft_groups",
]
