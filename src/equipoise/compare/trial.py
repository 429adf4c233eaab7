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
from equipoise.compare.choice import choose
from equipoise.compare.contender import Contender
from equipoise.compare.corrected import corrected, observed
from equipoise.compare.prepare import Part, Prepared
from equipoise.compare.rates import Tried, choose_rate
from equipoise.compare.settings import PARTS, Settings
from equipoise.constraints import Constraint
from equipoise.learn import (
    History,
    Model,
    Network,
    Rows,
    Survivors,
    Trained,
    TrainingSettings,
    predict_probabilities,
    train,
    train_survivors,
)

Progress = Callable[[str, int, int], None]
"""Told a method, with a comma and its learning rate if several are tried, and steps done of all."""


@dataclass(frozen=True, eq=False)
class Trial:
    """What one method's models did.

    Attributes
    ----------
    method : str
        Its name or, with an optimizer of its own, as :class:`Contender` writes both.
    seeds : list of int
        All that were trained.
    chosen : int or None
        Which of the seeds the validation rows prefer, from 0; None if all diverged.
    counts : dict of list of Counts, length r
        By part, one for each seed that did not diverge. Of groups that have errors the rows are
        counted by what is observed.
    history : History or None
        Of the same r replicates.
    diverged : list of int
        Which of the seeds ended without a model, from 0.
    reason : str
        What the first of them ended with; empty if none did.
    rates : list of Tried
        The learning rates that were tried, where one was chosen.
    """

    method: str
    seeds: list[int]
    chosen: int | None
    counts: dict[str, list[Counts]]
    history: History | None
    diverged: list[int] = field(default_factory=list)
    reason: str = ""
    rates: list[Tried] = field(default_factory=list)

    @property
    def finished(self) -> list[int]:
        """Which of the seeds ended with a model, from 0; length r."""
        return [number for number in range(len(self.seeds)) if number not in self.diverged]

    @property
    def rate(self) -> Tried | None:
        """The learning rate that was taken; None where none was chosen."""
        return max(self.rates, key=lambda tried: tried.order, default=None)

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
            "rates": [tried.to_dict() for tried in self.rates],
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
            [Tried(**tried) for tried in state.get("rates", [])],
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
        With an optimizer of its own, such as "alm+Muon", the learning rate is chosen too.
    progress : callable, optional

    Returns
    -------
    Trial
    list of Model
        One for each seed that did not diverge.
    """
    contender = Contender.parse(method)
    training = replace(settings.training, method=contender.method.name)
    if contender.optimizer is None:
        attempt = _attempt(prepared, settings, targets, training, method, progress)
        return attempt.result(prepared, settings, targets, method, [])
    training = replace(training, optimizer=contender.optimizer)
    asked = targets if contender.method.heeds_constraint else []
    best: list[tuple[Tried, _Attempt]] = []

    def judged(rate: float) -> Tried:
        at_rate = replace(training, learning_rate=rate)
        named = f"{method}, rate {rate:g}"
        attempt = _attempt(prepared, settings, targets, at_rate, named, progress)
        tried = Tried.of(rate, attempt.counts["validation"], asked, prepared.flips)
        if not best or tried.order > best[0][0].order:
            best[:] = [(tried, attempt)]
        return tried

    rates = choose_rate(contender.optimizer, judged)
    return best[0][1].result(prepared, settings, targets, method, rates)


@dataclass(frozen=True, eq=False)
class _Attempt:
    """All seeds of a method, trained with certain settings."""

    training: TrainingSettings
    survivors: Survivors
    counts: dict[str, list[Counts]]

    def result(
        self,
        prepared: Prepared,
        settings: Settings,
        targets: Sequence[Constraint],
        method: str,
        rates: list[Tried],
    ) -> tuple[Trial, list[Model]]:
        """The attempt as the method's trial, and its models."""
        trained, diverged = self.survivors.trained, self.survivors.diverged
        seeds, reason = settings.replicate_seeds, self.survivors.reason
        if trained is None:
            return Trial(method, seeds, None, self.counts, None, diverged, reason, rates), []
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
                    "training": self.training.to_dict(),
                },
            )
            for place, number in enumerate(finished)
        ]
        told = [corrected(counts, prepared.flips) for counts in self.counts["validation"]]
        chosen = finished[choose(told, targets)]
        trial = Trial(method, seeds, chosen, self.counts, trained.history, diverged, reason, rates)
        return trial, models


def _attempt(
    prepared: Prepared,
    settings: Settings,
    targets: Sequence[Constraint],
    training: TrainingSettings,
    name: str,
    progress: Progress | None,
) -> _Attempt:
    k = len(prepared.classes)
    rows, watched = (_rows(prepared.parts[part]) for part in ("train", "validation"))

    def run(some: Sequence[int]) -> Trained:
        told = None if progress is None else partial(progress, name)
        return train(rows, k, some, training, targets, watched=watched, progress=told)

    survivors = train_survivors(run, settings.replicate_seeds)
    network = None if survivors.trained is None else survivors.trained.network
    counts: dict[str, list[Counts]] = {
        part: [] if network is None else count(network, prepared.parts[part], prepared.classes)
        for part in PARTS
    }
    return _Attempt(training, survivors, counts)


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
            part.label,
            each.argmax(axis=1),
            observed(part.groups),
            classes,
            loss=_loss(each, part.label),
        )
        for each in probabilities
    ]


def _loss(probabilities: NDArray[np.float64], label: NDArray[np.int64]) -> NDArray[np.float64]:
    right = probabilities[np.arange(len(label)), label]
    return -np.log(np.maximum(right, np.finfo(np.float64).tiny))
