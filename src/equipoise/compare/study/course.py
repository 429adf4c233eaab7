"""Many trainings of one optimizer at once, looked at on the way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from equipoise.compare.study.batches import BalancedBatches, Batches, OrderedBatches
from equipoise.compare.study.contestant import Contestant
from equipoise.compare.study.data import Rows, StudyData
from equipoise.learn.optimizers import make_optimizer
from equipoise.learn.robust import GroupDRO
from equipoise.learn.sampled_losses import sampled_label_losses
from equipoise.learn.threads import one_thread
from equipoise.optim.stacked import SAM

Floats = NDArray[np.float64]
MakeNetwork = Callable[[Sequence[int]], nn.Module]
"""From seeds to a stacked network, from features (r, b, ...) to logits (r, b, k)."""

# Fewer networks share the calls of an operation among too few; more leave the processor's cache.
_NUMBERS_AT_ONCE = 2**18
_ROWS_AT_ONCE = 2048


@dataclass(frozen=True)
class Schedule:
    """How long and on what batches each network is trained.

    Attributes
    ----------
    batch_size : int
        Cut to the number of training rows where larger.
    looks : tuple of int
        After which epochs it is looked at, rising; the last one ends the training.
    """

    batch_size: int
    looks: tuple[int, ...]

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, not {self.batch_size}.")
        if not self.looks or self.looks[0] < 1 or list(self.looks) != sorted(set(self.looks)):
            raise ValueError(f"looks must be epochs from 1 up, rising, not {self.looks}.")


@dataclass(frozen=True, eq=False)
class Course:
    """What was seen of r trainings at e looks.

    A training that diverged has a loss that is not finite.

    Attributes
    ----------
    train_loss : ndarray of float64, shape (e, r)
        Mean over all training rows.
    validation_loss : ndarray of float64, shape (e, r, g)
        Mean of each group's validation rows; NaN where there are none.
    validation_count : ndarray of int64, shape (r, g)
    decisions : ndarray of uint8, shape (e, r, t) or (e, r, t, l)
        Of the test rows.
    """

    train_loss: Floats
    validation_loss: Floats
    validation_count: NDArray[np.int64]
    decisions: NDArray[np.uint8]

    @property
    def overall(self) -> Floats:
        """Mean loss of all validation rows, shape (e, r)."""
        weight = self.validation_count / self.validation_count.sum(-1, keepdims=True)
        found: Floats = np.where(weight > 0, self.validation_loss * weight, 0).sum(-1)
        return found

    @property
    def worst(self) -> Floats:
        """Mean loss of the group whose validation rows lose most, shape (e, r)."""
        seen = np.where(self.validation_count > 0, self.validation_loss, -np.inf)
        found: Floats = seen.max(-1)
        return found

    def part(self, runs: slice) -> Course:
        """Some of the trainings.

        Parameters
        ----------
        runs : slice

        Returns
        -------
        Course
        """
        return Course(
            self.train_loss[:, runs],
            self.validation_loss[:, runs],
            self.validation_count[runs],
            self.decisions[:, runs],
        )

    @classmethod
    def joined(cls, courses: Sequence[Course]) -> Course:
        """Put trainings side by side.

        Parameters
        ----------
        courses : sequence of Course
            Of the same looks.

        Returns
        -------
        Course
        """
        return cls(
            np.concatenate([one.train_loss for one in courses], 1),
            np.concatenate([one.validation_loss for one in courses], 1),
            np.concatenate([one.validation_count for one in courses]),
            np.concatenate([one.decisions for one in courses], 1),
        )


@one_thread()
def follow(
    data: StudyData,
    make_network: MakeNetwork,
    contestant: Contestant,
    runs: Sequence[tuple[float, int]],
    schedule: Schedule,
) -> Course:
    """Train networks and look at them.

    Each run has its seed's initial weights, rows and order of rows, whatever the optimizer.

    Parameters
    ----------
    data : StudyData
    make_network : callable
    contestant : Contestant
    runs : sequence of (float, int), length r
        The learning rate, and which of the data's seeds, from 0.
    schedule : Schedule

    Returns
    -------
    Course
    """
    at_once = max(1, _NUMBERS_AT_ONCE // (schedule.batch_size * data.features[0].numel()))
    stacks = [runs[at : at + at_once] for at in range(0, len(runs), at_once)]
    return Course.joined(
        [_Stack(data, make_network, contestant, one, schedule).run() for one in stacks]
    )


class _Stack:
    """Trainings that are one stack."""

    def __init__(
        self,
        data: StudyData,
        make_network: MakeNetwork,
        contestant: Contestant,
        runs: Sequence[tuple[float, int]],
        schedule: Schedule,
    ) -> None:
        rates, seats = [rate for rate, _ in runs], np.array([seat for _, seat in runs])
        self._data, self._schedule, self._seats = data, schedule, seats
        seeds = [data.seeds[seat] for seat in seats]
        self._network = make_network(seeds)
        self._train = data.train[seats]
        n = self._train.shape[1]
        # The same for all ways of drawing batches, so that all see as many rows.
        size = min(schedule.batch_size, n)
        self._batches: Batches
        if contestant.balanced:
            self._batches = BalancedBatches(self._train, data.group, len(data.groups), size, seeds)
        else:
            self._batches = OrderedBatches(self._train, size, seeds)
        self._per_epoch = max(1, n // size)
        self._group = torch.from_numpy(data.group)
        parameters: list[Tensor] = list(self._network.parameters())
        self._draws = [torch.Generator().manual_seed(seed) for seed in seeds]
        self._optimizer = make_optimizer(
            contestant.optimizer,
            parameters,
            torch.tensor(rates),
            contestant.weight_decay,
            self._sampled_losses,
        )
        self._features = torch.empty(0)
        self._robust = None
        if contestant.robust:
            self._robust = GroupDRO(self._optimizer, len(data.groups), len(runs))

    def run(self) -> Course:
        seen, done = [], 0
        for epoch in self._schedule.looks:
            for _ in range(self._per_epoch * (epoch - done)):
                self._step(self._batches.next())
            done = epoch
            seen.append(self._look())
        train, validation, decisions = zip(*seen, strict=True)
        return Course(
            np.stack(train), np.stack(validation), self._members.sum(1), np.stack(decisions)
        )

    def _step(self, rows: Tensor) -> None:
        features = self._data.features[rows]
        targets = self._data.targets[rows]
        if self._robust is not None:
            member = functional.one_hot(self._group[rows], len(self._data.groups)).float()

            def by_group(_: int) -> tuple[Tensor, Tensor]:
                losses = _losses(self._network(features), targets, self._data.multilabel)
                of_groups = torch.einsum("rb,rbg->rg", losses, member) / member.sum(1)
                # One network that diverges is not to stop the others of its stack.
                lost = ~of_groups.isfinite().all(1, keepdim=True)
                return (
                    losses.mean(1).masked_fill(lost[:, 0], 0),
                    of_groups.masked_fill(lost, 0),
                )

            self._robust.step(by_group)
            return

        def closure() -> Tensor:
            self._optimizer.zero_grad()
            losses = _losses(self._network(features), targets, self._data.multilabel).mean(1)
            losses.sum().backward()
            return losses.detach()

        self._features = features
        closure()
        if isinstance(self._optimizer, SAM):
            self._optimizer.step(closure)
        else:
            self._optimizer.step()

    def _sampled_losses(self) -> tuple[Tensor, int]:
        if self._data.multilabel:
            raise ValueError(
                "Sophia draws one label a row; rows of several need another optimizer."
            )
        losses = sampled_label_losses(self._network(self._features), self._draws)
        return losses.mean(1), losses.shape[1]

    @torch.no_grad()
    def _look(self) -> tuple[Floats, Floats, NDArray[np.uint8]]:
        data, seats = self._data, self._seats
        train, _ = self._judge(self._train)
        validation, _ = self._judge(data.validation[seats])
        test = data.test[0] if data.same_test_rows else data.test[seats]
        _, decisions = self._judge(test)
        return train.mean(1), self._by_group(validation), decisions

    def _judge(self, rows: Rows) -> tuple[Floats, NDArray[np.uint8]]:
        """Loss and decision of each row, of rows for all (t,) or of each run (r, t)."""
        losses, decisions = [], []
        for some in torch.from_numpy(rows).split(_ROWS_AT_ONCE, -1):
            logits = self._network(self._data.features[some])
            targets = self._data.targets[some]
            if some.dim() == 1:
                targets = targets.expand(len(logits), *targets.shape)
            losses.append(_losses(logits, targets, self._data.multilabel))
            decided = logits > 0 if self._data.multilabel else logits.argmax(-1)
            decisions.append(decided.to(torch.uint8))
        return torch.cat(losses, 1).double().numpy(), torch.cat(decisions, 1).numpy()

    @cached_property
    def _members(self) -> NDArray[np.bool_]:
        group = self._data.group[self._data.validation[self._seats]]
        return group[:, :, None] == np.arange(len(self._data.groups))

    def _by_group(self, losses: Floats) -> Floats:
        members = self._members
        found = np.full((len(losses), members.shape[-1]), np.nan)
        sums = np.einsum("rm,rmg->rg", losses, members.astype(float))
        return np.divide(sums, members.sum(1), out=found, where=members.any(1))


def _losses(logits: Tensor, targets: Tensor, multilabel: bool) -> Tensor:
    """Of each row, (r, b): cross-entropy, or its mean over labels that are true or not."""
    if multilabel:
        each = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
        return each.mean(-1)
    each = functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")
    return each.view(targets.shape)
