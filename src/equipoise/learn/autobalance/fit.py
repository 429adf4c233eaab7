"""Training a network with a loss that stays as it is."""

from __future__ import annotations

import torch
from torch import nn

from equipoise.learn.autobalance.network import optimizer_of
from equipoise.learn.autobalance.noise import Noise
from equipoise.learn.autobalance.search import Augment, group_codes, mean_loss
from equipoise.learn.order import Order
from equipoise.learn.problem import Rows
from equipoise.learn.train import SCHEDULES, Progress, TrainingSettings
from equipoise.learn.watch import Watch


def fit(
    network: nn.Module,
    loss: nn.Module,
    rows: Rows,
    settings: TrainingSettings,
    seed: int,
    *,
    augment: Augment | None = None,
    watch: Watch | None = None,
    progress: Progress | None = None,
) -> None:
    """Train a network in place.

    Parameters
    ----------
    network : Module
        Maps features (b, ...) to logits (b, K).
    loss : Module
        Of (logits, label) or, if it has terms of groups, (logits, label, group).
    rows : Rows
    settings : TrainingSettings
        What is said there of a method and of iterates is not used.
    seed : int
        Of the order of rows, and of what noise there is in the network or an augmentation.
    augment : callable, optional
        Of features and labels of a batch.
    watch : Watch, optional
        Looks at the network at its moments.
    progress : callable, optional

    Raises
    ------
    FloatingPointError
        If training diverges.
    """
    parameters = [p for p in network.parameters() if p.requires_grad]
    optimizer = optimizer_of(network, settings)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: SCHEDULES[settings.schedule](step / settings.steps)
    )
    order = Order(len(rows), settings.batch_size, [seed])
    groups = group_codes(rows) if getattr(loss, "n_groups", None) is not None else None
    with Noise(seed, rows.features.device).of_its_own():
        for step in range(settings.steps):
            batch = order.next_batch()[0].to(rows.features.device)
            x, y = rows.features[batch], rows.label[batch]
            if augment is not None:
                with torch.no_grad():
                    x = augment(x, y)
            value = mean_loss(
                loss,
                network(x),
                y,
                None if groups is None else groups[batch],
                None if rows.weights is None else rows.weights[batch],
            )
            if not value.isfinite():
                raise FloatingPointError(
                    f"training diverged: the loss is {value.item()} at step {step + 1}; a smaller "
                    "learning_rate may cure it."
                )
            optimizer.zero_grad()
            value.backward(inputs=parameters)
            optimizer.step()
            schedule.step()
            if watch is not None:
                watch.after_step(step, settings.steps, value.detach()[None], None)
            if progress is not None:
                progress(step + 1, settings.steps)
