"""Losses for classes and groups that are rare, fixed or learnt, and what they are chosen by."""

from equipoise.learn.imbalance.cells import CellLosses
from equipoise.learn.imbalance.counts import cell_counts, effective_number, log_prior
from equipoise.learn.imbalance.deferred import DeferredReweighting
from equipoise.learn.imbalance.dictionary import (
    frequency_clusters,
    from_attributes,
    log_frequency,
    scaling_dictionary,
)
from equipoise.learn.imbalance.focal import FocalLoss
from equipoise.learn.imbalance.ldam import LDAM, NormedLinear
from equipoise.learn.imbalance.objectives import (
    Objective,
    balanced_loss,
    blend,
    constraint_objective,
    equalized_odds_loss,
    worst_cell,
)
from equipoise.learn.imbalance.parametric import ParametricCrossEntropy
from equipoise.learn.imbalance.post_hoc import TunedTau, adjust_logits, tune_tau
from equipoise.learn.imbalance.ready_made import (
    balanced_softmax,
    cdt,
    class_balanced,
    group_logit_adjusted,
    group_vector_scaling,
    logit_adjusted,
    vector_scaling,
    weighted_cross_entropy,
)

__all__ = [
    "LDAM",
    "CellLosses",
    "DeferredReweighting",
    "FocalLoss",
    "NormedLinear",
    "Objective",
    "ParametricCrossEntropy",
    "TunedTau",
    "adjust_logits",
    "balanced_loss",
    "balanced_softmax",
    "blend",
    "cdt",
    "cell_counts",
    "class_balanced",
    "constraint_objective",
    "effective_number",
    "equalized_odds_loss",
    "frequency_clusters",
    "from_attributes",
    "group_logit_adjusted",
    "group_vector_scaling",
    "log_frequency",
    "log_prior",
    "logit_adjusted",
    "scaling_dictionary",
    "tune_tau",
    "vector_scaling",
    "weighted_cross_entropy",
    "worst_cell",
]
