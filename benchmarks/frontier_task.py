"""One promise on one table: its rows, what every method may spend on them, and what is measured."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from equipoise.audit import Counts
from equipoise.constraints import Constraint
from equipoise.data import Dataset, load, split
from equipoise.groups import Groups
from equipoise.learn import Network, Rows, TableEncoder, TrainingSettings

PARTS = {"train": 0.6, "validation": 0.2, "test": 0.2}
HIDDEN = (64, 32)


@dataclass(frozen=True)
class Budget:
    """What each method gets, and nobody more: Adam on batches of the same size, so many steps."""

    seeds: int = 6
    steps: int = 1000
    batch: int = 256
    most_rows: int = 20_000
    levels: tuple[float, ...] = (1.0, 0.85, 0.6)
    rate: float = 0.003
    weight_decay: float = 0.001


@dataclass(frozen=True)
class Task:
    """A promise, and the rows of each part of a table.

    Attributes
    ----------
    name : str
    promise : Constraint
    parts : dict of Rows
        Each with disjoint groups.
    n_classes : int
    budget : Budget
    fingerprint : str
        Of the table.
    """

    name: str
    promise: Constraint
    parts: dict[str, Rows]
    n_classes: int
    budget: Budget
    fingerprint: str

    def members(self, part: str) -> NDArray[np.int64]:
        """The group of each row of a part, shape (n,)."""
        groups = self.groups(part)
        assert groups.codes is not None
        return groups.codes.astype(np.int64)

    def groups(self, part: str) -> Groups:
        groups = self.parts[part].groups
        assert groups is not None
        return groups


@dataclass(frozen=True)
class Result:
    """What one model does on one part.

    Attributes
    ----------
    loss : float or None
        Mean cross-entropy; None of what decides and gives no probabilities.
    error : float
        Share of rows decided wrongly, in expectation.
    violation : float
        By how much the promise is broken; negative where it is kept.
    """

    loss: float | None
    error: float
    violation: float


Tried = dict[str, Result]
"""What one setting of a method does, by part: on validation rows and on test rows."""

LOOKED_AT = ("validation", "test")


def load_task(table: str, sensitive: list[str], promise: str, budget: Budget) -> Task | None:
    """A task, or None where its table is not at hand."""
    folder = os.environ.get("EQUIPOISE_DATA")
    if table != "census-sim" and (folder is None or not Path(folder).is_dir()):
        print(f"skipped {table}: EQUIPOISE_DATA names no folder")
        return None
    data: Dataset = load(table, sensitive=sensitive, data_dir=folder)
    some = np.random.default_rng(0).permutation(len(data))[: budget.most_rows]
    columns = {name: data.sensitive[name].to_numpy()[some] for name in data.sensitive.columns}
    groups, label = Groups.of(columns).join_rare(200), data.target[some]
    encoder = TableEncoder.fit(data.features[some])
    features = encoder.transform(data.features[some])
    assert groups.codes is not None
    k = len(data.classes)
    rows = split(groups.codes * k + label, PARTS, 0)
    parts = {
        name: Rows.of(features[chosen], label[chosen], groups.take(chosen))
        for name, chosen in rows.items()
    }
    return Task(
        f"{table} {'+'.join(sensitive)} {promise}",
        Constraint.parse(promise),
        parts,
        k,
        budget,
        data.fingerprint,
    )


def adam(network: torch.nn.Module, budget: Budget) -> torch.optim.Optimizer:
    return torch.optim.Adam(network.parameters(), lr=budget.rate, weight_decay=budget.weight_decay)


def our_settings(budget: Budget, method: str) -> TrainingSettings:
    return TrainingSettings(
        method=method,
        hidden=HIDDEN,
        learning_rate=budget.rate,
        weight_decay=budget.weight_decay,
        steps=budget.steps,
        batch_size=budget.batch,
    )


@torch.no_grad()
def measure_networks(network: Network, task: Task) -> list[Tried]:
    """What each replicate does; one entry a replicate."""
    tried: list[Tried] = [{} for _ in range(network.n_replicates)]
    for part in LOOKED_AT:
        rows = task.parts[part]
        label = rows.label.numpy()
        for one, logits in zip(tried, network(rows.features), strict=True):
            log_probability = torch.log_softmax(logits.double(), -1).numpy()
            loss = -log_probability[np.arange(len(label)), label]
            one[part] = measure(task, part, [log_probability.argmax(1)], [1.0], loss)
    return tried


def measure(
    task: Task,
    part: str,
    decisions: Sequence[NDArray[np.int64]],
    weights: Sequence[float],
    loss: NDArray[np.float64] | None = None,
) -> Result:
    """Measure a mixture of decisions, which draws one of them anew for each row.

    Its error and its rates are expectations over the draw: weighted means of those of its members,
    exactly, since what the promise conditions on is given with the row and not decided.

    Parameters
    ----------
    task : Task
    part : str
    decisions : sequence of ndarray, each of shape (n,)
        One alone is a model that does not draw.
    weights : sequence of float
        The probabilities of drawing each; they sum to 1.
    loss : ndarray, shape (n,), optional
        Of each row.

    Returns
    -------
    Result
    """
    label = task.parts[part].label.numpy()
    rate = task.promise.disparity.rate
    counts = [
        Counts.from_block(label, each, task.groups(part), range(task.n_classes), loss)
        for each in decisions
    ]
    share = np.asarray(weights)
    rates = np.tensordot(share, np.stack([one.rates(rate) for one in counts]), 1)
    error = 1 - float(share @ [one.accuracy for one in counts])
    value = float(task.promise.disparity.value(rates))
    mean = None if loss is None else float(loss.mean())
    return Result(mean, error, value - task.promise.bound)
