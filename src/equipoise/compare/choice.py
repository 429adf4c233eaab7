"""Choosing among models on rows that they have not learnt from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from equipoise.compare.corrected import Counted
from equipoise.constraints import Constraint


def choose(validation: Sequence[Counted], targets: Sequence[Constraint]) -> int:
    """Choose among models.

    Parameters
    ----------
    validation : sequence of Counts or NoisyCounts
    targets : sequence of Constraint

    Returns
    -------
    int
        The most accurate of those that keep all targets, or else the one that is nearest:
        whose largest excess over a target, in the units of its disparity, is the smallest.
    """
    # By how much each model is beyond each target, (models, targets); NaN is beyond any.
    excess = np.array([[_excess(counts, target) for target in targets] for counts in validation])
    kept = (excess <= 0).all(axis=1)
    if kept.any():
        accuracies = [counts.accuracy for counts in validation]
        return int(np.argmax(np.where(kept, accuracies, -1.0)))
    return int(np.argmin(np.nan_to_num(excess, nan=np.inf).max(axis=1)))


def keeps(counts: Counted, targets: Sequence[Constraint]) -> bool:
    """Whether a model keeps all targets.

    Parameters
    ----------
    counts : Counts or NoisyCounts
    targets : sequence of Constraint

    Returns
    -------
    bool
    """
    return all(_excess(counts, target) <= 0 for target in targets)


def _excess(counts: Counted, target: Constraint) -> float:
    value = float(target.disparity.value(counts.rates(target.disparity.rate)))
    return value - target.bound if target.sense == "<=" else target.bound - value
