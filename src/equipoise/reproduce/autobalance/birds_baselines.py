"""Baselines on frozen features that are not one convex loss: descent, group DRO and DFR.

Who has something to tune tunes it on the rows held out, by the error of the worst cell, and is
then trained on all rows, as AutoBalance is.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from equipoise.learn import Rows
from equipoise.learn.autobalance import solve
from equipoise.learn.imbalance import CellLosses, Objective
from equipoise.learn.robust import GroupDRO
from equipoise.learn.train import SCHEDULES
from equipoise.reproduce.autobalance.birds import BirdsTask
from equipoise.reproduce.autobalance.material import Material
from equipoise.reproduce.autobalance.models import codes_of, cross_entropy, decisions
from equipoise.reproduce.autobalance.record import Found

# Regularisation decides what group DRO and DFR are worth.
_DECAYS = (1e-3, 1e-2, 1e-1, 1.0)
_DESCENT_RATE = 0.01
_DRO_RATE = 0.05
_DRO_LEARNING_RATE = 0.02
_DRAWS = 5


def descend(objective: Objective, material: Material, task: BirdsTask) -> Found:
    """Train with an objective that is not convex, by full-batch Adam from cross-entropy's solution.

    A difference of losses has no gradient where all predictions are equal, so that training from
    nothing may stay there.

    Parameters
    ----------
    objective : callable
        Of (logits, label, group).
    material : Material
    task : BirdsTask

    Returns
    -------
    Found
    """
    rows = material.rows
    head = solve(cross_entropy(), rows, 2, task.weight_decay).float()
    optimizer = torch.optim.Adam(head.parameters(), lr=_DESCENT_RATE)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: SCHEDULES["cosine"](step / task.descent_steps)
    )
    group = codes_of(rows)
    for _ in range(task.descent_steps):
        value = objective(head(rows.features), rows.label, group)
        # Not Adam's own decay, which it would rescale as it does gradients.
        decay = task.weight_decay / 2 * sum((p * p).sum() for p in head.parameters())
        optimizer.zero_grad()
        (value + decay).backward()
        optimizer.step()
        schedule.step()
    return Found(decisions(head, material.test))


def group_dro(material: Material, task: BirdsTask, _: int) -> Found:
    """Group DRO over cells of label and place, Sagawa et al. 2020 (arXiv 1911.08731).

    Parameters
    ----------
    material : Material
    task : BirdsTask
    _ : int

    Returns
    -------
    Found
    """

    def fit(rows: Rows, decay: float) -> nn.Module:
        head = nn.Linear(rows.features.shape[1], 2)
        with torch.no_grad():
            for p in head.parameters():
                p.zero_()
        base = torch.optim.SGD(
            head.parameters(), lr=_DRO_LEARNING_RATE, momentum=0.9, weight_decay=decay
        )
        optimizer = GroupDRO(base, 4, rate=_DRO_RATE)
        group = codes_of(rows)

        def losses(_: int) -> tuple[Tensor, Tensor]:
            cells = CellLosses.of(head(rows.features), rows.label, group, 2).means.reshape(-1)
            return cells.mean().detach(), cells

        for _ in range(task.descent_steps):
            optimizer.step(losses)
        return head

    return _tuned(material, fit)


def last_layer_on_balanced_draws(material: Material, task: BirdsTask, seed: int) -> Found:
    """Deep feature re-weighting, Kirichenko et al. 2023 (arXiv 2204.02937).

    A linear model of as many rows of every cell, averaged over draws. The features are frozen for
    everybody here, so that it may draw from all rows and not from those held out alone.

    Parameters
    ----------
    material : Material
    task : BirdsTask
    seed : int

    Returns
    -------
    Found
    """

    def fit(rows: Rows, decay: float) -> nn.Module:
        random = np.random.default_rng([seed, 3])
        group = codes_of(rows)
        cell = (2 * rows.label + group).numpy()
        own = [np.flatnonzero(cell == number) for number in range(4)]
        fewest = min(map(len, own))
        heads = []
        for _ in range(_DRAWS):
            drawn = np.concatenate([random.choice(some, fewest, replace=False) for some in own])
            heads.append(solve(cross_entropy(), rows.take(np.sort(drawn)), 2, decay))
        mean = heads[0]
        with torch.no_grad():
            for at, *others in zip(*(head.parameters() for head in heads), strict=True):
                at.copy_(torch.stack([at, *others]).mean(0))
        return mean

    return _tuned(material, fit)


def _tuned(material: Material, fit: Callable[[Rows, float], nn.Module]) -> Found:
    rows = material.validation
    label, group = rows.label.numpy(), codes_of(rows).numpy()

    def worst(decay: float) -> float:
        wrong = decisions(fit(material.training, decay), rows) != label
        return max(float(wrong[(label == k) & (group == g)].mean()) for k in (0, 1) for g in (0, 1))

    decay = min(_DECAYS, key=worst)
    return Found(decisions(fit(material.rows, decay), material.test), f"weight decay {decay:g}")
