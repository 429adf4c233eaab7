"""One method's models, trained and counted: a pure function of data, settings and method."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
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
    predict_probabilities,
    train,
)

Progress = Callable[[str, int, int], None]
"""Told a method, and how many of how many of its steps are done."""


@dataclass(frozen=True, eq=False)
class Trial:
    """What one method's models did.

    Attributes
    ----------
    method : str
    seeds : list of int, length r
    chosen : int
        Which of the seeds the validation rows prefer, from 0.
    counts : dict of list of Counts
        By part, one a seed.
    history : History
    """

    method: str
    seeds: list[int]
    chosen: int
    counts: dict[str, list[Counts]]
    history: History

    def to_dict(self) -> dict[str, Any]:
        """The trial as JSON can hold it."""
        return {
            "method": self.method,
            "seeds": self.seeds,
            "chosen": self.chosen,
            "counts": {
                part: [counts.to_dict() for counts in each] for part, each in self.counts.items()
            },
            "history": self.history.to_dict(),
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
            History.from_dict(state["history"]),
        )


def run_trial(
    prepared: Prepared,
    settings: Settings,
    target: Constraint,
    method: str,
    progress: Progress | None = None,
) -> tuple[Trial, list[Model]]:
    """Train one method's models on all seeds at once, and count what they decide.

    Parameters
    ----------
    prepared : Prepared
    settings : Settings
    target : Constraint
        What training is asked for: the promise, tightened by the margin.
    method : str
    progress : callable, optional

    Returns
    -------
    Trial
    list of Model
        One a seed.
    """
    seeds, k = settings.replicate_seeds, len(prepared.classes)
    training = replace(settings.training, method=method)
    rows, watched = (_rows(prepared.parts[name]) for name in ("train", "validation"))
    trained = train(
        rows,
        k,
        seeds,
        training,
        target,
        watched=watched,
        progress=None if progress is None else lambda done, of: progress(method, done, of),
    )
    counts = {
        name: count(trained.network, prepared.parts[name], prepared.classes) for name in PARTS
    }
    models = [
        Model(
            prepared.encoder,
            trained.network.replicate(number),
            tuple(prepared.classes),
            {
                "constraint": str(settings.constraint),
                "asked_of_training": str(target),
                "seed": seed,
                "training": training.to_dict(),
            },
        )
        for number, seed in enumerate(seeds)
    ]
    chosen = choose(counts["validation"], target)
    return Trial(method, seeds, chosen, counts, trained.history), models


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


def choose(validation: list[Counts], target: Constraint) -> int:
    """Choose among models on rows they have not learnt from.

    Parameters
    ----------
    validation : list of Counts
    target : Constraint

    Returns
    -------
    int
        The most accurate of those that keep the target, or else the one that is nearest to it.
    """
    disparity = target.disparity
    rates = [counts.rates(disparity.rate) for counts in validation]
    kept = [bool(target.kept_by(r)) for r in rates]
    if any(kept):
        accuracies = [c.accuracy if k else -1.0 for c, k in zip(validation, kept, strict=True)]
        return int(np.argmax(accuracies))
    sign = 1 if target.sense == "<=" else -1
    far = [sign * float(disparity.value(r)) for r in rates]
    return int(np.argmin(np.where(np.isnan(far), np.inf, far)))
