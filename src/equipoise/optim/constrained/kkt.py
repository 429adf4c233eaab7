"""How far a point is from being a solution: the conditions of Karush, Kuhn and Tucker.

They are measured on all rows, with values and gradients that the caller computes: those of a
batch say more of the batch than of the point.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import nnls
from torch import Tensor

from equipoise.optim.constrained.estimator import Batch
from equipoise.optim.constrained.evaluations import require_finite
from equipoise.optim.constrained.layout import Layout
from equipoise.optim.constrained.ratios import Constraints

Array = NDArray[np.float64]


@dataclass(frozen=True)
class KKTResidual:
    """By how much each of the conditions fails; all are 0 at a solution.

    Attributes
    ----------
    stationarity : Tensor, shape () or (r,)
        The 2-norm of grad f + J^T y, in units of the objective per unit of parameter.
    infeasibility : Tensor, shape () or (r,)
        The largest [c_j]_+, or abs(c_j) of an equation, in units of the constraints.
    complementarity : Tensor, shape () or (r,)
        The largest abs(y_j c_j) of an inequality, in units of the objective.
    dual_infeasibility : Tensor, shape () or (r,)
        The largest [-y_j]_+ of an inequality.
    """

    stationarity: Tensor
    infeasibility: Tensor
    complementarity: Tensor
    dual_infeasibility: Tensor


def kkt_residual(
    parameters: Iterable[Tensor],
    objective: Tensor,
    constraints: Constraints | Mapping[str, Tensor],
    multipliers: Tensor,
    layout: Layout | None = None,
) -> KKTResidual:
    """By how much a point and its multipliers miss the conditions (one backward pass).

    Nocedal and Wright, Numerical Optimization, theorem 12.1, for the Lagrangian f + y^T c. The
    conditions are necessary where the gradients of the active constraints are independent, and
    sufficient where objective and constraints are convex and equations linear.

    Parameters
    ----------
    parameters : iterable of Tensor
        Where replicates are stacked, their first axis is r.
    objective : Tensor, shape () or (r,)
        On all rows, with its graph, which is kept.
    constraints : Tensor, shape (m,) or (r, m), Ratios, or mapping from names to tensors
        On all rows, with their graph. Of ratios the gradient is that of the proxy.
    multipliers : Tensor, shape (m,) or (r, m)
        A method's, or :func:`best_multipliers`.
    layout : Layout, optional
        Which constraints are equations, such as a method's ``layout``; none by default.

    Returns
    -------
    KKTResidual

    Raises
    ------
    ValueError
        If shapes do not go together, or there is no graph.
    """
    x = list(parameters)
    c, layout = _flat(x, objective, constraints, layout)
    if multipliers.shape != c.shape:
        raise ValueError(
            f"multipliers must have the shape of the constraints, {tuple(c.shape)}, not "
            f"{tuple(multipliers.shape)}."
        )
    y = multipliers.detach().to(c.device)
    slope = _gradient(objective.sum() + (y * c).sum(), x)
    squares = [g.double().square().reshape(*objective.shape, -1).sum(-1) for g in slope]
    c, equation = c.detach(), _equations(layout, c)
    return KKTResidual(
        torch.stack(squares).sum(0).sqrt(),
        _largest(torch.where(equation, c.abs(), c.clamp(min=0))),
        _largest((y * c).abs().masked_fill(equation, 0)),
        _largest((-y).clamp(min=0).masked_fill(equation, 0)),
    )


def best_multipliers(
    parameters: Iterable[Tensor],
    objective: Tensor,
    constraints: Constraints | Mapping[str, Tensor],
    layout: Layout | None = None,
    *,
    tolerance: float = 1e-3,
) -> Tensor:
    """The multipliers that make a point as stationary as any can (m backward passes).

    ::

        minimise |grad f + J^T y|   over y_j >= 0 of inequalities with c_j >= -tolerance,
                                    any y_j of equations, and y_j = 0 of all others.

    For methods that have no multipliers of their own, and for points that are not a method's
    last one. The gradients of the constraints that are nearly active are held in memory.

    Parameters
    ----------
    parameters : iterable of Tensor
    objective : Tensor, shape () or (r,)
    constraints : Tensor, shape (m,) or (r, m), Ratios, or mapping from names to tensors
    layout : Layout, optional
        As for :func:`kkt_residual`; graphs are kept here too.
    tolerance : float
        By how much an inequality may hold and still count as active, in its units.

    Returns
    -------
    Tensor, shape (m,) or (r, m)
        In double precision, without gradient. If the gradients of the active constraints depend
        on each other, this is one of several.

    Raises
    ------
    ValueError
        If shapes do not go together, there is no graph, or the tolerance is negative.
    FloatingPointError
        If a constraint or a gradient is not finite.
    """
    if not 0 <= tolerance < math.inf:
        raise ValueError(f"tolerance must be at least 0 and finite, not {tolerance}.")
    x = list(parameters)
    c, layout = _flat(x, objective, constraints, layout)
    require_finite("constraints", c, layout)
    equation = _equations(layout, c)
    active = equation | (c.detach() >= -tolerance)
    columns = torch.nonzero(active.any(0) if c.dim() > 1 else active)[:, 0].tolist()
    slopes = [_gradient(part, x) for part in (*(c[..., j] for j in columns), objective)]
    triangle = _triangle(slopes, objective.shape)
    require_finite("gradients of objective and constraints", triangle)

    y = np.zeros(c.shape)
    active_, equation_ = active.cpu().numpy(), equation.cpu().numpy()
    for at in np.ndindex(*objective.shape):
        own = [(k, j) for k, j in enumerate(columns) if active_[*at, j]]
        where = [j for _, j in own]
        R = triangle[at].cpu().numpy()
        y[at][where] = _nonnegative(R[:, [k for k, _ in own]], R[:, -1], equation_[where])
    return torch.from_numpy(y).to(c.device)


def _flat(
    parameters: Sequence[Tensor],
    objective: Tensor,
    constraints: Constraints | Mapping[str, Tensor],
    layout: Layout | None,
) -> tuple[Tensor, Layout]:
    if not parameters:
        raise ValueError("parameters must be at least one tensor; an iterator may be used up.")
    if isinstance(constraints, Mapping):
        if layout is None:
            raise ValueError("named constraints need a layout, such as a method's own.")
        constraints = layout.flatten(constraints)
    c = Batch().estimate(constraints)
    if objective.dim() > 1 or c.shape[:-1] != objective.shape or c.dim() != objective.dim() + 1:
        raise ValueError(
            "the objective must have shape () or (r,) and the constraints (m,) or (r, m), not "
            f"{tuple(objective.shape)} and {tuple(c.shape)}."
        )
    if layout is not None and layout.n_constraints != c.shape[-1]:
        raise ValueError(f"the layout is of {layout.n_constraints}, not {c.shape[-1]} constraints.")
    for p in parameters:
        if p.shape[: objective.dim()] != objective.shape:
            raise ValueError(
                f"the first axis of every parameter must be of length r = {len(objective)}, but "
                f"one has shape {tuple(p.shape)}."
            )
    if not (objective.requires_grad or c.requires_grad):
        raise ValueError("neither objective nor constraints have a graph to differentiate.")
    return c, layout or Layout(c.shape[-1])


def _equations(layout: Layout, constraints: Tensor) -> Tensor:
    equation = torch.zeros(layout.n_constraints, dtype=torch.bool, device=constraints.device)
    for name in layout.equalities:
        equation[layout.slices[name]] = True
    return equation


def _gradient(value: Tensor, parameters: Sequence[Tensor]) -> list[Tensor]:
    if not value.requires_grad:  # a constant
        return [torch.zeros_like(p) for p in parameters]
    found = torch.autograd.grad(value.sum(), parameters, retain_graph=True, allow_unused=True)
    return [torch.zeros_like(p) if g is None else g for g, p in zip(found, parameters, strict=True)]


def _largest(x: Tensor) -> Tensor:
    return x.amax(-1) if x.shape[-1] else x.new_zeros(x.shape[:-1])


def _triangle(slopes: Sequence[Sequence[Tensor]], shape: torch.Size) -> Tensor:
    """A small matrix with the inner products of all gradients, shape (..., <= k, k).

    A least-squares problem is the same for A and for the R of A = QR, and a normal matrix would
    square its condition. One parameter at a time, so that nothing more is held than they are.
    """
    k = len(slopes)
    R = slopes[0][0].new_zeros((*shape, 0, k), dtype=torch.float64)
    for parts in zip(*slopes, strict=True):
        rows = torch.stack([g.double().reshape(*shape, -1) for g in parts], -1)
        R = torch.linalg.qr(torch.cat([R, rows], -2), mode="r").R
    return R


def _nonnegative(A: Array, b: Array, free: NDArray[np.bool_]) -> Array:
    """The y >= 0, but for those that are free, at which |A y + b| is the least."""
    if not A.size:
        return np.zeros(A.shape[1])
    # A free number is the difference of two that are not negative.
    found, _ = nnls(np.hstack([A, -A[:, free]]), -b)
    y = found[: A.shape[1]]
    y[free] -= found[A.shape[1] :]
    return y
