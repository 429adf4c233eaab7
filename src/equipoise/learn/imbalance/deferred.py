"""Deferred re-weighting: learn features from all rows alike, then let rare classes count more."""

from __future__ import annotations

from typing import Any, Protocol

from torch import Tensor, nn

from equipoise.learn.imbalance.batch import require_codes
from equipoise.learn.imbalance.counts import effective_number, read_counts, weights_from

__all__ = ["DeferredReweighting"]


class _RowLoss(Protocol):
    def per_row(self, logits: Tensor, label: Tensor) -> Tensor: ...


class DeferredReweighting(nn.Module):
    """A loss that weights classes from some epoch on, Cao et al. 2019 (arXiv 1906.07413), alg. 1.

    Before it all rows count the same; then w_y is proportional to (1 - beta) / (1 - beta^n_y), with
    mean 1 over rows. Algorithm 1 prints weights 1 / n_y, which is beta = 1; the authors' code takes
    effective numbers.

    Parameters
    ----------
    loss : LDAM, FocalLoss or ParametricCrossEntropy
        What has a method ``per_row`` of logits and labels.
    counts : array-like, shape (K,)
        Training rows of each class.
    start : int
        First epoch, counted from 0, in which weights hold.
    beta : float
        From 0 to 1.

    Attributes
    ----------
    epoch : int
        To be set at the start of each epoch, and after a resume; 0 at first.

    Raises
    ------
    ValueError
        If a class has no rows, or start or beta is out of its range.
    """

    weight: Tensor

    def __init__(self, loss: _RowLoss, counts: Any, start: int, beta: float = 0.9999) -> None:
        super().__init__()
        if start < 0:
            raise ValueError(f"start must be an epoch, at least 0, not {start!r}.")
        rows = read_counts(counts, axes=1)
        self.loss = loss
        self.start = start
        self.epoch = 0
        self.register_buffer("weight", weights_from(1 / effective_number(rows, beta), rows))

    def forward(self, logits: Tensor, label: Tensor) -> Tensor:
        """Mean over the rows of a batch.

        Parameters
        ----------
        logits : Tensor, shape (b, K)
        label : Tensor of int64, shape (b,)

        Returns
        -------
        Tensor, shape ()
        """
        return self.per_row(logits, label).mean()

    def per_row(self, logits: Tensor, label: Tensor) -> Tensor:
        """The loss of each row, weighted where it is time.

        Parameters
        ----------
        logits : Tensor, shape (b, K)
        label : Tensor of int64, shape (b,)

        Returns
        -------
        Tensor, shape (b,)
        """
        losses = self.loss.per_row(logits, label)
        if self.epoch < self.start:
            return losses
        require_codes("label", label, len(losses), len(self.weight))
        return losses * self.weight.to(losses.dtype)[label]
