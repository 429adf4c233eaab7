"""Errors and tables of groups as linear functions of the share of each row that is selected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from equipoise.learn.problem import Rows, as_tensor


@dataclass(frozen=True, eq=False)
class Shares:
    """What follows from the share, between 0 and 1, in which each row is selected.

    A share of 0 or 1 is a decision, and then error and tables are exact; that of a classifier with
    noise on its coefficients lies between. Rows are in an order of their own, by group and label,
    so that sums by cell are sums of slices.

    Attributes
    ----------
    order : ndarray of int, shape (n,)
        Which row stands where.
    blame : Tensor of float64, shape (n,)
        What selecting a row adds to the error.
    base : float
        The error if nobody is selected.
    weight : Tensor of float64, shape (n,)
        What rows count in tables.
    lengths : list of int, length 2 p
        Rows of each pattern of groups and label.
    total : ndarray, shape (p, 2)
        What they count together.
    members : ndarray, shape (p, g)
        To which groups patterns belong; none where rows have no groups.
    """

    order: NDArray[np.int64]
    blame: Tensor
    base: float
    weight: Tensor
    lengths: list[int]
    total: NDArray[np.float64]
    members: NDArray[np.float64]

    @classmethod
    def of(cls, rows: Rows, counts: NDArray[np.float64]) -> Self:
        """Of labelled rows.

        Parameters
        ----------
        rows : Rows
            Of two classes.
        counts : ndarray, shape (n,)
            For how many rows each stands.

        Returns
        -------
        Shares
        """
        cell = rows.cells(2)
        patterns = np.zeros((1, 0)) if rows.groups is None else rows.groups.patterns()[1]
        order = np.argsort(cell, kind="stable")
        label = rows.label.cpu().numpy()[order]
        in_loss = in_rates = counts[order]
        if rows.weights is not None:
            in_loss = counts[order] * rows.weights.double().cpu().numpy()[order]
            in_rates = in_loss if rows.weigh_rates else in_rates
        n_cells = 2 * len(patterns)
        device = rows.features.device
        return cls(
            order,
            as_tensor(np.where(label == 1, -in_loss, in_loss) / in_loss.sum()).to(device),
            float(in_loss[label == 1].sum() / in_loss.sum()),
            as_tensor(in_rates.astype(np.float64)).to(device),
            np.bincount(cell, minlength=n_cells).tolist(),
            np.bincount(cell[order], in_rates, n_cells).astype(np.float64).reshape(-1, 2),
            patterns.astype(np.float64),
        )

    def error(self, share: Tensor) -> NDArray[np.float64]:
        """The share of rows, by their weights in the loss, that are decided wrongly.

        Parameters
        ----------
        share : Tensor of float64, shape (k, n)

        Returns
        -------
        ndarray, shape (k,)
        """
        return self.base + (share @ self.blame).cpu().numpy()

    def tables(self, share: Tensor) -> NDArray[np.float64]:
        """Rows of each group by label and decision.

        Parameters
        ----------
        share : Tensor of float64, shape (k, n)

        Returns
        -------
        ndarray, shape (k, g, 2, 2)
        """
        parts = [part.sum(dim=1) for part in (share * self.weight).split(self.lengths, dim=1)]
        selected = torch.stack(parts, dim=1).cpu().numpy().reshape(len(share), -1, 2)
        by_pattern = np.stack([self.total - selected, selected], axis=-1)
        return np.einsum("kpyd,pg->kgyd", by_pattern, self.members)

    def of_rows(self, slope: NDArray[np.float64]) -> Tensor:
        """From what tables do to a function, what shares do to it.

        Parameters
        ----------
        slope : ndarray, shape (k, g, 2, 2)
            Derivative by the tables.

        Returns
        -------
        Tensor of float64, shape (k, n)
        """
        by_group = slope[..., 1] - slope[..., 0]
        by_cell = np.einsum("kgy,pg->kpy", by_group, self.members).reshape(len(slope), -1)
        lengths = torch.tensor(self.lengths, device=self.weight.device)
        of_cells = as_tensor(by_cell).to(self.weight.device)
        return of_cells.repeat_interleave(lengths, dim=1) * self.weight
