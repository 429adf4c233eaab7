"""A disparity that is followed during training, as torchmetrics has its metrics.

It needs torchmetrics (``pip install 'equipoise[torchmetrics]'``), and is not loaded unless it is
asked for by its module.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from equipoise.audit.counts import Counts
from equipoise.audit.result import Audit
from equipoise.constraints import Disparity

try:
    from torchmetrics import Metric
except ImportError as error:
    raise ImportError(
        "DisparityMetric is a metric of torchmetrics, which is not installed: "
        "pip install 'equipoise[torchmetrics]'"
    ) from error


class DisparityMetric(Metric):
    """A disparity over all batches so far, and over all processes.

    What it keeps is how many rows have each group, label and decision: a sum, which processes add
    up. A batch in which some group is absent is counted as it is, and groups keep their numbers.

    Parameters
    ----------
    disparity : str or Disparity
        Such as ``gap("true_positive")``; not of losses.
    groups : int or sequence of str
        How many there are, or their names, in the order of their numbers.
    n_classes : int
        k.
    **kwargs
        Of :class:`torchmetrics.Metric`, such as ``sync_on_compute``.

    Examples
    --------
    >>> import torch
    >>> metric = DisparityMetric('gap("selection")', groups=["f", "m"])
    >>> metric.update(torch.tensor([1, 0]), torch.tensor([1, 1]), torch.tensor([0, 0]))
    >>> metric.update(torch.tensor([1, 1]), torch.tensor([1, 0]), torch.tensor([1, 1]))
    >>> metric.compute()
    tensor(0.5000, dtype=torch.float64)
    """

    is_differentiable = False
    full_state_update = False
    higher_is_better = None  # as the disparity has it
    table: Tensor

    def __init__(
        self,
        disparity: str | Disparity,
        groups: int | Sequence[str],
        n_classes: int = 2,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.disparity = Disparity.parse(disparity)
        if self.disparity.rate.of_loss:
            raise ValueError(f"{self.disparity} is about losses, of which decisions tell nothing.")
        if isinstance(groups, int | np.integer):
            groups = [str(g) for g in range(int(groups))]
        names = list(groups)
        if not names or len(set(names)) < len(names):
            raise ValueError(f"groups must be names that differ, or how many, not {groups!r}.")
        if n_classes < 2:
            raise ValueError(f"n_classes must be at least 2, not {n_classes}.")
        self.groups = tuple(names)
        self.n_classes = n_classes
        empty = torch.zeros(len(names), n_classes, n_classes, dtype=torch.int64)
        self.add_state("table", empty, dist_reduce_fx="sum")

    def update(self, preds: Tensor, target: Tensor, groups: Tensor) -> None:
        """Count a batch.

        Parameters
        ----------
        preds : Tensor, shape (n,) or (n, k)
            Decisions as whole numbers; probabilities of the positive class of two, which is
            decided from 0.5 on; or a score of each class, of which the highest is decided.
        target : Tensor of int, shape (n,)
        groups : Tensor of int, shape (n,)
            The number of each row's group.

        Raises
        ------
        ValueError
            If lengths differ, a number is none of a group or class, or a probability none.
        """
        decided = self._decided(preds)
        sizes = {"preds": self.n_classes, "target": self.n_classes, "groups": len(self.groups)}
        for (name, size), codes in zip(sizes.items(), (decided, target, groups), strict=True):
            if codes.dim() != 1 or len(codes) != len(decided):
                raise ValueError(
                    f"{name} must have one entry a row, shape ({len(decided)},), not "
                    f"{tuple(codes.shape)}."
                )
            if codes.is_floating_point():
                raise ValueError(f"{name} must hold whole numbers, not {codes.dtype}.")
            if len(codes) and not 0 <= int(codes.min()) <= int(codes.max()) < size:
                raise ValueError(
                    f"{name} must lie in 0..{size - 1}, but ranges from {int(codes.min())} to "
                    f"{int(codes.max())}."
                )
        k = self.n_classes
        joint = (groups.long() * k + target.long()) * k + decided
        self.table += torch.bincount(joint, minlength=self.table.numel()).view_as(self.table)

    def _decided(self, preds: Tensor) -> Tensor:
        if preds.dim() == 2 and preds.is_floating_point():
            if preds.shape[1] != self.n_classes:
                raise ValueError(
                    f"preds has scores of {preds.shape[1]} classes, but there are {self.n_classes}."
                )
            if torch.isnan(preds).any():
                raise ValueError("preds has NaN, which is no score.")
            return preds.argmax(1)
        if not preds.is_floating_point():
            return preds.long()
        if self.n_classes > 2:
            raise ValueError("preds must be decisions, or a score of each class, not one a row.")
        if len(preds) and not (float(preds.min()) >= 0 and float(preds.max()) <= 1):
            raise ValueError(
                "preds must be probabilities between 0 and 1, or decisions as whole numbers; of "
                "logits take torch.sigmoid."
            )
        return (preds >= 0.5).long()

    def compute(self) -> Tensor:
        """The disparity of all rows counted; NaN where a group's rate is undefined.

        Returns
        -------
        Tensor of float64, shape ()
        """
        rates = self.disparity.rate.values(self.table.cpu().numpy())
        value = float(self.disparity.value(rates))
        return torch.tensor(value, dtype=torch.float64, device=self.table.device)

    def audit(self, confidence: float = 0.95) -> Audit:
        """The audit of all rows counted in this process.

        Parameters
        ----------
        confidence : float

        Returns
        -------
        Audit
        """
        members = np.eye(len(self.groups), dtype=bool)
        table = self.table.cpu().numpy()
        return Audit(Counts(self.groups, tuple(range(self.n_classes)), members, table), confidence)
