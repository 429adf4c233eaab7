"""A threshold for each place, chosen where cross-entropy's model was not trained.

The rule asks for the place of everybody it decides on, which no trained loss does.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from torch import nn

from equipoise.constraints import Constraint
from equipoise.learn import Rows
from equipoise.learn.autobalance import solve
from equipoise.reproduce.autobalance.birds import BirdsTask
from equipoise.reproduce.autobalance.material import Material
from equipoise.reproduce.autobalance.models import codes_of, cross_entropy, logits_of
from equipoise.reproduce.autobalance.record import Found
from equipoise.reproduce.thresholds import choose_thresholds, decide

Array = NDArray[np.float64]

_ODDS = Constraint.parse('gap("equalized_odds") <= 0.05')


def thresholds_for_odds(material: Material, task: BirdsTask, _: int) -> Found:
    """A threshold for each place with the fewest errors and a gap of equalized odds below 0.05.

    Parameters
    ----------
    material : Material
    task : BirdsTask
    _ : int

    Returns
    -------
    Found
    """

    def choose(score: Array, rows: Rows) -> Array:
        assert rows.groups is not None
        return choose_thresholds(score, rows.label.numpy(), rows.groups, _ODDS)

    return _after(material, task, choose)


def thresholds_for_balance(material: Material, task: BirdsTask, _: int) -> Found:
    """A threshold for each place with the least balanced error there.

    Parameters
    ----------
    material : Material
    task : BirdsTask
    _ : int

    Returns
    -------
    Found
    """

    def choose(score: Array, rows: Rows) -> Array:
        group = codes_of(rows).numpy()
        label = rows.label.numpy()
        return np.array(
            [balanced_threshold(score[group == g], label[group == g]) for g in range(2)]
        )

    return _after(material, task, choose)


def balanced_threshold(score: Array, label: NDArray[np.int64]) -> float:
    """The threshold of least balanced error: the middle of the widest of the best intervals.

    Parameters
    ----------
    score : ndarray, shape (n,)
        From 0 to 1.
    label : ndarray of int64, shape (n,)
        Both 0 and 1 occur.

    Returns
    -------
    float
    """
    edges = np.concatenate([[0.0], np.unique(score), [1.0]])
    ranks = [np.sort(score[label == value]) for value in (0, 1)]
    # Between two scores next to each other every threshold decides alike.
    rejected = [np.searchsorted(own, edges[:-1], side="right") / len(own) for own in ranks]
    errors = (1 - rejected[0] + rejected[1]) / 2
    best = errors <= errors.min() + 1e-12
    widest = int(np.argmax(np.where(best, np.diff(edges), -1)))
    return float((edges[widest] + edges[widest + 1]) / 2)


def _after(material: Material, task: BirdsTask, choose: Callable[[Array, Rows], Array]) -> Found:
    # Kept for the model of all rows, as AutoBalance keeps its loss.
    apart = solve(cross_entropy(), material.training, 2, task.weight_decay)
    limits = choose(_scores(apart, material.validation), material.validation)
    model = solve(cross_entropy(), material.rows, 2, task.weight_decay)
    assert material.test.groups is not None
    decided = decide(_scores(model, material.test), material.test.groups, limits)
    return Found(decided)


def _scores(model: nn.Module, rows: Rows) -> Array:
    return logits_of(model, rows).double().softmax(1)[:, 1].numpy()
