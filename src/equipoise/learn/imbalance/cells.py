"""Mean losses of cells, of class or of class and group, as a summary that can be merged."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from equipoise.learn.imbalance.batch import read_logits, require_codes, right_class

__all__ = ["CellLosses"]


@dataclass(frozen=True)
class CellLosses:
    """Summed cross-entropy and number of rows of each class, or of each class in each group.

    Rows may have weights: a row of weight 2 is then two rows.

    What is fair in the mean need not look so in a small batch: the mean of an absolute difference
    is larger than the absolute difference of the means. So batches are merged first, and judged
    then. A cell without rows has no loss and is left out of every figure.

    Attributes
    ----------
    total : Tensor, shape (K, G)
        With its gradient; G is 1 without groups.
    count : Tensor, shape (K, G)
    """

    total: Tensor
    count: Tensor

    @classmethod
    def of(
        cls,
        logits: Tensor,
        label: Tensor,
        group: Tensor | None = None,
        n_groups: int | None = None,
        weights: Tensor | None = None,
    ) -> CellLosses:
        """Sum up a batch.

        Parameters
        ----------
        logits : Tensor, shape (b, K)
            What is in half precision is summed in single.
        label : Tensor of int64, shape (b,)
        group : Tensor of int64, shape (b,), optional
        n_groups : int, optional
            G; of the batch if it is not given. Batches to be merged need the same.
        weights : Tensor, shape (b,), optional
            What each row counts, from 0 up.

        Returns
        -------
        CellLosses

        Raises
        ------
        ValueError
            If shapes or types are wrong, or a code is out of its range.
        """
        logits = read_logits(logits)
        n_rows, n_classes = logits.shape
        require_codes("label", label, n_rows, n_classes)
        if group is None:
            if n_groups is not None:
                raise ValueError(f"n_groups is {n_groups}, but group is not given.")
            cell, n_groups = label, 1
        else:
            require_codes("group", group, n_rows, n_groups)
            n_groups = int(group.max()) + 1 if n_groups is None else n_groups
            cell = label * n_groups + group
        losses = -right_class(torch.log_softmax(logits, dim=1), label)
        if weights is not None:
            _require_weights(weights, n_rows)
            weights = weights.to(losses.dtype)
            losses = losses * weights
        total = losses.new_zeros(n_classes * n_groups).index_add(0, cell, losses)
        count = torch.bincount(cell, weights, n_classes * n_groups).to(losses.dtype)
        return cls(total.view(n_classes, n_groups), count.view(n_classes, n_groups))

    def merge(self, other: CellLosses) -> CellLosses:
        """The cells of both together.

        Parameters
        ----------
        other : CellLosses

        Returns
        -------
        CellLosses

        Raises
        ------
        ValueError
            If the numbers of classes or groups differ.
        """
        if other.total.shape != self.total.shape:
            raise ValueError(
                f"cells of shape {tuple(self.total.shape)} and {tuple(other.total.shape)} cannot "
                "be merged: give n_groups to both."
            )
        return CellLosses(self.total + other.total, self.count + other.count)

    @property
    def means(self) -> Tensor:
        """Mean loss of each cell, shape (K, G); 0, without gradient, where there is no row."""
        return self.total / torch.where(self.count > 0, self.count, 1)

    def mean(self) -> Tensor:
        """Mean loss of all rows, the ordinary cross-entropy.

        Returns
        -------
        Tensor, shape ()
        """
        return self.total.sum() / self.count.sum()

    def balanced(self) -> Tensor:
        """Mean of the cells' mean losses: every cell counts the same.

        Returns
        -------
        Tensor, shape ()
        """
        return self.means.sum() / (self.count > 0).sum()

    def worst(self, temperature: float = 0.0) -> Tensor:
        """Mean loss of the cell that is worst off.

        Parameters
        ----------
        temperature : float
            T, in nats. T log of the mean over cells of exp(loss / T) is a smooth figure between
            :meth:`balanced`, for large T, and the largest loss, at 0. Only that of 0 has all its
            gradient in one cell.

        Returns
        -------
        Tensor, shape ()

        Raises
        ------
        ValueError
            If the temperature is negative.
        """
        if not 0 <= temperature < math.inf:
            raise ValueError(f"temperature must be at least 0 and finite, not {temperature!r}.")
        present = self.means[self.count > 0]
        if temperature == 0:
            return present.max()
        return temperature * (
            torch.logsumexp(present / temperature, dim=0) - math.log(len(present))
        )

    def equalized_odds(self) -> Tensor:
        r"""How far the losses of groups are apart within each class, summed over classes.

        Of each class the mean over pairs of groups of ``|L_kg - L_kh|``. With two classes and two
        groups this is the symmetric difference of equalized odds of Li et al. 2021 (arXiv
        2201.01212), section 4, ``|L_+1 - L_+2| + |L_-1 - L_-2|``. A class that fewer than two
        groups have rows of adds nothing. A constant prediction makes it 0 too, so blend it with
        the cross-entropy.

        Returns
        -------
        Tensor, shape ()

        Raises
        ------
        ValueError
            If there is one group.
        """
        n_groups = self.total.shape[1]
        if n_groups < 2:
            raise ValueError("equalized odds compare groups, and there is one.")
        first, second = torch.triu_indices(n_groups, n_groups, 1, device=self.total.device)
        both = ((self.count[:, first] > 0) & (self.count[:, second] > 0)).to(self.total.dtype)
        apart = (self.means[:, first] - self.means[:, second]).abs() * both
        return (apart.sum(1) / both.sum(1).clamp_min(1)).sum()


def _require_weights(weights: Tensor, n_rows: int) -> None:
    if weights.shape != (n_rows,):
        raise ValueError(
            f"weights must have shape ({n_rows},), one for each row, not {tuple(weights.shape)}."
        )
    if not bool((weights >= 0).all()):
        raise ValueError("weights must be numbers from 0 up, but some are negative or NaN.")
