"""One method's models, trained and counted: a pure function of data, settings and method."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from equipoise.audit import Counts
from equipoise.compare.prepare import Part, Prepared
from equipoise.compare.settings import PARTS, Settings
from equipoise.constraints import Constraint
from equipoise.learn import (
    History,
    Model,
    Network,
    Rows,
    Trained,
    predict_probabilities,
    train,
    train_survivors,
)

Progress = Callable[[str, int, int], None]
"""Told a method, and how many of how many of its steps are done."""


@dataclass(frozen=True, eq=False)
class Trial:
    """What one method's models did.

    Attributes
    ----------
    method : str
    seeds : list of int
        All that were trained.
    chosen : int or None
        Which of the seeds the validation rows prefer, from 0; None if all diverged.
    counts : dict of list of Counts, length r
        By part, one for each seed that did not diverge.
    history : History or None
        Of the same r replicates.
    diverged : list of int
        Which of the seeds ended without a model, from 0.
    reason : str
        What the first of them ended with; empty if none did.
    """

    method: str
    seeds: list[int]
    chosen: int | None
    counts: dict[str, list[Counts]]
    history: History | None
    diverged: list[int] = field(default_factory=list)
    reason: str = ""

    @property
    def finished(self) -> list[int]:
        """Which of the seeds ended with a model, from 0; length r."""
        return [number for number in range(len(self.seeds)) if number not in self.diverged]

    def counts_of_chosen(self, part: str) -> Counts | None:
        """What the chosen model decides on the rows of a part.

        Parameters
        ----------
        part : str

        Returns
        -------
        Counts or None
            None if all models diverged.
        """
        if self.chosen is None:
            return None
        return self.counts[part][self.finished.index(self.chosen)]

    def to_dict(self) -> dict[str, Any]:
        """The trial as JSON can hold it."""
        return {
            "method": self.method,
            "seeds": self.seeds,
            "chosen": self.chosen,
            "counts": {
                part: [counts.to_dict() for counts in each] for part, each in self.counts.items()
            },
            "history": None if self.history is None else self.history.to_dict(),
            "diverged": self.diverged,
            "reason": self.reason,
        }

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> Trial:
        """Read what :meth:`to_dict` wrote.

        Parameters
        ----------
        state : dict

        Returns
        -------
        Trial
        """
        return cls(
            state["method"],
            state["seeds"],
            state["chosen"],
            {
                part: [Counts.from_dict(counts) for counts in each]
                for part, each in state["counts"].items()
            },
            None if state["history"] is None else History.from_dict(state["history"]),
            state["diverged"],
            state["reason"],
        )


def run_trial(
    prepared: Prepared,
    settings: Settings,
    targets: Sequence[Constraint],
    method: str,
    progress: Progress | None = None,
) -> tuple[Trial, list[Model]]:
    """Train one method's models on all seeds at once, and count what they decide.

    If that diverges each is trained alone, and those that do it again are left out.

    Parameters
    ----------
    prepared : Prepared
    settings : Settings
    targets : sequence of Constraint
        What training is asked for: each promise, tightened by its margin.
    method : str
    progress : callable, optional

    Returns
    -------
    Trial
    list of Model
        One for each seed that did not diverge.
    """
    seeds, k = settings.replicate_seeds, len(prepared.classes)
    training = replace(settings.training, method=method)
    rows, watched = (_rows(prepared.parts[name]) for name in ("train", "validation"))

    def run(some: Sequence[int]) -> Trained:
        told = None if progress is None else partial(progress, method)
        return train(rows, k, some, training, targets, watched=watched, progress=told)

    survivors = train_survivors(run, seeds)
    trained, diverged = survivors.trained, survivors.diverged
    if trained is None:
        nothing: dict[str, list[Counts]] = {name: [] for name in PARTS}
        return Trial(method, seeds, None, nothing, None, diverged, survivors.reason), []
    counts = {
        name: count(trained.network, prepared.parts[name], prepared.classes) for name in PARTS
    }
    finished = [number for number in range(len(seeds)) if number not in diverged]
    models = [
        Model(
            prepared.encoder,
            trained.network.replicate(place),
            tuple(prepared.classes),
            {
                "constraint": ", ".join(map(str, settings.constraints)),
                "asked_of_training": ", ".join(map(str, targets)),
                "seed": seeds[number],
                "training": training.to_dict(),
            },
        )
        for place, number in enumerate(finished)
    ]
    chosen = finished[choose(counts["validation"], targets)]
    history, reason = trained.history, survivors.reason
    return Trial(method, seeds, chosen, counts, history, diverged, reason), models


def _rows(part: Part) -> Rows:
    # The certificate counts rows, and so must the promise that training is asked to keep.
    return Rows.of(part.features, part.label, part.groups, part.weights, weigh_rates=False)


def count(network: Network, part: Part, classes: tuple[object, ...]) -> list[Counts]:
    """Count what each replicate decides on the rows of a part.

    Parameters
    ----------
    network : StackedMLP or MixedMLP
        Of r replicates.
    part : Part
    classes : tuple, length k

    Returns
    -------
    list of Counts, length r
    """
    exact = network.double_precision()
    probabilities = predict_probabilities(exact, torch.from_numpy(part.features).double())
    return [
        Counts.from_block(
            part.label, each.argmax(axis=1), part.groups, classes, loss=_loss(each, part.label)
        )
        for each in probabilities
    ]


def _loss(probabilities: NDArray[np.float64], label: NDArray[np.int64]) -> NDArray[np.float64]:
    right = probabilities[np.arange(len(label)), label]
    return -np.log(np.maximum(right, np.finfo(np.float64).tiny))


def choose(validation: Sequence[Counts], targets: Sequence[Constraint]) -> int:
    """Choose among models on rows they have not learnt from.

    Parameters
    ----------
    validation : sequence of Counts
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


def _excess(counts: Counts, target: Constraint) -> float:
    value = float(target.disparity.value(counts.rates(target.disparity.rate)))
    return value - target.bound if target.sense == "<=" else target.bound - value
