"""Losses on labels that a network's own outputs draw, for estimates of the curvature."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from equipoise.learn.order import Order
from equipoise.learn.problem import FairProblem
from equipoise.learn.strata import StratifiedOrder


def sampled_label_losses(logits: Tensor, generators: Sequence[torch.Generator]) -> Tensor:
    """Cross-entropy of each row on a label that the logits draw.

    Parameters
    ----------
    logits : Tensor, shape (r, b, k)
    generators : sequence of Generator, length r
        Of each replicate.

    Returns
    -------
    Tensor, shape (r, b)
        With a graph.
    """
    log_probability = torch.log_softmax(logits, dim=-1)
    uniform = torch.stack([torch.rand(logits.shape[1], generator=g) for g in generators])
    up_to = log_probability.detach().exp().cumsum(-1)[..., :-1]
    drawn = (uniform.to(up_to)[..., None] > up_to).sum(-1, keepdim=True)
    return log_probability.gather(-1, drawn)[..., 0].neg()


class LossesOfSampledLabels:
    """The mean loss of each replicate on a batch whose labels it draws itself.

    What Gauss and Newton make of the Hessian of a cross-entropy is the second moment of the
    gradients of rows whose labels are drawn so (Liu et al. 2023, arXiv 2305.14342, section 2.3).
    What is promised of groups takes no part.

    Parameters
    ----------
    problem : FairProblem
    order : Order or StratifiedOrder
        Of these batches alone, so that those that are trained on stay as they are.
    seeds : sequence of int, length r
        Each decides what its replicate draws, whatever the others do.
    """

    def __init__(
        self, problem: FairProblem, order: Order | StratifiedOrder, seeds: Sequence[int]
    ) -> None:
        self._problem = problem
        self._order = order
        self._generators = [torch.Generator().manual_seed(seed) for seed in seeds]

    def __call__(self) -> tuple[Tensor, int]:
        """Draw a batch and labels.

        Returns
        -------
        losses : Tensor, shape (r,)
            With a graph. A row of weight w counts sqrt(w), so that squares of gradients count w.
        n_rows : int
        """
        problem = self._problem
        features, weights = problem.rows.features, problem.loss_weights
        batch = self._order.next_batch().to(features.device)
        losses = sampled_label_losses(problem.network(features[batch]), self._generators)
        if weights is not None:
            losses = losses * weights[batch].sqrt()
        return losses.mean(-1), batch.shape[1]
