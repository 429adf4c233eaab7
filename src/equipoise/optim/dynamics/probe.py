"""What a step of an optimizer makes of the gradients of several groups of rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import torch
from torch import Tensor

from equipoise.optim.optimizer_snapshot import OptimizerSnapshot
from equipoise.optim.vectors import Vector, dot, gradient, norm, plus, scaled
from equipoise.optim.weight_decay import is_decoupled


@dataclass(frozen=True)
class Reading:
    """One step, seen by group. g_a is the gradient of group a's mean loss, g that of all rows.

    D is the diagonal that the optimizer multiplies gradients by, learning rate and momentum left
    out: 1 / (sqrt(v) + eps) for RMSProp and Adam, 1 for SGD. Weight decay is part of v where the
    optimizer has it so, and of no gradient.

    Attributes
    ----------
    disparity : float
        Largest norm of D (g_a - g_b) over pairs of groups.
    plain_disparity : float
        The same of g_a - g_b, which is that of SGD. Theorem 2 of Kolahdouzi, Gunes, Etemad 2025
        (arXiv 2504.14882) has the first at most as large as the second.
    relative_disparity : float
        disparity over the norm of D g: what is left when learning rates are chosen so that steps
        are of one length.
    plain_relative_disparity : float
        The same without D.
    bound_ratio : float
        norm(D g) / norm(g). A gap between groups' mean scores that are K_a-Lipschitz in the
        parameters changes by at most (K_a + K_b) times the step's length: at one learning rate the
        bound of theorem 3 is this many times that of SGD.
    rare_progress : float
        <g_r, D g> / norm(D g), r the group with the least share: by how much its loss falls a unit
        of the way, to first order.
    damped : float or None
        Share of the coordinates where groups' gradients differ in which D <= 1. Theorem 2 is sure
        where it is 1. None where the optimizer's step is no diagonal times the gradient.
    """

    disparity: float
    plain_disparity: float
    relative_disparity: float
    plain_relative_disparity: float
    bound_ratio: float
    rare_progress: float
    damped: float | None


class UpdateProbe:
    """Looks at what the next step of a torch optimizer would do to each group.

    For SGD, RMSprop, Adam, AdamW, NAdam, Adagrad and Adamax D is read from the optimizer's state.
    For any other (Muon, Lion, sign descent, ...) D g_a is the step that it would take from its
    present state if the batch had been group a's alone, over the learning rate. The optimizer and
    its parameters are as before afterwards.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer

    Examples
    --------
    >>> model = torch.nn.Linear(3, 1)
    >>> optimizer = torch.optim.RMSprop(model.parameters(), lr=0.01)
    >>> probe = UpdateProbe(optimizer)
    >>> x, group = torch.randn(32, 3), torch.arange(32) % 2
    >>> loss = (model(x)[:, 0] - x[:, 0]) ** 2
    >>> reading = probe.read([loss[group == a].mean() for a in (0, 1)], [0.9, 0.1])
    >>> reading.damped  # the first step of RMSprop multiplies gradients by far more than 1
    0.0
    """

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self.optimizer = optimizer

    def read(self, losses: Sequence[Tensor], shares: Sequence[float]) -> Reading:
        """Look at the present parameters, before a step.

        Parameters
        ----------
        losses : sequence of Tensor, each of shape ()
            The mean loss of each group, with its graph, which is kept.
        shares : sequence of float
            Of each group in the loss that is trained on; they add up to 1.

        Returns
        -------
        Reading

        Raises
        ------
        ValueError
            If there are fewer than two groups, or the shares are not shares.
        FloatingPointError
            If a gradient is not finite.
        """
        if len(losses) < 2 or len(shares) != len(losses):
            raise ValueError(
                f"losses and shares must be of the same two or more groups, not of {len(losses)} "
                f"and {len(shares)}."
            )
        if min(shares) <= 0 or abs(sum(shares) - 1) > 1e-6:
            raise ValueError(f"shares must be positive and add up to 1, not {list(shares)}.")
        groups = self.optimizer.param_groups
        parameters = [p for group in groups for p in group["params"] if p.requires_grad]
        slopes = [gradient(loss, parameters, retain_graph=True) for loss in losses]
        whole = scaled(shares[0], slopes[0])
        for share, slope in zip(shares[1:], slopes[1:], strict=True):
            whole = plus(whole, share, slope)
        if not all(x.isfinite().all() for x in whole):
            raise FloatingPointError("the gradient of a group is not finite.")
        diagonal = _diagonal(self.optimizer, whole)
        if diagonal is None:
            moved = [_step(self.optimizer, parameters, slope) for slope in slopes]
            step = _step(self.optimizer, parameters, whole)
            damped = None
        else:
            moved = [_times(diagonal, slope) for slope in slopes]
            step = _times(diagonal, whole)
            damped = _damped(diagonal, slopes)
        length, plain_length = norm(step), norm(whole)
        disparity, plain = _apart(moved), _apart(slopes)
        rare = slopes[min(range(len(shares)), key=lambda a: shares[a])]
        return Reading(
            disparity,
            plain,
            _over(disparity, length),
            _over(plain, plain_length),
            _over(length, plain_length),
            _over(dot(rare, step), length),
            damped,
        )


def _over(a: float, b: float) -> float:
    return a / b if b else float("nan")


def _apart(vectors: Sequence[Vector]) -> float:
    return max(norm(plus(a, -1.0, b)) for a, b in combinations(vectors, 2))


def _times(diagonal: Vector, vector: Vector) -> Vector:
    return [d * x for d, x in zip(diagonal, vector, strict=True)]


def _damped(diagonal: Vector, slopes: Sequence[Vector]) -> float:
    differ = [
        torch.stack([(x != parts[0]) for x in parts[1:]]).any(0)
        for parts in zip(*slopes, strict=True)
    ]
    n = sum(int(where.sum()) for where in differ)
    small = sum(int((d[where] <= 1).sum()) for d, where in zip(diagonal, differ, strict=True))
    return small / n if n else 1.0


def _diagonal(optimizer: torch.optim.Optimizer, slope: Vector) -> Vector | None:
    """D of the step that the optimizer would take along a gradient."""
    rule = next((rule for kind, rule in _RULES.items() if type(optimizer) is kind), None)
    if rule is None:
        return None
    gradients = iter(slope)
    found = []
    for group in optimizer.param_groups:
        # Decay that is part of the loss is part of the squares.
        decay = 0.0 if is_decoupled(optimizer, group) else float(group["weight_decay"])
        for p in group["params"]:
            if p.requires_grad:
                decayed = next(gradients) + decay * p.detach()
                found.append(rule(group, optimizer.state.get(p, {}), decayed))
    return found


def _sgd(_: dict[str, Any], __: dict[str, Any], g: Tensor) -> Tensor:
    return torch.ones_like(g)


def _rmsprop(group: dict[str, Any], state: dict[str, Any], g: Tensor) -> Tensor:
    keep = group["alpha"]
    square = keep * state.get("square_avg", 0) + (1 - keep) * g**2
    if group["centered"]:
        square = square - (keep * state.get("grad_avg", 0) + (1 - keep) * g) ** 2
    return 1 / (square.clamp(min=0).sqrt() + group["eps"])


def _adam(group: dict[str, Any], state: dict[str, Any], g: Tensor) -> Tensor:
    keep = group["betas"][1]
    step = float(state.get("step", 0)) + 1
    square = keep * state.get("exp_avg_sq", 0) + (1 - keep) * g**2
    if group.get("amsgrad"):
        square = torch.maximum(square, state.get("max_exp_avg_sq", torch.zeros_like(g)))
    return 1 / ((square / (1 - keep**step)).sqrt() + group["eps"])


def _adagrad(group: dict[str, Any], state: dict[str, Any], g: Tensor) -> Tensor:
    step = float(state.get("step", 0))
    root = (state["sum"] + g**2).sqrt() + group["eps"]
    return 1 / (root * (1 + step * group["lr_decay"]))


def _adamax(group: dict[str, Any], state: dict[str, Any], g: Tensor) -> Tensor:
    largest = group["betas"][1] * state.get("exp_inf", torch.zeros_like(g))
    return 1 / torch.maximum(largest, g.abs() + group["eps"])


_RULES: dict[type, Callable[[dict[str, Any], dict[str, Any], Tensor], Tensor]] = {
    torch.optim.SGD: _sgd,
    torch.optim.RMSprop: _rmsprop,
    torch.optim.Adam: _adam,
    torch.optim.AdamW: _adam,
    torch.optim.NAdam: _adam,
    torch.optim.Adagrad: _adagrad,
    torch.optim.Adamax: _adamax,
}


@torch.no_grad()
def _step(optimizer: torch.optim.Optimizer, parameters: Vector, slope: Vector) -> Vector:
    """The step that it would take along a gradient, over the learning rate and turned round."""
    before = [p.clone() for p in parameters]
    gradients = [p.grad for p in parameters]
    start = OptimizerSnapshot(optimizer)
    rates = [g["lr"] for g in optimizer.param_groups for p in g["params"] if p.requires_grad]
    try:
        for p, g in zip(parameters, slope, strict=True):
            p.grad = g.clone()
        optimizer.step()
        return [
            (old - p) / float(rate) for old, p, rate in zip(before, parameters, rates, strict=True)
        ]
    finally:
        start.restore()
        for p, kept in zip(parameters, gradients, strict=True):
            p.grad = kept
