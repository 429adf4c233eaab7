"""A linear model whose loss is searched for with the model solved at every step."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from equipoise.learn.autobalance.search import group_codes, mean_loss
from equipoise.learn.autobalance.settings import SearchSettings
from equipoise.learn.autobalance.trajectory import Trajectory
from equipoise.learn.imbalance import Objective, ParametricCrossEntropy
from equipoise.learn.problem import Rows
from equipoise.learn.train import SCHEDULES, Progress
from equipoise.optim.bilevel import Bilevel, LastLayer
from equipoise.optim.bilevel.head import Head
from equipoise.optim.bilevel.newton import HessianSolver, minimise

# Of the largest entry of the gradient, in nats per unit of a standardised feature.
_SOLVED = 1e-8


def search_exactly(
    loss: ParametricCrossEntropy,
    training: Rows,
    validation: Rows,
    n_classes: int,
    objective: Objective,
    weight_decay: float,
    how: SearchSettings,
    progress: Progress | None = None,
) -> Trajectory:
    """Learn a loss by the exact hyper-gradients of a linear model of the features.

    Parameters
    ----------
    loss : ParametricCrossEntropy
        Which is changed in place.
    training, validation : Rows
    n_classes : int
    objective : callable
        Of (logits, label, group, weights) of all validation rows.
    weight_decay : float
        Of the model, above 0: without it there may be no solution.
    how : SearchSettings
    progress : callable, optional

    Returns
    -------
    Trajectory

    Raises
    ------
    ValueError
        If the weight decay is not positive, or features are not vectors.
    """
    head = _head(training, n_classes, weight_decay)
    data = [(rows.features.double(), rows.label) for rows in (training, validation)]
    groups = [group_codes(rows, loss) for rows in (training, validation)]
    weights = [None if r.weights is None else r.weights.double() for r in (training, validation)]
    outer = getattr(torch.optim, how.optimizer)(loss.parameters(), lr=how.learning_rate)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        outer, lambda n: SCHEDULES["cosine"](n / how.outer_steps)
    )
    bilevel = Bilevel(
        torch.optim.SGD(head.parameters(), lr=1.0, weight_decay=weight_decay),
        outer,
        hypergradient=LastLayer(head, tolerance=_SOLVED),
    )

    def inner() -> tuple[Tensor, object]:
        x, y = data[0]
        return head(x), _of_rows(loss, y, groups[0], weights[0])

    def judged() -> Tensor:
        x, y = data[1]
        return objective(head(x), y, groups[1], weights[1])

    found = Trajectory()
    for step in range(how.outer_steps):
        value = bilevel.outer_step(inner, judged)  # type: ignore[arg-type]
        schedule.step()
        found.note(step, float(value), loss)
        if progress is not None:
            progress(step + 1, how.outer_steps)
    return found


def solve(loss: nn.Module, rows: Rows, n_classes: int, weight_decay: float) -> nn.Linear:
    """The linear model that minimises a loss plus half the weight decay times its square.

    Parameters
    ----------
    loss : Module
        Convex in the logits; of (logits, label) or (logits, label, group).
    rows : Rows
    n_classes : int
    weight_decay : float
        Above 0, and of the bias too.

    Returns
    -------
    Linear
        In double precision.

    Raises
    ------
    ValueError
        If the weight decay is not positive, or features are not vectors.
    FloatingPointError
        If no solution is found.
    """
    head = _head(rows, n_classes, weight_decay)
    x, y = rows.features.double(), rows.label
    group = group_codes(rows) if getattr(loss, "n_groups", None) is not None else None
    weights = None if rows.weights is None else rows.weights.double()
    whole = Head(
        [(torch.column_stack([x, x.new_ones(len(x))]), _of_rows(loss, y, group, weights))],
        x.new_full((n_classes, x.shape[1] + 1), weight_decay),
    )
    try:
        at, _ = minimise(whole, torch.zeros_like(whole.decay), HessianSolver(), _SOLVED, 100)
    except (RuntimeError, ArithmeticError) as failure:
        raise FloatingPointError(
            f"the linear model is not solved; a larger weight_decay may cure it: {failure}"
        ) from failure
    with torch.no_grad():
        head.weight.copy_(at[:, :-1])
        head.bias.copy_(at[:, -1])
    return head


def _of_rows(
    loss: nn.Module, y: Tensor, group: Tensor | None, weights: Tensor | None
) -> Callable[[Tensor], Tensor]:
    return lambda z: mean_loss(loss, z, y, group, weights)


def _head(rows: Rows, n_classes: int, weight_decay: float) -> nn.Linear:
    if rows.features.dim() != 2:
        raise ValueError(
            "features must have shape (n, d) for an exact search, which is of a linear model, not "
            f"{tuple(rows.features.shape)}: give a network's last features, or search another way."
        )
    if not weight_decay > 0:
        raise ValueError(
            "weight_decay must be positive for an exact search: without it classes that can be "
            "told apart have no solution."
        )
    head = nn.Linear(rows.features.shape[1], n_classes, dtype=torch.float64)
    head = head.to(rows.features.device)
    with torch.no_grad():
        for p in head.parameters():
            p.zero_()
    return head
