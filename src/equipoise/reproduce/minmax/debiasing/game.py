"""Adversarial debiasing as a game of a stack: predictors, and adversaries who guess the group."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from equipoise.constraints import Constraint
from equipoise.learn import StackedMLP
from equipoise.learn.adversarial.game import Game as Adversaries
from equipoise.learn.adversarial.view import view_for
from equipoise.learn.problem import Rows
from equipoise.optim.minmax import project_out


class DebiasingGame:
    """f = L_y - strength L_a: x predicts the label, y the group from what x puts out.

    A batch is row numbers, shape (r, b). The predictors' direction is that of Zhang, Lemoine and
    Mitchell (AIES 2018, arXiv 1801.07593, equation 1), which is not the gradient of f; what moves
    are judged by is f.

    Parameters
    ----------
    rows : Rows
        With two or more disjoint groups.
    promise : Constraint
        It decides what the adversaries are shown: for selection rates, the log odds alone.
    hidden : sequence of int
        Units of the predictors' hidden layers.
    strength : float
        Of the adversaries.
    seeds : sequence of int, length r
        Of all initial weights.
    """

    def __init__(
        self,
        rows: Rows,
        promise: Constraint,
        hidden: Sequence[int],
        strength: float,
        seeds: Sequence[int],
    ) -> None:
        self._rows = rows
        self._view = view_for([promise], 2)
        self.generator = StackedMLP(
            rows.features.shape[1], hidden, 2, seeds, rows.features.dtype
        ).to(rows.features.device)
        self._strength = torch.full((len(seeds),), strength).to(rows.features)
        # The library's adversaries, with their weights for groups; steps are the stack's.
        self._adversaries = Adversaries(
            self.generator,
            torch.optim.SGD(self.generator.parameters()),
            rows,
            self._view,
            self._strength,
            seeds,
            None,
        )
        self.discriminator = self._adversaries.adversary

    def losses(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        """L_y and L_a.

        Parameters
        ----------
        batch : Tensor of int64, shape (r, b)

        Returns
        -------
        (Tensor, Tensor), each of shape (r,)
        """
        logits, label = self._logits(batch)
        own = functional.cross_entropy(logits.flatten(0, 1), label.flatten(), reduction="none")
        shown = self._view(logits, label)
        return own.reshape(label.shape).mean(1), self._adversaries.adversary_loss(shown, batch)

    def value(self, batch: Tensor) -> Tensor:
        """f, shape (r,).

        Parameters
        ----------
        batch : Tensor of int64, shape (r, b)

        Returns
        -------
        Tensor, shape (r,)
        """
        own, opposing = self.losses(batch)
        return own - self._strength * opposing

    def descend(self, batch: Tensor) -> list[Tensor]:
        """What predictors go against.

        Parameters
        ----------
        batch : Tensor of int64, shape (r, b)

        Returns
        -------
        list of Tensor
        """
        own, opposing = self.losses(batch)
        parameters = list(self.generator.parameters())
        gradient = torch.autograd.grad(own.sum(), parameters, retain_graph=True)
        against = torch.autograd.grad(opposing.sum(), parameters)
        return project_out(gradient, against, self._strength, stacked=True)

    def climb(self, batch: Tensor) -> list[Tensor]:
        """Gradient of -f in y: what adversaries go against.

        Parameters
        ----------
        batch : Tensor of int64, shape (r, b)

        Returns
        -------
        list of Tensor
        """
        with torch.no_grad():
            shown = self._view(*self._logits(batch))
        opposing = self._adversaries.adversary_loss(shown, batch) * self._strength
        return list(torch.autograd.grad(opposing.sum(), list(self.discriminator.parameters())))

    def _logits(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        return self.generator(self._rows.features[batch]), self._rows.label[batch]

    @torch.no_grad()
    def decide(self, rows: Rows) -> Tensor:
        """The predictors' decisions.

        Parameters
        ----------
        rows : Rows
            Of any number.

        Returns
        -------
        Tensor of bool, shape (r, n)
            Whether class 1 is the likelier.
        """
        logits = self.generator(rows.features)
        return logits[..., 1] > logits[..., 0]
