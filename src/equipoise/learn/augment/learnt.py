"""A policy that was searched, in a few readable rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from equipoise.learn.augment.operation import Operation

__all__ = ["LearntOperation", "summarise"]


@dataclass(frozen=True)
class LearntOperation:
    """What one operation came to for one cluster.

    Attributes
    ----------
    cluster : int
    classes : tuple of int
        Those of the cluster.
    operation : str
    uses : float
        How often a row can expect it: the sum over stages, and the mean over sub-policies, of the
        probabilities that it is drawn and done.
    probability : float
        That it is done where it is drawn, the mean over draws.
    amount : float or None
        How much of it, the mean over uses. None where it has no amount.
    unit : str
        Of the amount.
    """

    cluster: int
    classes: tuple[int, ...]
    operation: str
    uses: float
    probability: float
    amount: float | None
    unit: str

    def __str__(self) -> str:
        amount = "" if self.amount is None else f", {self.amount:.3g} {self.unit}"
        return f"cluster {self.cluster}: {self.operation} {self.uses:.3f} times a row{amount}"


def summarise(
    operations: Sequence[Operation],
    cluster_of_class: Sequence[int],
    share: Tensor,
    probability: Tensor,
    magnitude: Tensor,
) -> list[LearntOperation]:
    """Add up what stages and sub-policies do.

    Parameters
    ----------
    operations : sequence of Operation
    cluster_of_class : sequence of int
    share, probability, magnitude : Tensor, shape (K', S, L, operations)

    Returns
    -------
    list of LearntOperation
        By cluster, and within one by how often they happen.
    """
    drawn, done = share.sum((1, 2)), (share * probability).sum((1, 2))
    # A share can underflow to 0.
    tiny = torch.finfo(share.dtype).tiny
    uses, mean_probability = done / share.shape[1], done / drawn.clamp(min=tiny)
    mean_magnitude = (share * probability * magnitude).sum((1, 2)) / done.clamp(min=tiny)
    rows = [
        LearntOperation(
            cluster=cluster,
            classes=tuple(k for k, of in enumerate(cluster_of_class) if of == cluster),
            operation=operation.name,
            uses=uses[cluster, number].item(),
            probability=mean_probability[cluster, number].item(),
            amount=None
            if operation.largest is None
            else mean_magnitude[cluster, number].item() * operation.largest,
            unit=operation.unit,
        )
        for cluster in range(len(share))
        for number, operation in enumerate(operations)
    ]
    return sorted(rows, key=lambda row: (row.cluster, -row.uses))
