"""AutoBalance: a training loss designed by bilevel optimisation, Li et al. 2021."""

from equipoise.learn.autobalance.balance import (
    Balanced,
    FewValidationRowsWarning,
    balance,
    hold_out,
)
from equipoise.learn.autobalance.choice import Choice, choose, errors_of
from equipoise.learn.autobalance.classifier import AutoBalanceClassifier
from equipoise.learn.autobalance.exact import search_exactly, solve
from equipoise.learn.autobalance.fit import fit
from equipoise.learn.autobalance.method import AUTOBALANCE
from equipoise.learn.autobalance.search import Search
from equipoise.learn.autobalance.settings import SearchSettings
from equipoise.learn.autobalance.space import OBJECTIVES, make_judge, make_objective, make_prior
from equipoise.learn.autobalance.trajectory import Trajectory

__all__ = [
    "AUTOBALANCE",
    "OBJECTIVES",
    "AutoBalanceClassifier",
    "Balanced",
    "Choice",
    "FewValidationRowsWarning",
    "Search",
    "SearchSettings",
    "Trajectory",
    "balance",
    "choose",
    "errors_of",
    "fit",
    "hold_out",
    "make_judge",
    "make_objective",
    "make_prior",
    "search_exactly",
    "solve",
]
