"""The gradients of the objective and of every constraint, each for itself."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from equipoise.optim.constrained.ratios import Constraints, Ratios, averages_of, constraints_at


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

    def __call__(
        self,
        objectives: Sequence[Tensor],
        constraints: Sequence[Tensor],
        parameters: Sequence[Tensor],
    ) -> Tensor:
        """All gradients, in rows.

        Parameters
        ----------
        objectives : sequence of Tensor, shape () or (r,) each
            Whose mean is the objective.
        constraints : sequence of Tensor, shape (m,) or (r, m) each
            Whose mean are the constraints.
        parameters : sequence of Tensor
            Their first axis is the replicates', where there are any.

        Returns
        -------
        Tensor, shape (1 + m, n)
            Of the objective and of each constraint, by all parameters one after the other. Each
            parameter's part is in the parameter's own order.
        """
        # Replicates depend on their own parameters only, and so the gradient of the sum over
        # them has each one's own in its place.
        rows = torch.eye(1 + constraints[0].shape[-1]).to(constraints[0])
        if objectives[0].dim():
            rows = rows[:, None].expand(-1, len(objectives[0]), -1)
        outputs, weights = [], []
        for several, weight in ((objectives, rows[..., 0]), (constraints, rows[..., 1:])):
            depending = [output for output in several if output.requires_grad]
            outputs += depending
            weights += [(weight / len(several)).to(several[0].dtype)] * len(depending)
        if not outputs:
            return torch.cat([p.new_zeros(len(rows), p.numel()) for p in parameters], 1)
        return self._rows(outputs, weights, parameters)

    def _rows(
        self, outputs: Sequence[Tensor], weights: Sequence[Tensor], parameters: Sequence[Tensor]
    ) -> Tensor:
        if self._in_one_pass:
            try:
                return _backward(outputs, weights, parameters, batched=True)
            except RuntimeError:
                self._in_one_pass = False
        rows = zip(*weights, strict=True)
        return torch.cat([_backward(outputs, row, parameters, batched=False) for row in rows])


def _backward(
    outputs: Sequence[Tensor],
    weights: Sequence[Tensor],
    parameters: Sequence[Tensor],
    *,
    batched: bool,
) -> Tensor:
    found = torch.autograd.grad(
        outputs,
        parameters,
        weights,
        retain_graph=True,
        allow_unused=True,
        is_grads_batched=batched,
    )
    n_rows = len(weights[0]) if batched else 1
    parts = [
        p.new_zeros(n_rows, p.numel()) if g is None else g.reshape(n_rows, -1)
        for p, g in zip(parameters, found, strict=True)
    ]
    return torch.cat(parts, 1)
