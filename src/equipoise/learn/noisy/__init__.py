"""Classifiers that keep promises about groups observed with errors: the denoised program."""

from equipoise.learn.noisy.by_cell import ByCell, Cells, solve_by_cell
from equipoise.learn.noisy.errors import UnreachablePromiseError
from equipoise.learn.noisy.estimator import DenoisedClassifier
from equipoise.learn.noisy.inequalities import Asked
from equipoise.learn.noisy.kept import Kept, measure_kept
from equipoise.learn.noisy.moments import Moments
from equipoise.learn.noisy.pool import Pool, Scored
from equipoise.learn.noisy.rules import RandomRule, Rule
from equipoise.learn.noisy.scores import Models, learn_models
from equipoise.learn.noisy.solve import Solved, Task, solve

__all__ = [
    "Asked",
    "ByCell",
    "Cells",
    "DenoisedClassifier",
    "Kept",
    "Models",
    "Moments",
    "Pool",
    "RandomRule",
    "Rule",
    "Scored",
    "Solved",
    "Task",
    "UnreachablePromiseError",
    "learn_models",
    "measure_kept",
    "solve",
    "solve_by_cell",
]
