"""Linear classifiers under the zero-one loss as one of the ways of training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import optimize

from equipoise.constraints import Constraint
from equipoise.learn.methods import Method, register_method
from equipoise.learn.network import StackedMLP
from equipoise.learn.problem import Rows
from equipoise.learn.train import Progress, Trained, TrainingSettings
from equipoise.learn.watch import History, Watch
from equipoise.learn.zero_one.search import Judge, Stage, search
from equipoise.learn.zero_one.target import with_ones


def require_decisions(promises: Sequence[Constraint], n_classes: int) -> None:
    """Refuse what a linear classifier of two classes cannot work towards.

    Parameters
    ----------
    promises : sequence of Constraint
    n_classes : int

    Raises
    ------
    ValueError
        If there are more than two classes, or a promise is about the loss.
    """
    if n_classes != 2:
        raise ValueError(
            f'method "zero-one" separates two classes by a plane, and there are {n_classes}: take '
            "another method."
        )
    for one in promises:
        if one.disparity.rate.of_loss:
            raise ValueError(
                f'method "zero-one" has decisions and no loss, so that it cannot promise {one}: '
                "promise something of a rate of decisions, or take another method."
            )


def train_zero_one(
    rows: Rows,
    n_classes: int,
    seeds: Sequence[int],
    settings: TrainingSettings,
    promises: Sequence[Constraint],
    watched: Rows | None,
    validation: Rows | None,
    progress: Progress | None,
) -> Trained:
    """Search for planes of few errors that keep the promises, one a seed.

    See :func:`equipoise.learn.zero_one.search.search`. Of the settings only the number of steps,
    of each of eight chains, is used.

    Parameters
    ----------
    rows : Rows
    n_classes : int
        2.
    seeds : sequence of int, length r
    settings : TrainingSettings
    promises : sequence of Constraint
    watched : Rows, optional
    validation : Rows, optional
        On which planes are judged, in place of the rows to train on.
    progress : callable, optional

    Returns
    -------
    Trained
        With networks without a hidden layer. Along the plane's normal, outputs are as steep as
        the likelihood of the training rows likes them best: decisions do not depend on it.

    Raises
    ------
    ValueError
        If there are not two classes, a promise is about the loss, or a mixture is asked for.
    """
    require_decisions(promises, n_classes)
    if settings.iterate == "mixture":
        raise ValueError('method "zero-one" ends with one plane: take iterate="best".')
    judge = Judge(rows if validation is None else validation, promises)
    done = [0]
    planes, histories = [], []
    for seed in seeds:
        network = _network(rows, np.zeros((1, rows.features.shape[1] + 1)))
        watch = Watch(network, rows if watched is None else watched, n_classes, promises)

        def after(
            number: int, n_stages: int, stage: Stage, network: StackedMLP = network,
            watch: Watch = watch,
        ) -> None:  # fmt: skip
            network.load_state_dict(_network(rows, stage.plane[None]).state_dict())
            pressed = torch.from_numpy(stage.multipliers)[None]
            watch.after_step(number, n_stages, torch.tensor([stage.energy]), pressed)
            done[0] += 1
            if progress is not None:
                progress(done[0], n_stages * len(seeds))

        planes.append(_steep(rows, search(rows, promises, judge, seed, settings.steps, after)))
        histories.append(watch.history())
    return Trained(_network(rows, np.stack(planes)), History.side_by_side(histories))


def _network(rows: Rows, planes: NDArray[np.float64]) -> StackedMLP:
    # Of two outputs half the distance each, with either sign.
    sides = torch.from_numpy(planes)[:, :, None] * torch.tensor([-0.5, 0.5])
    sides = sides.to(rows.features)
    weights = {"weights.0": sides[:, :-1], "biases.0": sides[:, -1:]}
    sizes = (planes.shape[1] - 1, 2)
    return StackedMLP.from_weights(sizes, weights).to(rows.features.device)


def _steep(rows: Rows, plane: NDArray[np.float64]) -> NDArray[np.float64]:
    features = with_ones(rows.features).double()
    margin = (features @ torch.from_numpy(plane).to(features.device)).cpu().numpy()
    sign = np.where(rows.label.cpu().numpy() == 1, 1.0, -1.0)
    weight = np.ones(len(sign)) if rows.weights is None else rows.weights.double().cpu().numpy()
    wide = max(float(np.abs(margin).mean()), 1e-12)

    def loss(log_scale: float) -> float:
        return float((weight * np.logaddexp(0, -np.exp(log_scale) * sign * margin / wide)).mean())

    found = optimize.minimize_scalar(loss, bounds=(-5, 5), method="bounded")
    # A power of two: coefficients in single precision change by no bit.
    return plane * 2.0 ** round(np.log2(np.exp(found.x) / wide))


ZERO_ONE = register_method(
    Method(
        "zero-one",
        "zero-one loss: a plane of few errors that keeps the promise, searched for by sampling",
        train=train_zero_one,
        require=require_decisions,
    )
)
"""The method by its name."""
