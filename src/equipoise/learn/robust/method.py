"""Group DRO as one of the ways of training."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from equipoise.constraints import Constraint
from equipoise.learn.methods import METHODS, Method, Setting, register_method
from equipoise.learn.problem import Rows
from equipoise.learn.robust.cells import by_group_and_label, labels_matter
from equipoise.learn.robust.group_dro import GroupDRO
from equipoise.learn.train import Progress, Trained, TrainingSettings, train
from equipoise.optim.constrained import ConstrainedOptimizer, MovingAverage

_WORST_LOSS = Constraint.parse('worst("loss") <= 0')
# In a thousand steps a group that loses a tenth of a nat more than the others comes to count
# e^10 times as much: enough for any group to take over, and slow enough not to follow batches.
_RATE = 0.1
# A batch may have no row of a rare group, and then goes on with what was known of it.
_LOOK_BACK = 0.9


def train_group_dro(
    rows: Rows,
    n_classes: int,
    seeds: Sequence[int],
    settings: TrainingSettings,
    promises: Sequence[Constraint],
    watched: Rows | None,
    validation: Rows | None,
    progress: Progress | None,
) -> Trained:
    """Train for the least loss of the group that is worst off, one replicate a seed.

    The bound of the promise is not looked at, but what it compares is: groups; or, where its rates
    are shares of the rows of some label, the cells of group and label, as in the experiments of
    Sagawa, Koh, Hashimoto and Liang (ICLR 2020, arXiv 1911.08731). Of the iterates near the end
    the one with the least worst loss is kept, on the validation rows where there are any, which is
    the early stopping of that paper.

    Parameters
    ----------
    rows : Rows
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
    FloatingPointError
        If training diverges.
    """
    if not promises:
        return train(
            rows, n_classes, seeds, settings, method=METHODS["erm"], watched=watched,
            validation=validation, progress=progress,
        )  # fmt: skip
    watched = rows if watched is None else watched
    parts = [rows] if validation is None else [rows, validation]
    if labels_matter(promises, n_classes):
        parts = by_group_and_label(parts, n_classes)
    return train(
        parts[0],
        n_classes,
        seeds,
        settings,
        _WORST_LOSS,
        method=_STEPS,
        followed=promises,
        watched=watched,
        validation=parts[1] if len(parts) > 1 else None,
        progress=progress,
    )


def _around(base: torch.optim.Optimizer, of: Setting) -> ConstrainedOptimizer:
    values = MovingAverage(_LOOK_BACK)
    return GroupDRO(base, of.n_constraints, of.n_replicates, rate=_RATE, estimator=values)


_TITLE = "group DRO: the loss of the group that is worst off, by weights that follow the losses"
_STEPS = Method("group-dro", _TITLE, _around)

GROUP_DRO = register_method(Method("group-dro", _TITLE, train=train_group_dro))
"""The method by its name."""
