"""Training under a promise, as the objective and constraints of a mini-batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from equipoise.constraints import Constraint
from equipoise.groups import Groups
from equipoise.optim.constrained import Ratios

# Up to so many entries the membership of rows in (group, label) cells is kept as a matrix, whose
# product with a batch is several times faster than adding its rows up one by one.
_DENSE_CELLS = 2**25


@dataclass(frozen=True)
class Rows:
    """Labelled rows as tensors.

    Attributes
    ----------
    features : Tensor, shape (n, d)
    label : Tensor of int64, shape (n,)
        Class codes from 0 to k - 1.
    weights : Tensor, shape (n,), or None
        Scaled to mean 1.
    groups : Groups or None
    weigh_rates : bool
        Whether weights count in the rates of a promise too, and not in the loss alone.
    """

    features: Tensor
    label: Tensor
    weights: Tensor | None
    groups: Groups | None
    weigh_rates: bool = True

    @classmethod
    def of(
        cls,
        features: NDArray[np.floating],
        label: NDArray[np.integer],
        groups: Groups | None = None,
        weights: NDArray[np.float64] | None = None,
        *,
        weigh_rates: bool = True,
        dtype: torch.dtype = torch.float32,
        device: str = "cpu",
    ) -> Rows:
        """Move arrays to a device.

        Parameters
        ----------
        features : ndarray, shape (n, d)
        label : ndarray of int, shape (n,)
        groups : Groups of n rows, optional
        weights : ndarray, shape (n,), optional
        weigh_rates : bool
        dtype : torch.dtype
        device : str

        Returns
        -------
        Rows

        Raises
        ------
        ValueError
            If the lengths differ.
        """
        lengths = {"features": len(features), "label": len(label)}
        lengths |= {} if groups is None else {"groups": groups.n_rows}
        lengths |= {} if weights is None else {"weights": len(weights)}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"the numbers of rows differ: {lengths}.")
        return cls(
            as_tensor(features).to(device, dtype),
            as_tensor(label.astype(np.int64, copy=False)).to(device),
            None if weights is None else as_tensor(weights / weights.mean()).to(device, dtype),
            groups,
            weigh_rates,
        )

    def __len__(self) -> int:
        return len(self.label)


def as_tensor(array: NDArray[Any]) -> Tensor:
    """An array as a tensor, copied if torch could not hold it as it is.

    Parameters
    ----------
    array : ndarray
        It may be read-only, or run backwards.

    Returns
    -------
    Tensor
    """
    return torch.from_numpy(np.require(array, requirements=("C", "W")))


class FairProblem:
    """The loss and the promise on batches of rows, for every replicate of a stacked network.

    The promise is about decisions, which have no gradient. Its value is therefore counted on the
    decisions, and its gradient is that of the same rates on the expected table: the one in which
    a row counts in every prediction's column by the probability it has there.

    Parameters
    ----------
    network : torch.nn.Module
        Maps features (r, b, d) to logits (r, b, k).
    rows : Rows
    n_classes : int
        k.
    constraint : Constraint, optional
        Needs ``rows.groups``.
    """

    def __init__(
        self,
        network: torch.nn.Module,
        rows: Rows,
        n_classes: int,
        constraint: Constraint | None = None,
    ) -> None:
        self.network = network
        self.rows = rows
        self.n_classes = n_classes
        self.constraint = constraint
        if constraint is None:
            return
        if rows.groups is None:
            raise ValueError(f"the constraint {constraint} needs groups; rows has none.")
        device, dtype = rows.features.device, rows.features.dtype
        self._n_groups = len(rows.groups)
        self._joint: Tensor | None = None
        self._membership: Tensor | None = None
        dense = len(rows) * self._n_groups * n_classes <= _DENSE_CELLS
        if rows.groups.codes is not None and not dense:
            self._joint = as_tensor(rows.groups.codes).to(device) * n_classes + rows.label
        else:
            groups = torch.from_numpy(rows.groups.matrix()).to(device, dtype)
            labels = torch.nn.functional.one_hot(rows.label, n_classes).to(dtype)
            self._membership = (groups[:, :, None] * labels[:, None, :]).flatten(1)
        if not constraint.disparity.rate.of_loss:
            cells = np.concatenate(constraint.disparity.rate.cells(n_classes))
            self._cells = as_tensor(cells.reshape(len(cells), -1).T).to(device, dtype)

    @property
    def n_constraints(self) -> int:
        """How many inequalities the promise is, m; 0 without one."""
        if self.constraint is None:
            return 0
        return self.constraint.n_violations(self.n_classes, self._n_groups)

    def __call__(self, rows: Tensor) -> tuple[Tensor, Tensor | Ratios]:
        """Evaluate one batch of each replicate.

        Parameters
        ----------
        rows : Tensor of int64, shape (r, b)
            Row numbers.

        Returns
        -------
        objective : Tensor, shape (r,)
            Mean cross-entropy.
        constraints : Ratios or Tensor
            Over (r, c, g) ratios; an empty tensor (r, 0) without a constraint.
        """
        logits = self.network(self.rows.features[rows])
        label = self.rows.label[rows]
        log_probability = torch.log_softmax(logits, dim=-1)
        loss = -log_probability.gather(-1, label[..., None]).squeeze(-1)
        weights = None if self.rows.weights is None else self.rows.weights[rows]
        objective = (loss if weights is None else loss * weights).mean(-1)
        if self.constraint is None:
            return objective, objective.new_zeros(len(rows), 0)
        if not self.rows.weigh_rates:
            weights = None
        if self.constraint.disparity.rate.of_loss:
            return objective, self._loss_ratios(rows, loss, weights)
        return objective, self._rate_ratios(rows, log_probability, weights)

    def _rate_ratios(self, rows: Tensor, log_probability: Tensor, weights: Tensor | None) -> Ratios:
        assert self.constraint is not None
        soft, k = log_probability.exp(), self.n_classes
        with torch.no_grad():
            hard = torch.zeros_like(soft).scatter_(-1, soft.argmax(-1, keepdim=True), 1)
        both = torch.cat([soft, hard], dim=-1)
        if weights is not None:
            both = both * weights[..., None]
        table = self._by_group_and_label(rows, both).reshape(len(rows), self._n_groups, k, 2, k)
        # (r, g, label, soft or hard, prediction) -> (soft or hard, r, g, label x prediction)
        by_group = table.permute(3, 0, 1, 2, 4).flatten(-2) @ self._cells
        # (soft or hard, r, g, top or bottom x c) -> (soft or hard, top or bottom, r, c, g)
        proxy, statistic = by_group.unflatten(-1, (2, -1)).permute(0, 3, 1, 4, 2)
        return Ratios(statistic.detach(), proxy, self.constraint.violations)

    def _by_group_and_label(self, rows: Tensor, values: Tensor) -> Tensor:
        # Batch means of values (r, b, v) by group and label, (r, g x k, v).
        replicates, batch, width = values.shape
        cells = self._n_groups * self.n_classes
        if self._joint is not None:
            joint = self._joint[rows]
            if replicates > 1:
                joint = joint + cells * torch.arange(replicates, device=joint.device)[:, None]
            table = values.new_zeros(replicates * cells, width)
            table = table.index_add(0, joint.flatten(), values.flatten(0, 1), alpha=1 / batch)
            return table.reshape(replicates, cells, width)
        assert self._membership is not None
        return self._membership[rows].transpose(-1, -2) @ values / batch

    def _loss_ratios(self, rows: Tensor, loss: Tensor, weights: Tensor | None) -> Ratios:
        assert self.constraint is not None
        ones = torch.ones_like(loss) if weights is None else weights
        both = torch.stack([loss * ones, ones], dim=-1)
        by_cell = self._by_group_and_label(rows, both)
        by_group = by_cell.reshape(len(rows), self._n_groups, self.n_classes, 2).sum(-2)
        sums = by_group.permute(2, 0, 1)[:, :, None]
        return Ratios(sums.detach(), sums, self.constraint.violations)
