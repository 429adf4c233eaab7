"""The loss and the promises on one batch of outputs, ready for a constrained optimizer."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from equipoise.constraints import Constraint
from equipoise.learn.violations import Violations
from equipoise.optim.constrained import Ratios

_HALF = (torch.float16, torch.bfloat16)
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
        Promises, all about the same groups; an empty sequence is plain cross-entropy.
    n_groups : int
        g; at least 2 where groups are compared.
    n_classes : int
        k; at least 2.

    Attributes
    ----------
    violations : Violations
        Rates (..., c, g) of all promises, those of the loss last, to inequalities (..., m).

    Raises
    ------
    ValueError
        If a constraint cannot be read, or there are too few groups or classes.

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
        compares = any(one.disparity.kind != "worst" for one in self.constraints)
        fewest = 2 if compares else min(1, len(self.constraints))
        self.n_groups = n_groups = _at_least(fewest, "n_groups", n_groups)
        self.n_classes = n_classes = _at_least(2, "n_classes", n_classes)
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
            ... is nothing or one axis of replicates, r. What is in half precision is computed
            in single.
        label : Tensor of int64, shape (..., b)
            From 0 to k - 1.
        groups : Tensor
            Codes (..., b) of disjoint groups, of int64 and from 0 to g - 1; or a membership
            matrix (..., b, g). Not looked at where nothing is promised.
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

        Raises
        ------
        ValueError
            If shapes or types are wrong, or a label or code is out of its range.
        """
        if logits.dtype in _HALF:
            logits = logits.float()
        if logits.dim() == 1:
            logits = torch.stack([torch.zeros_like(logits), logits], dim=-1)
        weights = None if weights is None else weights.to(logits.dtype)
        rate_weights = None if rate_weights is None else rate_weights.to(logits.dtype)
        self._require_shapes(logits, label, groups, weights, rate_weights)
        if not self.constraints:
            objective = self._cross_entropy(logits, label, weights)
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
        )
        tables = _SmallTables if small else _Tables
        objective, values, proxy = tables.apply(logits, label, groups, weights, rate_weights, self)
        if single:
            objective, values, proxy = objective[0], values[:, 0], proxy[:, 0]
        return objective, Ratios(values[:2], proxy, self.violations, values)

    def _cross_entropy(self, logits: Tensor, label: Tensor, weights: Tensor | None) -> Tensor:
        if label.device.type != "cpu":
            self._require_codes(label)
        log_probability = torch.log_softmax(logits, dim=-1)
        try:
            # On the CPU this looks at each label itself; torch's own loss would pass some over.
            right = log_probability.gather(-1, label[..., None])
        except RuntimeError:
            self._require_codes(label)
            raise
        return (right if weights is None else right * weights[..., None]).mean((-2, -1)).neg()

    def _require_shapes(
        self,
        logits: Tensor,
        label: Tensor,
        groups: Tensor,
        weights: Tensor | None,
        rate_weights: Tensor | None,
    ) -> None:
        shape = logits.shape[:-1]
        if logits.dim() > 3 or logits.shape[-1] != self.n_classes or not logits.is_floating_point():
            raise ValueError(
                f"logits must be floating-point of shape (b, {self.n_classes}) or "
                f"(r, b, {self.n_classes}), one a class, or (b,) for one of two classes, not "
                f"{_described(logits)}."
            )
        if not logits.numel():
            raise ValueError(f"a batch needs a row, but logits are {_described(logits)}.")
        if label.shape != shape or label.dtype != torch.int64:
            raise ValueError(
                f"label must be int64 of shape {tuple(shape)}, one a row of the logits, not "
                f"{_described(label)}."
            )
        for name, given in (("weights", weights), ("rate_weights", rate_weights)):
            if given is not None and given.shape != shape:
                raise ValueError(
                    f"{name} must have shape {tuple(shape)}, one a row of the logits, not "
                    f"{tuple(given.shape)}."
                )
        if not self.constraints:
            return
        coded = groups.shape == shape and groups.dtype == torch.int64
        if not coded and groups.shape != (*shape, self.n_groups):
            raise ValueError(
                f"groups must be int64 codes of shape {tuple(shape)}, or a membership matrix of "
                f"shape {(*shape, self.n_groups)}, not {_described(groups)}."
            )

    def _require_codes(self, label: Tensor, codes: Tensor | None = None) -> None:
        # Torch notices some of them, some only after it has counted them for another group, and
        # on a GPU they end the process.
        for name, given, most in (
            ("label", label, self.n_classes),
            ("groups", codes, self.n_groups),
        ):
            if given is not None and _outside(given, most):
                raise ValueError(
                    f"{name} must lie in 0..{most - 1}, but ranges from {int(given.min())} to "
                    f"{int(given.max())}."
                )

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
        of._require_codes(label, groups if groups.dim() == label.dim() else None)
        log_probability = torch.log_softmax(logits, dim=-1)
        soft = log_probability.exp()
        right = label[..., None]
        loss = log_probability.gather(-1, right).squeeze(-1).neg_()
        objective = (loss if weights is None else loss * weights).mean(-1)
        members = of._members(label, groups, soft)
        # Probabilities may be equal where logits are not.
        hard = torch.zeros_like(soft).scatter_(-1, logits.argmax(-1, keepdim=True), 1)
        row = [hard, soft]
        if of._with_loss:
            row += [loss[..., None], torch.ones_like(soft[..., :1])]
        held = torch.cat(row, dim=-1)
        if rate_weights is not None:
            held.mul_(rate_weights[..., None])
        ctx.of = of
        ctx.save_for_backward(soft, right, members, weights, rate_weights)
        with _uncast(logits):
            values = _rates(_by_cell(members, held, of.n_groups * of.n_classes), of)
        ctx.mark_non_differentiable(values)
        return objective, values, values[2:].clone()

    @staticmethod
    def backward(
        ctx: Any, by_objective: Tensor, _: Tensor, by_proxy: Tensor
    ) -> tuple[Tensor | None, ...]:
        _require_first_derivative()
        with _uncast(by_proxy):
            gradient = _to_logits(ctx.of, ctx.saved_tensors, by_objective, by_proxy)
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

        # Compiled code is made anew for each kind of memory layout.
        of_logits = logits.detach().contiguous().numpy()
        nothing = np.empty((0, 0), of_logits.dtype)
        weigh = (
            nothing if weights is None else weights.contiguous().numpy(),
            nothing if rate_weights is None else rate_weights.contiguous().numpy(),
        )
        objective = logits.new_empty(len(logits))
        n_components = of._n_counted + of._with_loss
        values = logits.new_empty(4, len(logits), n_components, of.n_groups)
        soft, cells = np.empty_like(of_logits), np.empty((2, *label.shape), np.int64)
        wrong = tabulate(
            of_logits,
            label.contiguous().numpy(),
            groups.contiguous().numpy(),
            *weigh,
            *of._kernel_cells,
            of._with_loss,
            objective.numpy(),
            values.numpy(),
            soft,
            cells,
        )
        if wrong >= 0:
            of._require_codes(label, groups)
        ctx.of = of
        ctx.seen = (soft, cells, *weigh, *of._kernel_cells, of._with_loss)
        ctx.mark_non_differentiable(values)
        return objective, values, values[2:].clone()

    @staticmethod
    def backward(
        ctx: Any, by_objective: Tensor, _: Tensor, by_proxy: Tensor
    ) -> tuple[Tensor | None, ...]:
        from equipoise.learn.batch_kernels import pull_back

        _require_first_derivative()
        try:
            pulls = by_objective.contiguous().numpy(), by_proxy.contiguous().numpy()
        except RuntimeError:  # several gradients at once, which no array stands for
            soft, cells, *weights = map(torch.from_numpy, ctx.seen[:4])
            some = [w if w.numel() else None for w in weights]
            seen = (soft, cells[0, ..., None], ctx.of._members(*cells, soft), *some)
            with _uncast(by_proxy):
                gradient = _to_logits(ctx.of, seen, by_objective, by_proxy)
            return gradient, None, None, None, None, None
        gradient = by_proxy.new_empty(ctx.seen[0].shape)
        pull_back(*pulls, *ctx.seen, gradient.numpy())
        return gradient, None, None, None, None, None


def _outside(codes: Tensor, most: int) -> bool:
    if codes.device.type == "cpu":
        from equipoise.learn.batch_kernels import outside

        return outside(codes.contiguous().view(-1).numpy(), most)
    low, high = torch.stack(torch.aminmax(codes)).tolist()  # waiting only once
    return low < 0 or high >= most


def _require_first_derivative() -> None:
    # The gradient is no function of the logits that autograd knows of: its own gradient would
    # silently be short of a term.
    if torch.is_grad_enabled():
        raise RuntimeError("FairLoss is differentiated once: leave out create_graph=True.")


def _uncast(like: Tensor) -> torch.autocast:
    # Counts in half precision would be wrong in the third digit.
    return torch.autocast(like.device.type, enabled=False)


def _at_least(fewest: int, name: str, given: int) -> int:
    try:
        whole = operator.index(given)
    except TypeError:
        whole = -1
    if whole < fewest:
        raise ValueError(f"{name} must be a whole number of at least {fewest}, not {given!r}.")
    return whole


def _described(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} of shape {tuple(tensor.shape)}"


def _to_logits(of: FairLoss, seen: Sequence[Any], by_objective: Tensor, by_proxy: Tensor) -> Tensor:
    # The gradient with respect to the logits. It may be asked for of many sums at once, and so
    # nothing is done in place to what does not come of the two gradients it starts from.
    soft, right, members, weights, rate_weights = seen
    # What a unit of each row's loss counts, in the objective and in the groups' losses.
    by_loss = (by_objective if weights is None else by_objective[:, None] * weights) / len(soft[0])
    by_loss = by_loss.view(len(soft), -1, 1)
    gradient = None
    if of._n_counted:
        # (top or bottom, r, c, g) -> (r, g, top or bottom x c) -> (r, g x label, prediction)
        each = by_proxy[:, :, : of._n_counted] if of._with_loss else by_proxy
        each = each.permute(1, 3, 0, 2).reshape(len(soft), of.n_groups, -1)
        by_cell = (each @ of._coefficients(soft).T).reshape(len(soft), -1, of.n_classes)
        by_row = _to_rows(members, by_cell, rate_weights)
        gradient = soft * (by_row - (by_row * soft).sum(-1, keepdim=True))
    if of._with_loss:
        of_group = by_proxy[0, :, -1].repeat_interleave(of.n_classes, dim=-1)[..., None]
        by_loss = by_loss + _to_rows(members, of_group, rate_weights)
    pull = soft * by_loss
    pull.scatter_add_(-1, right, -by_loss.expand_as(right))
    return pull if gradient is None else pull + gradient


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
