"""A stack of predictors, each against an adversary that guesses the group from its outputs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from equipoise.learn.adversarial.view import View
from equipoise.learn.fair_loss import FairLoss
from equipoise.learn.network import StackedMLP
from equipoise.learn.problem import Rows, as_tensor
from equipoise.optim.minmax import Euclidean, Player, ProjectedStep

# From one or two numbers a group is guessed; that takes few units.
_HIDDEN = (16,)
# It is to keep up with the predictor: at a tenth of this rate predictors that had turned round
# before it noticed came to decide no better than chance, two of twelve.
_RATE = 0.1


class Game:
    """Predictors and adversaries, moved by turns.

    Parameters
    ----------
    network : StackedMLP
        The predictors, r of them.
    minimizer : torch.optim.Optimizer
        Of their parameters.
    rows : Rows
        With disjoint groups.
    view : View
    strength : Tensor, shape (r,)
        Of each adversary.
    seeds : sequence of int, length r
        Of the adversaries' initial weights.
    importance : ndarray, shape (n,), or None
        What each row counts when it is drawn.

    Raises
    ------
    ValueError
        If groups overlap.
    """

    def __init__(
        self,
        network: StackedMLP,
        minimizer: torch.optim.Optimizer,
        rows: Rows,
        view: View,
        strength: Tensor,
        seeds: Sequence[int],
        importance: NDArray[np.float64] | None,
    ) -> None:
        if rows.groups is None or rows.groups.codes is None:
            raise ValueError(
                "groups overlap, but an adversary guesses one group of each row: cross the "
                "sensitive features (how='crossed')."
            )
        like = rows.features
        self._network, self._rows, self._view = network, rows, view
        self._loss = FairLoss((), 0, view.n_classes)
        self._group = as_tensor(rows.groups.codes).to(like.device)
        counts = balanced_weights(rows, view)
        self._weights = rows.weights
        if importance is not None:
            counts = counts * importance
            drawn = as_tensor(importance).to(like.device, like.dtype)
            self._weights = drawn if rows.weights is None else drawn * rows.weights
        self._counts = as_tensor(counts).to(like.device, like.dtype)
        sizes = view.n_features, _HIDDEN, len(rows.groups)
        self.adversary = StackedMLP(*sizes, seeds, like.dtype).to(like.device)
        self._minimizer = Player("minimizer", minimizer, Euclidean())
        self.maximizer = torch.optim.Adam(self.adversary.parameters(), lr=_RATE)
        self._maximizer = Player("maximizer", self.maximizer, Euclidean())
        self._strength = strength.to(like.device, like.dtype)

    def step(self, batch: Tensor) -> Tensor:
        """Move both, from where they are.

        Parameters
        ----------
        batch : Tensor of int64, shape (r, b)
            Row numbers.

        Returns
        -------
        Tensor, shape (r,)
            The predictors' losses before the step, detached.

        Raises
        ------
        FloatingPointError
            If a loss is not finite.
        """
        seen: list[Tensor] = []

        def losses() -> tuple[Tensor, Tensor]:
            own, shown = self._evaluate(batch)
            seen.extend((own.detach(), shown.detach()))
            return own, self.adversary_loss(shown, batch)

        def of_adversary() -> Tensor:
            return -self.adversary_loss(seen[1], batch).sum()

        ProjectedStep(losses, self._strength)(self._minimizer, of_adversary)
        self._maximizer.move(self._maximizer.gradient(of_adversary))
        return seen[0]

    def _evaluate(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        logits = self._network(self._rows.features[batch])
        label = self._rows.label[batch]
        weights = None if self._weights is None else self._weights[batch]
        own, _ = self._loss(logits, label, batch, weights)
        return own, self._view(logits, label)

    def adversary_loss(self, shown: Tensor, batch: Tensor) -> Tensor:
        """How badly the adversaries guess, every group of every cell counting the same.

        Parameters
        ----------
        shown : Tensor, shape (r, b, n_features)
        batch : Tensor of int64, shape (r, b)
            Row numbers.

        Returns
        -------
        Tensor, shape (r,)
            In nats.
        """
        log_probability = torch.log_softmax(self.adversary(shown), dim=-1)
        right = log_probability.gather(-1, self._group[batch][..., None])[..., 0]
        return -(right * self._counts[batch]).mean(-1)


def balanced_weights(rows: Rows, view: View) -> NDArray[np.float64]:
    """What each row counts to an adversary: each group as much as the others in its cell.

    A group of one row in twenty would hardly move a loss that counts rows, and its gap is promised
    to be as small as any.

    Parameters
    ----------
    rows : Rows
        With disjoint groups.
    view : View

    Returns
    -------
    ndarray of float64, shape (n,)
        With mean 1; 0 for rows that are not shown.
    """
    assert rows.groups is not None
    assert rows.groups.codes is not None
    where = view.cells(rows.label.cpu().numpy())
    weights = np.ones(len(rows))
    if rows.weights is not None and rows.weigh_rates:
        weights = rows.weights.double().cpu().numpy()
    weights = np.where(where >= 0, weights, 0.0)
    cell = np.maximum(where, 0) * len(rows.groups) + rows.groups.codes
    mass = np.bincount(cell, weights)[cell]
    weights = np.divide(weights, mass, out=np.zeros(len(rows)), where=mass > 0)
    return weights / weights.mean()
