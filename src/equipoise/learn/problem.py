"""Training under a promise, as the objective and constraints of a mini-batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from equipoise.constraints import Constraint
from equipoise.groups import Groups
from equipoise.learn.fair_loss import FairLoss
from equipoise.learn.network import StackedMLP
from equipoise.learn.strata import spread_rows
from equipoise.noise import NoisyGroups
from equipoise.optim.constrained import Ratios

# A look at so many rows costs what a few dozen steps do.
_MOST_ROWS = 2**15
_BLOCK = 2**13


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
        Of noisy groups those that are observed.
    weigh_rates : bool
        Whether weights count in the rates of a promise too, and not in the loss alone.
    noisy : NoisyGroups or None
        Where the observed groups have errors: a promise is then about the true ones.
    """

    features: Tensor
    label: Tensor
    weights: Tensor | None
    groups: Groups | None
    weigh_rates: bool = True
    noisy: NoisyGroups | None = None

    @classmethod
    def of(
        cls,
        features: NDArray[np.floating],
        label: NDArray[np.integer],
        groups: Groups | NoisyGroups | None = None,
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
        groups : Groups or NoisyGroups of n rows, optional
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
        noisy = groups if isinstance(groups, NoisyGroups) else None
        return cls(
            as_tensor(features).to(device, dtype),
            as_tensor(label.astype(np.int64, copy=False)).to(device),
            None if weights is None else as_tensor(weights / weights.mean()).to(device, dtype),
            groups.observed if isinstance(groups, NoisyGroups) else groups,
            weigh_rates,
            noisy,
        )

    def __len__(self) -> int:
        return len(self.label)

    @property
    def members(self) -> Groups | NoisyGroups | None:
        """The groups that a promise is about."""
        return self.groups if self.noisy is None else self.noisy

    def cells(self, n_classes: int) -> NDArray[np.int64]:
        """The class of each row or, where there are groups, its groups and class.

        Parameters
        ----------
        n_classes : int
            k.

        Returns
        -------
        ndarray of int, shape (n,)
            The number of the pattern of groups times k, plus the class.
        """
        label = np.asarray(self.label.cpu().numpy())
        return label if self.groups is None else self.groups.patterns()[0] * n_classes + label

    def take(self, rows: NDArray[np.int64]) -> Rows:
        """Some of the rows.

        Parameters
        ----------
        rows : ndarray of int
            Their numbers.

        Returns
        -------
        Rows
            With weights of mean 1 again.
        """
        some = as_tensor(rows).to(self.label.device)
        weights = None if self.weights is None else self.weights[some]
        return Rows(
            self.features[some],
            self.label[some],
            None if weights is None else weights / weights.mean(),
            None if self.groups is None else self.groups.take(rows),
            self.weigh_rates,
            None if self.noisy is None else self.noisy.take(rows),
        )


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
    """The loss and the promises on batches of rows, for every replicate of a stacked network.

    Parameters
    ----------
    network : StackedMLP
        Maps features (r, b, d) to logits (r, b, k).
    rows : Rows
    n_classes : int
        k.
    constraints : sequence of Constraint
        They need ``rows.groups``.
    importance : ndarray, shape (n,), optional
        What each row counts when it is drawn, where some are drawn more often than others.
    """

    def __init__(
        self,
        network: StackedMLP,
        rows: Rows,
        n_classes: int,
        constraints: Sequence[Constraint] = (),
        importance: NDArray[np.float64] | None = None,
    ) -> None:
        self.network = network
        self.rows = rows
        self.n_classes = n_classes
        n_groups = 0
        self._groups: Tensor | None = None
        if constraints:
            if rows.groups is None:
                raise ValueError(f"the constraint {constraints[0]} needs groups; rows has none.")
            n_groups = len(rows.groups)
            belongs = rows.groups.codes
            if rows.noisy is not None:
                belongs = rows.noisy.matrix().astype(np.float32)
            elif belongs is None:
                belongs = rows.groups.matrix().astype(np.float32)
            self._groups = as_tensor(belongs).to(rows.features.device)
        self.fair_loss = FairLoss(constraints, n_groups, n_classes)
        self._weights = self._rate_weights = rows.weights
        if not rows.weigh_rates:
            self._rate_weights = None
        if importance is not None:
            counts = as_tensor(importance).to(rows.features.device, rows.features.dtype)
            self._weights = counts if rows.weights is None else counts * rows.weights
            self._rate_weights = self._weights if rows.weigh_rates else counts

    @property
    def n_constraints(self) -> int:
        """How many inequalities the promises are, m; 0 without any."""
        return self.fair_loss.n_constraints

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
        weights = None if self._weights is None else self._weights[rows]
        rate_weights = weights
        if self._rate_weights is not self._weights:
            rate_weights = None if self._rate_weights is None else self._rate_weights[rows]
        return self.fair_loss(
            self.network(self.rows.features[rows]),
            self.rows.label[rows],
            rows if self._groups is None else self._groups[rows],
            weights,
            rate_weights,
        )

    @property
    def loss_weights(self) -> Tensor | None:
        """What each row counts in the loss, shape (n,); None where all count 1."""
        return self._weights

    @torch.no_grad()
    def everything(self) -> tuple[Tensor, Tensor | Ratios]:
        """Evaluate all rows, each once, or of a large table so many that it stays cheap.

        Returns
        -------
        objective : Tensor, shape (r,)
        constraints : Ratios or Tensor
            As for a batch, without gradient. Of a stratum that is not looked at whole, evenly
            spaced rows stand for the others.
        """
        rows, counts = self._sample
        loss, averages, function = None, None, None
        for some, count in zip(rows.split(_BLOCK), counts.split(_BLOCK), strict=True):
            logits = self.network(self.rows.features[some])
            every = some.expand(len(logits), -1)
            own = count.expand(len(logits), -1)
            weights = own if self.rows.weights is None else own * self.rows.weights[every]
            part, seen = self.fair_loss(
                logits,
                self.rows.label[every],
                every if self._groups is None else self._groups[every],
                weights,
                weights if self.rows.weigh_rates else own,
            )
            share = len(some) / len(rows)
            loss = part * share if loss is None else loss + part * share
            if isinstance(seen, Ratios):
                values, function = seen.values * share, seen.function
                averages = values if averages is None else averages + values
        assert loss is not None
        if averages is None or function is None:
            return loss, loss.new_zeros(len(loss), 0)
        return loss, Ratios(averages[:2], averages[2:], function, averages)

    @property
    def n_looked_at(self) -> int:
        """How many rows :meth:`everything` evaluates."""
        return min(len(self.rows), _MOST_ROWS)

    @cached_property
    def _sample(self) -> tuple[Tensor, Tensor]:
        # Row numbers, and for how many rows each stands, with mean 1.
        rows, counts = spread_rows(self.rows.cells(self.n_classes), _MOST_ROWS)
        like = self.rows.features
        return as_tensor(rows).to(like.device), as_tensor(counts).to(like.device, like.dtype)
