"""Adversarial debiasing as one of the ways of training."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from equipoise.constraints import Constraint
from equipoise.learn.adversarial.game import Game
from equipoise.learn.adversarial.view import view_for
from equipoise.learn.ending import Ending, broken_by
from equipoise.learn.methods import METHODS, Method, register_method
from equipoise.learn.network import StackedMLP
from equipoise.learn.optimizers import MORE_THAN_GRADIENTS, make_optimizer
from equipoise.learn.problem import FairProblem, Rows
from equipoise.learn.train import (
    SCHEDULES,
    Progress,
    Trained,
    TrainingSettings,
    looks_for,
    order_for,
    train,
)
from equipoise.learn.watch import History, Watch
from equipoise.optim.constrained import Ratios

STRENGTHS = (0.1, 0.3, 1.0, 3.0, 10.0)
"""The strengths of adversaries of which one is chosen for each seed."""


def train_adversarial(
    rows: Rows,
    n_classes: int,
    seeds: Sequence[int],
    settings: TrainingSettings,
    promises: Sequence[Constraint],
    watched: Rows | None,
    validation: Rows | None,
    progress: Progress | None,
) -> Trained:
    """Train against an adversary who guesses the group, one replicate a seed.

    Zhang, Lemoine and Mitchell (AIES 2018, arXiv 1801.07593). How strong the adversary must be for
    a bound to be kept, nobody can tell beforehand: each seed is trained with all of
    :data:`STRENGTHS` at once, and ends with the one of least loss among those that keep the
    promise, or else with the one that comes closest, as the validation rows see it, or the
    training rows where there are none.

    Parameters
    ----------
    rows : Rows
        With disjoint groups.
    n_classes : int
    seeds : sequence of int, length r
    settings : TrainingSettings
    promises : sequence of Constraint
        Without any it is ordinary training.
    watched : Rows, optional
    validation : Rows, optional
    progress : callable, optional

    Returns
    -------
    Trained

    Raises
    ------
    ValueError
        If groups overlap, independence does not keep the promises, or a mixture is asked for.
    FloatingPointError
        If training diverges.
    """
    if not promises:
        return train(
            rows, n_classes, seeds, settings, method=METHODS["erm"], watched=watched,
            validation=validation, progress=progress,
        )  # fmt: skip
    if settings.iterate == "mixture":
        raise ValueError(
            'method "adversarial" ends with one network: take iterate="best", "last" or "average".'
        )
    view = view_for(promises, n_classes)
    n = len(STRENGTHS)
    runs = [seed for seed in seeds for _ in STRENGTHS]
    sizes = rows.features.shape[1], settings.hidden, n_classes
    network = StackedMLP(*sizes, runs, rows.features.dtype).to(rows.features.device)
    minimizer = make_optimizer(
        settings.optimizer, network.parameters(), settings.learning_rate, settings.weight_decay
    )
    batch_size = min(len(rows), settings.batch_size)
    order = order_for(rows, n_classes, promises, batch_size, seeds)
    strength = torch.tensor(STRENGTHS, dtype=torch.float64).repeat(len(seeds))
    game = Game(network, minimizer, rows, view, strength, runs, order.importance)
    schedules = [
        torch.optim.lr_scheduler.LambdaLR(
            one, lambda step: SCHEDULES[settings.schedule](step / settings.steps)
        )
        for one in (minimizer, game.maximizer)
    ]
    watch = Watch(network, rows if watched is None else watched, n_classes, promises)
    judge = FairProblem(network, rows if validation is None else validation, n_classes, promises)
    ending = Ending(judge, settings.steps, settings.iterate, looks_for(judge, settings))
    for step in range(settings.steps):
        batch = order.next_batch().to(rows.features.device)
        objective = game.step(batch.repeat_interleave(n, dim=0))
        for schedule in schedules:
            schedule.step()
        ending.after_step(step)
        watch.after_step(step, settings.steps, objective, None)
        if progress is not None:
            progress(step + 1, settings.steps)
    ending.finish()
    chosen = [r * n + best for r, best in enumerate(_best(judge, n))]
    kept = StackedMLP.side_by_side([network.replicate(one) for one in chosen])
    return Trained(kept.to(rows.features.device), _of_runs(watch.history(), chosen))


def _best(judge: FairProblem, n: int) -> list[int]:
    # The number of the best strength for each seed.
    loss, seen = judge.everything()
    assert isinstance(seen, Ratios)
    broken = broken_by(judge.fair_loss.violations, seen).reshape(-1, n)
    loss = loss.to(broken).reshape(-1, n)
    kept = broken <= 0
    among: Tensor = torch.where(kept, loss, torch.inf)
    best = torch.where(kept.any(1), among.argmin(1), broken.argmin(1))
    return [int(one) for one in best]


def _of_runs(history: History, runs: Sequence[int]) -> History:
    some = list(runs)
    return History(
        history.step,
        history.loss[:, some],
        history.accuracy[:, some],
        history.disparity[:, some],
        history.multiplier[:, some],
    )


ADVERSARIAL = register_method(
    Method(
        "adversarial",
        "adversarial debiasing: an adversary guesses the group from the outputs",
        train=train_adversarial,
        disjoint_groups=True,
        require=view_for,
        refuses=MORE_THAN_GRADIENTS,
    )
)
"""The method by its name."""
