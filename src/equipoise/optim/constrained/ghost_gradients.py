"""The gradients of the objective and of every constraint, each for itself."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from equipoise.optim.constrained.ratios import Constraints, Ratios, averages_of, constraints_at

Group = tuple[Sequence[Tensor], Sequence[Tensor]]
"""Objectives, shape () or (r,) each, and constraints, shape (m,) or (r, m) each, of some units."""


def together(seen: Sequence[Constraints]) -> list[Tensor]:
    """Tensors whose mean are the constraints on several units, with their gradients.

    Parameters
    ----------
    seen : sequence of Tensor, shape (m,) or (r, m), or of Ratios
        The constraints on each unit.

    Returns
    -------
    list of Tensor, shape (m,) or (r, m)
        Those of the units; a single one for ratios, which are averaged before they are divided.
    """
    ratios = [unit for unit in seen if isinstance(unit, Ratios)]
    if not ratios:
        return [unit for unit in seen if isinstance(unit, Tensor)]
    with torch.enable_grad():
        whole = Ratios(
            torch.stack([unit.statistic for unit in ratios]).mean(0),
            torch.stack([unit.proxy for unit in ratios]).mean(0),
            ratios[0].function,
        )
        return [constraints_at(averages_of(whole), whole)]


class Gradients:
    """Gradients of the mean of units, in a single backward pass where autograd can.

    That pass carries the rows of the Jacobian along as a batch axis. What cannot be batched, such
    as a custom function that looks at the values of its gradient, is passed once for each row;
    the first failure decides for good.
    """

    def __init__(self) -> None:
        self._in_one_pass = True

    def __call__(self, groups: Sequence[Group], parameters: Sequence[Tensor]) -> Tensor:
        """All gradients of each group of units, in rows.

        Parameters
        ----------
        groups : sequence of (sequence of Tensor, sequence of Tensor)
            Of each group the mean of the first is the objective, that of the second the
            constraints.
        parameters : sequence of Tensor
            Their first axis is the replicates', where there are any.

        Returns
        -------
        Tensor, shape (number of groups, 1 + m, n)
            Of the objective and of each constraint, by all parameters one after the other. Each
            parameter's part is in the parameter's own order.
        """
        # Replicates depend on their own parameters only, and so the gradient of the sum over
        # them has each one's own in its place.
        (objective, *_), (constraints, *_) = groups[0]
        rows = torch.eye(1 + constraints.shape[-1], dtype=constraints.dtype).to(constraints.device)
        if objective.dim():
            rows = rows[:, None].expand(-1, len(objective), -1)
        kinds = rows[..., 0].to(objective.dtype), rows[..., 1:]
        parts: list[Tensor] = []
        for group in groups:
            outputs, weights = [], []
            for several, weight in zip(group, kinds, strict=True):
                depending = [output for output in several if output.requires_grad]
                if len(several) > 1:
                    weight = weight / len(several)
                outputs += depending
                weights += [weight] * len(depending)
            parts += self._parts(outputs, weights, parameters, len(rows))
        # All at once and side by side, since a small network's time goes into the number of calls.
        return torch.cat(parts, 1).unflatten(1, (len(groups), -1)).transpose(0, 1)

    def _parts(
        self,
        outputs: Sequence[Tensor],
        weights: Sequence[Tensor],
        parameters: Sequence[Tensor],
        n_rows: int,
    ) -> list[Tensor]:
        if not outputs:
            return [p.new_zeros(n_rows, p.numel()) for p in parameters]
        if self._in_one_pass:
            try:
                return _backward(outputs, weights, parameters, n_rows)
            except RuntimeError:
                self._in_one_pass = False
        rows = [_backward(outputs, row, parameters, None) for row in zip(*weights, strict=True)]
        return [torch.cat(parts) for parts in zip(*rows, strict=True)]


def _backward(
    outputs: Sequence[Tensor],
    weights: Sequence[Tensor],
    parameters: Sequence[Tensor],
    batch: int | None,
) -> list[Tensor]:
    found = torch.autograd.grad(
        outputs,
        parameters,
        weights,
        retain_graph=True,
        allow_unused=True,
        is_grads_batched=batch is not None,
    )
    n_rows = batch or 1
    return [
        p.new_zeros(n_rows, p.numel()) if g is None else g.reshape(n_rows, -1)
        for p, g in zip(parameters, found, strict=True)
    ]
