"""Batches of a task's training rows, drawn and weighed as our own training does."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from benchmarks.frontier_task import Task
from equipoise.constraints import Constraint
from equipoise.learn.order import Order
from equipoise.learn.strata import StratifiedOrder, choose_shares


@dataclass(frozen=True)
class Batch:
    """Some training rows.

    Attributes
    ----------
    rows : Tensor of int64, shape (b,)
        Their numbers.
    features : Tensor, shape (b, d)
    label : Tensor of int64, shape (b,)
    weight : Tensor, shape (b,)
        For how many rows of the table each stands.
    members : Tensor, shape (b, g)
        The group of each row, one-hot, times its weight.
    """

    rows: Tensor
    features: Tensor
    label: Tensor
    weight: Tensor
    members: Tensor


class Batches:
    """An endless stream of batches, in which no group that the promise is about is too rare."""

    def __init__(self, task: Task, seed: int) -> None:
        self._rows, size = task.parts["train"], task.budget.batch
        label, groups = self._rows.label.numpy(), task.groups("train")
        chosen = choose_shares(groups, label, task.n_classes, [task.promise], size)
        self._order = (
            Order(len(self._rows), size, [seed])
            if chosen is None
            else StratifiedOrder(*chosen, size, [seed])
        )
        importance = self._order.importance
        self._importance = (
            torch.ones(len(self._rows))
            if importance is None
            else torch.from_numpy(np.asarray(importance)).float()
        )
        codes = torch.from_numpy(task.members("train"))
        self._member = torch.nn.functional.one_hot(codes, len(groups)).float()

    def draw(self) -> Batch:
        rows = self._order.next_batch()[0]
        weight = self._importance[rows]
        return Batch(
            rows,
            self._rows.features[rows],
            self._rows.label[rows],
            weight,
            self._member[rows] * weight[:, None],
        )


@dataclass(frozen=True)
class Evaluated:
    """What a network makes of a batch.

    Attributes
    ----------
    objective : Tensor, shape ()
        Mean cross-entropy.
    constraints : Tensor, shape (m,)
        The promise by soft rates; positive where broken.
    logits : Tensor, shape (b, k)
    batch : Batch
    """

    objective: Tensor
    constraints: Tensor
    logits: Tensor
    batch: Batch


def evaluate(network: torch.nn.Module, promise: Constraint, batch: Batch) -> Evaluated:
    """What a user of a peer writes down for a stack of one network."""
    logits = network(batch.features[None])[0]
    loss = torch.nn.functional.cross_entropy(logits, batch.label, reduction="none")
    rates = _soft_rates(promise, logits, loss, batch)
    return Evaluated((loss * batch.weight).mean(), promise.violations(rates), logits, batch)


def stricter(task: Task, level: float) -> Constraint:
    """The promise of a task, its bound times a level."""
    return replace(task.promise, bound=task.promise.bound * level)


def _soft_rates(promise: Constraint, logits: Tensor, loss: Tensor, batch: Batch) -> Tensor:
    # The rates of a batch by probabilities, (c, g).
    member, rate = batch.members, promise.disparity.rate
    if rate.of_loss:
        return (member.T @ loss / member.sum(0).clamp(min=1e-6))[None]
    soft = torch.softmax(logits, -1)
    cells = rate.cells(logits.shape[-1])
    parts = []
    for top, bottom in zip(cells.numerator, cells.denominator, strict=True):
        n = (torch.tensor(top).float()[batch.label] * soft).sum(-1)
        d = (torch.tensor(bottom).float()[batch.label] * soft).sum(-1)
        parts.append(member.T @ n / (member.T @ d).clamp(min=1e-6))
    return torch.stack(parts)
