"""The focal loss, which turns away from rows that are already right."""

from __future__ import annotations

import math

import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from equipoise.learn.imbalance.batch import read_logits, right_class
from equipoise.learn.imbalance.parametric import ParametricCrossEntropy

__all__ = ["FocalLoss"]


class FocalLoss(nn.Module):
    """-w_y (1 - p_y)^gamma log p_y, the mean over rows, Lin et al. 2017 (arXiv 1708.02002), eq. 5.

    p is softmax's probability of the row's own class. It is that of the model: weights multiply the
    loss and have no part in it.

    Parameters
    ----------
    n_classes : int
        K, at least 2.
    gamma : float
        At least 0, which is cross-entropy.
    weight : array-like, shape (K,), optional
        Best of mean 1 over rows, such as ``class_balanced(counts).weight``.

    Raises
    ------
    ValueError
        If gamma is negative, or weights are not positive or not one a class.
    """

    def __init__(
        self, n_classes: int, gamma: float = 2.0, weight: ArrayLike | Tensor | None = None
    ) -> None:
        super().__init__()
        if not 0 <= gamma < math.inf:
            raise ValueError(f"gamma must be at least 0 and finite, not {gamma!r}.")
        self.gamma = gamma
        # One place reads weights.
        self._cross_entropy = ParametricCrossEntropy(n_classes, weight=weight, learn=())

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
        """The loss of each row.

        Parameters
        ----------
        logits : Tensor, shape (b, K)
        label : Tensor of int64, shape (b,)

        Returns
        -------
        Tensor, shape (b,)
        """
        logits = read_logits(logits, self._cross_entropy.n_classes)
        weighted = self._cross_entropy.per_row(logits, label)
        log_probability = right_class(torch.log_softmax(logits, dim=1), label)
        # The derivatives of a power below 1 have no value at 0, which rounding does reach.
        wrong = -torch.expm1(log_probability)
        return wrong.clamp_min(torch.finfo(logits.dtype).eps) ** self.gamma * weighted
