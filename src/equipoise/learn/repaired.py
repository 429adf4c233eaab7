"""Repair before training as one of the ways of training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from equipoise.constraints import Constraint
from equipoise.learn.ending import broken_by
from equipoise.learn.methods import Method, find_method, register_method
from equipoise.learn.mixed import side_by_side
from equipoise.learn.problem import FairProblem, Rows
from equipoise.learn.train import Progress, Trained, TrainingSettings, train
from equipoise.learn.watch import History
from equipoise.optim.constrained import Ratios
from equipoise.repair import reweight
from equipoise.repair.wanted import require_selection

STRENGTHS = (None, 1.0, 1.5, 2.0)
"""How far the labels' rates move towards their common mean: as far as the promise asks of labels
(None), all the way, or beyond it, so that groups change places."""


def train_repaired(
    rows: Rows,
    n_classes: int,
    seeds: Sequence[int],
    settings: TrainingSettings,
    promises: Sequence[Constraint],
    watched: Rows | None,
    validation: Rows | None,
    progress: Progress | None,
) -> Trained:
    """Weigh the rows until labels keep the promise, then train for accuracy alone.

    The re-weighting algorithm of Celis, Keswani and Vishnoi (ICML 2020, arXiv 1906.02164), whose
    law is the maximum-entropy one where its prior has no product part: no rows are made up. Labels
    that keep a promise do not make decisions keep it, for a classifier decides by the more probable
    label and so makes differences larger. Each seed is therefore trained with all of
    :data:`STRENGTHS`, one after the other, and ends with the one of least loss on the rows as they
    are among those that keep the promise, or else with the one that comes closest.

    Parameters
    ----------
    rows : Rows
    n_classes : int
    seeds : sequence of int, length r
    settings : TrainingSettings
    promises : sequence of Constraint
        Of gaps and ratios of selection; without any it is ordinary training. A group that has no
        rows of a label goes without it.
    watched : Rows, optional
    validation : Rows, optional
    progress : callable, optional

    Returns
    -------
    Trained

    Raises
    ------
    ValueError
        If a promise is another.
    FloatingPointError
        If training diverges.
    """
    plain = find_method("erm")
    if not promises or rows.groups is None:
        return train(
            rows, n_classes, seeds, settings, method=plain, watched=watched,
            validation=validation, progress=progress,
        )  # fmt: skip
    weights = _different([_weights(rows, n_classes, promises, strength) for strength in STRENGTHS])
    trained = []
    for number, of_rows in enumerate(weights):
        told = None
        if progress is not None:
            told = _shifted(progress, number, len(weights))
        trained.append(
            train(
                replace(rows, weights=of_rows),
                n_classes,
                seeds,
                settings,
                promises,
                method=plain,
                watched=rows if watched is None else watched,
                progress=told,
            )
        )
    seen = rows if validation is None else validation
    best = _best([one.network for one in trained], seen, n_classes, promises)
    network = side_by_side([trained[one].network.replicate(r) for r, one in enumerate(best)])
    return Trained(network.to(rows.features.device), _joined([t.history for t in trained], best))


def _weights(
    rows: Rows, n_classes: int, promises: Sequence[Constraint], strength: float | None
) -> torch.Tensor:
    assert rows.groups is not None
    own = None if rows.weights is None else rows.weights.cpu().double().numpy()
    label = rows.label.cpu().numpy()
    found = reweight(
        label, rows.groups, n_classes, promises, weights=own, at_strength=strength, lacking="leave"
    )
    return torch.from_numpy(found).to(rows.features)


def _different(weights: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    kept: list[torch.Tensor] = []
    for one in weights:
        if not any(torch.allclose(one, other) for other in kept):
            kept.append(one)
    return kept


def _shifted(progress: Progress, number: int, of: int) -> Progress:
    return lambda done, total: progress(number * total + done, of * total)


def _best(
    networks: Sequence[torch.nn.Module],
    seen: Rows,
    n_classes: int,
    promises: Sequence[Constraint],
) -> NDArray[np.int64]:
    # The number of the best training for each seed.
    losses, excess = [], []
    for network in networks:
        judge = FairProblem(network, seen, n_classes, promises)  # type: ignore[arg-type]
        loss, rates = judge.everything()
        assert isinstance(rates, Ratios)
        losses.append(loss.double().cpu().numpy())
        excess.append(broken_by(judge.fair_loss.violations, rates).numpy())
    of_best, broken = np.stack(losses), np.stack(excess)
    kept = broken <= 0
    among = np.where(kept, of_best, np.inf).argmin(axis=0)
    return np.where(kept.any(axis=0), among, broken.argmin(axis=0))


def _joined(histories: Sequence[History], best: NDArray[np.int64]) -> History:
    def of(name: str) -> NDArray[np.float64]:
        curves = [getattr(history, name) for history in histories]
        return np.stack([curves[one][:, r] for r, one in enumerate(best)], axis=1)

    return History(histories[0].step, of("loss"), of("accuracy"), of("disparity"), of("multiplier"))


def _require(promises: Sequence[Constraint], n_classes: int) -> None:
    require_selection(promises)


REPAIR = register_method(
    Method(
        "repair",
        "repair: rows are weighed until labels keep the promise, then accuracy alone",
        train=train_repaired,
        require=_require,
    )
)
"""The method by its name."""
