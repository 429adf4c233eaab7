"""The loss and the promises on one batch of outputs, ready for a constrained optimizer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from equipoise.constraints import Constraint
from equipoise.optim.constrained import Ratios

# Beyond so many outputs in a batch torch's vectorised operations are the faster way.
_SMALL_BATCH = 2**14
# Up to so many (group, label) cells their sums are a product with a one-hot matrix, which is
# several times faster than adding rows up one by one.
_DENSE_CELLS = 512


class FairLoss:
    """Cross-entropy, and what is promised about groups, from the outputs of any network.

    A promise is about decisions, which have no gradient. Its value is therefore counted on the
    decisions, and its gradient is that of the same rates on the expected table: the one in which
    a row counts in every prediction's column by the probability it has there.

    Parameters
    ----------
    constraints : str, Constraint, or sequence of them
        Promises, all about the same groups; none is plain cross-entropy.
    n_groups : int
        g.
    n_classes : int
        k.

    Attributes
    ----------
    violations : callable
        Rates (..., c, g) of all promises, those of the loss last, to inequalities (..., m).

    Examples
    --------
    >>> import torch
    >>> from equipoise.optim.constrained import ALM, MovingAverage
    >>> network = torch.nn.Linear(3, 2)
    >>> fair_loss = FairLoss('gap("selection") <= 0.05', n_groups=2, n_classes=2)
    >>> base = torch.optim.SGD(network.parameters(), lr=0.1)
    >>> optimizer = ALM(base, fair_loss.n_constraints, estimator=MovingAverage())
    >>> x, y, group = torch.randn(8, 3), torch.randint(2, (8,)), torch.randint(2, (8,))
    >>> loss = optimizer.step(lambda _: fair_loss(network(x), y, group))
    """

    def __init__(
        self,
        constraints: str | Constraint | Sequence[str | Constraint],
        n_groups: int,
        n_classes: int,
    ) -> None:
        if isinstance(constraints, (str, Constraint)):
            constraints = [constraints]
        self.constraints = tuple(Constraint.parse(one) for one in constraints)
        self.n_groups = n_groups
        self.n_classes = n_classes
        rates = [one.disparity.rate for one in self.constraints]
        counted = [rate.cells(n_classes) for rate in rates if not rate.of_loss]
        width = n_classes**2
        cells = [
            np.concatenate([one[top].reshape(-1, width) for one in counted])
            if counted
            else np.zeros((0, width))
            for top in (0, 1)
        ]
        # Components of counted rates come first, and one of the loss is last.
        self._cells = torch.from_numpy(np.concatenate(cells).T)  # (k x k, top or bottom x c)
        self._kernel_cells = [one.reshape(-1, n_classes, n_classes) for one in cells]
        self._n_counted = len(cells[0])
        self._with_loss = any(rate.of_loss for rate in rates)
        parts: list[tuple[Constraint, slice]] = []
        start = 0
        for one in self.constraints:
            if one.disparity.rate.of_loss:
                where = slice(self._n_counted, self._n_counted + 1)
            else:
                where = slice(start, start + one.disparity.rate.n_components(n_classes))
                start = where.stop
            parts.append((one, where))
        self.violations = Violations(parts)
        self._eye: Tensor | None = None
        if n_groups * n_classes <= _DENSE_CELLS:
            self._eye = torch.eye(n_groups * n_classes)

    @property
    def n_constraints(self) -> int:
        """How many inequalities the promises are, m."""
        return sum(one.n_violations(self.n_classes, self.n_groups) for one in self.constraints)

    def __call__(
        self,
        logits: Tensor,
        label: Tensor,
        groups: Tensor,
        weights: Tensor | None = None,
        rate_weights: Tensor | None = None,
    ) -> tuple[Tensor, Tensor | Ratios]:
        """Evaluate one batch.

        Parameters
        ----------
        logits : Tensor, shape (..., b, k), or (b,) for the positive of two classes
            ... is nothing or one axis of replicates, r.
        label : Tensor of int64, shape (..., b)
        groups : Tensor
            Integer codes (..., b) of disjoint groups, or a membership matrix (..., b, g).
        weights : Tensor, shape (..., b), optional
            What each row counts in the loss.
        rate_weights : Tensor, shape (..., b), optional
            What each row counts in the rates.

        Returns
        -------
        objective : Tensor, shape (...)
            Mean cross-entropy.
        constraints : Ratios or Tensor
            Over (..., c, g) ratios; an empty tensor (..., 0) where nothing is promised.
        """
        if logits.dim() == 1:
            logits = torch.stack([torch.zeros_like(logits), logits], dim=-1)
        if not self.constraints:
            loss = torch.nn.functional.cross_entropy(
                logits.flatten(0, -2), label.flatten(), reduction="none"
            ).view_as(label)
            objective = (loss if weights is None else loss * weights).mean(-1)
            return objective, objective.new_zeros(*objective.shape, 0)
        single = logits.dim() == 2
        if single:
            logits, label, groups = logits[None], label[None], groups[None]
            weights = None if weights is None else weights[None]
            rate_weights = None if rate_weights is None else rate_weights[None]
        small = (
            logits.device.type == "cpu"
            and logits.numel() <= _SMALL_BATCH
            and groups.dim() == label.dim()
            and logits.dtype in (torch.float32, torch.float64)
        )
        tables = _SmallTables if small else _Tables
        objective, values, proxy = tables.apply(logits, label, groups, weights, rate_weights, self)
        if single:
            objective, values, proxy = objective[0], values[:, 0], proxy[:, 0]
        return objective, Ratios(values[:2], proxy, self.violations, values)

    def _members(self, label: Tensor, groups: Tensor, like: Tensor) -> Tensor:
        # To which (group, label) cells the rows belong: codes (r, b) where those are many,
        # otherwise a matrix (r, b, g x k).
        k = self.n_classes
        if groups.dim() > label.dim():
            labels = torch.nn.functional.one_hot(label, k).to(like.dtype)
            return (groups.to(like.dtype)[..., None] * labels[..., None, :]).flatten(-2)
        joint = torch.add(label, groups, alpha=k)
        if self._eye is None:
            return joint
        if self._eye.dtype != like.dtype or self._eye.device != like.device:
            self._eye = self._eye.to(like.device, like.dtype)
        return self._eye[joint]

    def _coefficients(self, like: Tensor) -> Tensor:
        if self._cells.dtype != like.dtype or self._cells.device != like.device:
            self._cells = self._cells.to(like.device, like.dtype)
        return self._cells


class _Tables(torch.autograd.Function):
    """Loss, counted rates and expected rates of a batch in one node.

    As separate operations of autograd these are some fifty, which costs a small network more
    than its own layers do; the gradient with respect to the logits is known in closed form.
    """

    @staticmethod
    def forward(
        ctx: Any,
        logits: Tensor,
        label: Tensor,
        groups: Tensor,
        weights: Tensor | None,
        rate_weights: Tensor | None,
        of: FairLoss,
    ) -> tuple[Tensor, Tensor, Tensor]:
        if logits.dtype in (torch.float16, torch.bfloat16):
            logits = logits.float()
        log_probability = torch.log_softmax(logits, dim=-1)
        soft = log_probability.exp()
        right = label[..., None]
        loss = log_probability.gather(-1, right).squeeze(-1).neg_()
        objective = (loss if weights is None else loss * weights).mean(-1)
        members = of._members(label, groups, soft)
        hard = torch.zeros_like(soft).scatter_(-1, soft.argmax(-1, keepdim=True), 1)
        row = [hard, soft]
        if of._with_loss:
            row += [loss[..., None], torch.ones_like(soft[..., :1])]
        held = torch.cat(row, dim=-1)
        if rate_weights is not None:
            held.mul_(rate_weights[..., None])
        ctx.of = of
        ctx.save_for_backward(soft, right, members, weights, rate_weights)
        values = _rates(_by_cell(members, held, of.n_groups * of.n_classes), of)
        ctx.mark_non_differentiable(values)
        return objective, values, values[2:].clone()

    @staticmethod
    def backward(
        ctx: Any, by_objective: Tensor, _: Tensor, by_proxy: Tensor
    ) -> tuple[Tensor | None, ...]:
        soft, right, members, weights, rate_weights = ctx.saved_tensors
        of: FairLoss = ctx.of
        # What a unit of each row's loss counts, in the objective and in the groups' losses.
        by_loss = (by_objective if weights is None else by_objective[:, None] * weights) / len(
            soft[0]
        )
        by_loss = by_loss.view(len(soft), -1, 1)
        gradient = None
        if of._n_counted:
            # (top or bottom, r, c, g) -> (r, g, top or bottom x c) -> (r, g x label, prediction)
            each = by_proxy[:, :, : of._n_counted].permute(1, 3, 0, 2).flatten(-2)
            by_cell = (each @ of._coefficients(soft).T).view(len(soft), -1, of.n_classes)
            by_row = _to_rows(members, by_cell, rate_weights)
            gradient = soft * (by_row - (by_row * soft).sum(-1, keepdim=True))
        if of._with_loss:
            of_group = by_proxy[0, :, -1].repeat_interleave(of.n_classes, dim=-1)[..., None]
            by_loss = by_loss + _to_rows(members, of_group, rate_weights)
        pull = soft * by_loss
        pull.scatter_add_(-1, right, -by_loss.expand_as(right))
        gradient = pull if gradient is None else pull.add_(gradient)
        return gradient, None, None, None, None, None


class _SmallTables(torch.autograd.Function):
    """The same by compiled loops, for what is small and on the CPU."""

    @staticmethod
    def forward(
        ctx: Any,
        logits: Tensor,
        label: Tensor,
        groups: Tensor,
        weights: Tensor | None,
        rate_weights: Tensor | None,
        of: FairLoss,
    ) -> tuple[Tensor, Tensor, Tensor]:
        from equipoise.learn.batch_kernels import tabulate

        nothing = logits.new_empty(0, 0)
        objective, soft = logits.new_empty(len(logits)), torch.empty_like(logits)
        n_components = of._n_counted + of._with_loss
        values = logits.new_empty(4, len(logits), n_components, of.n_groups)
        fixed = (
            label.numpy(),
            groups.numpy(),
            (nothing if weights is None else weights).numpy(),
            (nothing if rate_weights is None else rate_weights).numpy(),
            *of._kernel_cells,
            of._with_loss,
        )
        tabulate(logits.detach().numpy(), *fixed, objective.numpy(), values.numpy(), soft.numpy())
        ctx.fixed, ctx.soft = fixed, soft
        ctx.mark_non_differentiable(values)
        return objective, values, values[2:].clone()

    @staticmethod
    def backward(
        ctx: Any, by_objective: Tensor, _: Tensor, by_proxy: Tensor
    ) -> tuple[Tensor | None, ...]:
        from equipoise.learn.batch_kernels import pull_back

        gradient = torch.empty_like(ctx.soft)
        pull_back(
            by_objective.numpy(), by_proxy.numpy(), ctx.soft.numpy(), *ctx.fixed, gradient.numpy()
        )
        return gradient, None, None, None, None, None


def _by_cell(members: Tensor, row: Tensor, n_cells: int) -> Tensor:
    # Batch means of what rows hold (r, b, v) by cell, (r, n_cells, v).
    replicates, batch, width = row.shape
    if members.dim() == 3:
        return torch.bmm(members.transpose(1, 2), row).div_(batch)
    where = members + n_cells * torch.arange(replicates, device=row.device)[:, None]
    table = row.new_zeros(replicates * n_cells, width)
    table.index_add_(0, where.flatten(), row.flatten(0, 1), alpha=1 / batch)
    return table.view(replicates, n_cells, width)


def _to_rows(members: Tensor, by_cell: Tensor, weights: Tensor | None) -> Tensor:
    # The other way: what a row gets of what belongs to the cells (r, cells, v), (r, b, v).
    if members.dim() == 3:
        rows = torch.bmm(members, by_cell)
    else:
        rows = by_cell.gather(1, members[..., None].expand(-1, -1, by_cell.shape[-1]))
    rows.div_(rows.shape[1])
    return rows if weights is None else rows.mul_(weights[..., None])


def _rates(table: Tensor, of: FairLoss) -> Tensor:
    # Counted and expected numerators and denominators: (counted top, counted bottom, expected
    # top, expected bottom) x r x c x g, from a table (r, g x label, counted and expected).
    k, replicates, g = of.n_classes, len(table), of.n_groups
    both = table[..., : 2 * k].view(replicates, g, k, 2, k).permute(3, 0, 1, 2, 4).flatten(-2)
    # (counted or expected, r, g, top or bottom x c)
    rates = both @ of._coefficients(table)
    values = rates.view(2, replicates, g, 2, -1).permute(0, 3, 1, 4, 2).flatten(0, 1)
    if not of._with_loss:
        return values
    sums = table[..., 2 * k :].view(replicates, g, k, 2).sum(2).permute(2, 0, 1)
    return torch.cat([values, sums.repeat(2, 1, 1)[:, :, None]], dim=2)


class Violations:
    """Promises as inequalities ``v <= 0`` in the rates, with their gradient in closed form.

    Parameters
    ----------
    parts : list of (Constraint, slice)
        Which components of the rates each is about.
    """

    def __init__(self, parts: list[tuple[Constraint, slice]]) -> None:
        self._parts = parts

    def __call__(self, rates: Tensor) -> Tensor:
        """The violations, shape (..., m), at rates of shape (..., c, g)."""
        if len(self._parts) == 1:
            return self._parts[0][0].violations(rates)
        parts = [one.violations(rates[..., where, :]) for one, where in self._parts]
        return torch.cat(parts, dim=-1)

    def pull_back(self, rates: Tensor, by_violation: Tensor) -> Tensor:
        """The gradient of the violations' sum with weights (..., m), of the shape of the rates."""
        if len(self._parts) == 1:
            return _pull_back(self._parts[0][0], rates, by_violation)
        gradient, start = torch.zeros_like(rates), 0
        for one, where in self._parts:
            of = rates[..., where, :]
            stop = start + one.n_violations_of(of.shape[-2], of.shape[-1])
            gradient[..., where, :] += _pull_back(one, of, by_violation[..., start:stop])
            start = stop
        return gradient


def _pull_back(constraint: Constraint, rates: Tensor, pull: Tensor) -> Tensor:
    # The gradient of (pull * constraint.violations(rates)).sum().
    if constraint.disparity.kind == "worst":
        pull = pull.view_as(rates)
        return pull if constraint.sense == "<=" else -pull
    highest = rates.argmax(-1, keepdim=True)
    if constraint.disparity.kind == "ratio":
        pull = pull.view_as(rates)
        return (-pull).scatter_add_(-1, highest, constraint.bound * pull.sum(-1, keepdim=True))
    above, below = pull.view(*rates.shape[:-2], 2, *rates.shape[-2:]).unbind(-3)
    gradient = above - below
    middle = gradient.sum(-1, keepdim=True).mul_(-0.5)
    gradient.scatter_add_(-1, highest, middle)
    return gradient.scatter_add_(-1, rates.argmin(-1, keepdim=True), middle)
