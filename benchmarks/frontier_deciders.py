"""Peers that decide and give no probabilities to speak of: they are judged by 0-1 loss."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.frontier_batches import Batches, stricter
from benchmarks.frontier_method import Method, no_losses
from benchmarks.frontier_task import HIDDEN, LOOKED_AT, Task, Tried, adam, measure, our_settings
from equipoise.learn import Network, StackedMLP, predict_probabilities, train

# How Fairlearn's reduction spends the steps. It asks for a classifier some twenty times, so that
# new ones would have 50 steps each, and then a fifth more rows of adult were decided wrongly. One
# network therefore learns on from call to call: first without a constraint, as the first call
# always is, and then a little for each of the others.
_FIRST, _EACH = 0.4, 0.03
_ITERATIONS = 7
# It bounds how far each group's rate is from that of all rows, and half of the promise is enough
# for a gap. Its settings lie around that half: the whole kept the gap on validation rows of none
# of five tasks.
_BOUNDS = (0.6, 0.45, 0.3)


class Course:
    """One network that learns on from one call to the next, while there are steps left."""

    def __init__(self, task: Task, seed: int) -> None:
        self._budget = task.budget
        self._batches = Batches(task, seed)
        self._network = StackedMLP(task.parts["train"].features.shape[1], HIDDEN, 2, [seed])
        self._left = task.budget.steps

    def learn(self, label: Tensor, weight: Tensor) -> StackedMLP:
        """Learn these labels of all training rows, weighed so; gives a copy."""
        of_all = self._budget.steps
        steps = min(self._left, round(of_all * (_FIRST if self._left == of_all else _EACH)))
        self._left -= steps
        primal = adam(self._network, self._budget)
        # From 0 steps there is nothing to fall along.
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(primal, max(1, steps))
        for _ in range(steps):
            batch = self._batches.draw()
            logits = self._network(batch.features[None])[0]
            loss = torch.nn.functional.cross_entropy(logits, label[batch.rows], reduction="none")
            primal.zero_grad()
            (loss * batch.weight * weight[batch.rows]).mean().backward()
            primal.step()
            schedule.step()
        return self._network.replicate(0)


class _Oracle:
    """A classifier as scikit-learn has them, as far as Fairlearn asks for it."""

    def __init__(self, course: Course) -> None:
        self._course = course

    def __sklearn_clone__(self) -> _Oracle:
        return _Oracle(self._course)

    def fit(self, X: Any, y: Any, sample_weight: Any) -> _Oracle:
        label = torch.from_numpy(np.array(y, np.int64))
        weight = torch.from_numpy(np.array(sample_weight, np.float32))
        self._network = self._course.learn(label, weight)
        return self

    @torch.no_grad()
    def predict(self, X: Any) -> NDArray[np.int64]:
        return self._network(torch.from_numpy(np.array(X, np.float32)))[0].argmax(-1).numpy()


def _reduced(task: Task, level: float, seed: int) -> Tried:
    from fairlearn import reductions

    rows = task.parts["train"]
    moments = {
        "selection": reductions.DemographicParity,
        "true_positive": reductions.TruePositiveRateParity,
        "equalized_odds": reductions.EqualizedOdds,
    }
    moment = moments[task.promise.disparity.rate.name]
    bound = stricter(task, level).bound
    reduction = reductions.ExponentiatedGradient(
        _Oracle(Course(task, seed)), moment(difference_bound=bound), max_iter=_ITERATIONS
    )
    reduction.fit(
        rows.features.numpy(), rows.label.numpy(), sensitive_features=task.members("train")
    )
    weights = reduction.weights_[reduction.weights_ > 0]
    tried = {}
    for part in LOOKED_AT:
        features = task.parts[part].features.numpy()
        decisions = [
            np.asarray(reduction.predictors_[i].predict(features), np.int64) for i in weights.index
        ]
        tried[part] = measure(task, part, decisions, weights.tolist())
    return tried


def _exponentiated(task: Task) -> Iterator[list[Tried]]:
    for seed in range(task.budget.seeds):
        yield [_reduced(task, level, seed) for level in _BOUNDS]


def _thresholds(task: Task) -> Iterator[list[Tried]]:
    from oxonfair import DataDict, FairPredictor
    from oxonfair import group_metrics as metrics

    # It warns where no thresholds keep a bound on validation rows; the table tells of that.
    logging.getLogger("oxonfair").setLevel(logging.ERROR)
    constraint = {
        "selection": metrics.pos_pred_rate.max_diff,
        "true_positive": metrics.true_pos_rate.max_diff,
        "equalized_odds": metrics.equalized_odds_max,
    }[task.promise.disparity.rate.name]
    rows, seeds = task.parts["train"], range(task.budget.seeds)
    erm = train(rows, task.n_classes, seeds, our_settings(task.budget, "erm")).network
    parts = {
        part: DataDict(
            task.parts[part].label.numpy(), task.parts[part].features.numpy(), task.members(part)
        )
        for part in LOOKED_AT
    }
    for seed in seeds:
        network = erm.replicate(seed)

        def predict(
            features: NDArray[np.float32], network: Network = network
        ) -> NDArray[np.float64]:
            with torch.no_grad():
                return predict_probabilities(network, torch.from_numpy(features))[0]

        fair = FairPredictor(predict, parts["validation"])
        tried = []
        for number, level in enumerate(task.budget.levels):
            bound = stricter(task, level).bound
            # What can be had at all does not depend on the bound.
            fair.fit(metrics.accuracy, constraint, bound, recompute=number == 0)
            tried.append(
                {
                    part: measure(task, part, [np.asarray(fair.predict(data))], [1.0])
                    for part, data in parts.items()
                }
            )
        yield tried


def _too_many(task: Task) -> str:
    # It tries all combinations of up to 30 thresholds a group, 24 million of five groups or more:
    # a fit on six groups was not done after nine minutes.
    g = len(task.groups("train"))
    return no_losses(task) or (f"{g} groups are too many for its grid" if g > 4 else "")


def deciders() -> list[Method]:
    """Those that are installed."""
    found = []
    if importlib.util.find_spec("fairlearn") is not None:
        note = "measured in expectation over its mixture"
        found.append(Method("Fairlearn EG", "fairlearn", _exponentiated, "error", no_losses, note))
    if importlib.util.find_spec("oxonfair") is not None:
        note = "is granted the group of each row that it decides on"
        found.append(Method("OxonFair", "oxonfair", _thresholds, "error", _too_many, note))
    return found
