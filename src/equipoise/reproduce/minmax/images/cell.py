"""One variant with its controls, on some seeds of one set of images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from equipoise.learn.network import StackedMLP
from equipoise.reproduce.minmax.images.judge import (
    Array,
    class_score,
    class_shares,
    frechet_distance,
    train_judge,
)
from equipoise.reproduce.minmax.images.task import ImageTask
from equipoise.reproduce.minmax.stack.game import Draws, Game
from equipoise.reproduce.minmax.stack.train import Track, at_hand, train_with_controls
from equipoise.reproduce.minmax.stack.variants import CONTROLS
from equipoise.reproduce.part import Cell, Result

_FORMAT = 1
_LOOKED_AT = 500
_JUDGED = 2000
"""Real images at most, whose features are compared with."""

# Streams of one seed: the players' beginnings, the batches, the coins, and what is looked at.
_DISCRIMINATOR, _BATCHES, _LOOKS = 100_000, 200_000, 300_000


@dataclass(frozen=True, eq=False)
class _Reals:
    images: Tensor

    def __call__(self, n: int, stream: torch.Generator) -> Tensor:
        rows = torch.randint(len(self.images), (n,), generator=stream, device=stream.device)
        return self.images[rows]


def image_cell(
    task: ImageTask, variant: str, seeds: Sequence[int], rows: str, seconds: float
) -> Cell:
    """The cell of a variant and its controls.

    Parameters
    ----------
    task : ImageTask
    variant : str
    seeds : sequence of int
    rows : str
        A hash of the real images.
    seconds : float
        A guess for one variant.

    Returns
    -------
    Cell
    """
    decides = {
        "format": _FORMAT,
        "task": task.to_dict(),
        "rows": rows,
        "variant": variant,
        "seeds": list(seeds),
    }
    return Cell(
        f"{task.name}, seeds {seeds[0]} to {seeds[-1]}: {variant}",
        decides,
        partial(run_cell, task, variant, tuple(seeds)),
        seconds * (1 + len(CONTROLS.get(variant, ()))),
    )


def run_cell(task: ImageTask, variant: str, seeds: tuple[int, ...]) -> Result:
    """Train a variant and its controls.

    Parameters
    ----------
    task : ImageTask
    variant : str
    seeds : tuple of int

    Returns
    -------
    dict
        By variant: "classes" of shape (looks, r, K), shares of the images; "score" and "distance"
        of shape (r,) in the end; and what tracks hold.
    """
    device = at_hand()
    real, label = (x.to(device) for x in task.load())
    judge = train_judge(real, label, task.judge, task.judge_steps)
    _, features = judge.look(real[:: max(1, len(real) // _JUDGED)])
    streams = [torch.Generator(device).manual_seed(seed + _LOOKS) for seed in seeds]
    size = (_LOOKED_AT, task.n_noise)
    noise = torch.stack([torch.randn(size, generator=s, device=device) for s in streams])

    def begin() -> tuple[Game, Draws]:
        generator = StackedMLP(task.n_noise, task.generator, real.shape[1], seeds).to(device)
        others = [seed + _DISCRIMINATOR for seed in seeds]
        discriminator = StackedMLP(real.shape[1], task.discriminator, 1, others).to(device)
        batches = [seed + _BATCHES for seed in seeds]
        draws = Draws(_Reals(real), task.batch_size, task.n_noise, batches, device)
        return Game(generator, discriminator, bounded=True, saturating=False), draws

    def look(game: Game) -> list[tuple[Array, Array]]:
        with torch.no_grad():
            made = game.make(noise)
        return [judge.look(images) for images in made]

    # Features of every look would fill the memory.
    def shares(game: Game) -> Array:
        return np.stack([class_shares(chances) for chances, _ in look(game)])

    found = train_with_controls(variant, task.plan, seeds, begin, shares)
    return {name: _summary(track, look(game), features) for name, (game, track) in found.items()}


def _summary(
    track: Track[Array], last: Sequence[tuple[Array, Array]], features: Array
) -> dict[str, Any]:
    return {
        "classes": np.stack(track.seen).round(4).tolist(),
        "score": [class_score(chances) for chances, _ in last],
        "distance": [frechet_distance(units, features) for _, units in last],
        **track.to_dict(),
    }


def real_cell(task: ImageTask, rows: str) -> Cell:
    """What the same classifier makes of real images, as a cell.

    Parameters
    ----------
    task : ImageTask
    rows : str
        A hash of them.

    Returns
    -------
    Cell
    """
    decides = {"format": _FORMAT, "task": task.to_dict(), "rows": rows, "variant": "real"}
    return Cell(f"{task.name}: real images", decides, partial(run_real, task), 5.0)


def run_real(task: ImageTask) -> Result:
    """Judge the real images.

    Parameters
    ----------
    task : ImageTask

    Returns
    -------
    dict
        "score"; "distance" of one half of the images from the other; and "classes", the share of
        each, by their labels.
    """
    real, label = task.load()
    judge = train_judge(real, label, task.judge, task.judge_steps)
    chances, features = judge.look(real[:: max(1, len(real) // _JUDGED)])
    shares = np.bincount(label.numpy(), minlength=task.n_classes) / len(label)
    return {
        "score": class_score(chances),
        "distance": frechet_distance(features[::2], features[1::2]),
        "classes": shares.tolist(),
    }
