"""Whether a loss that was found is better than the one that the search began with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from equipoise.learn.imbalance import Objective

_DRAWS = 200
# Beside which the logarithm of the number of classes is nothing.
_APART = 1e4


@dataclass(frozen=True)
class Choice:
    """What two models of the same rows come to on rows that neither was trained on.

    Attributes
    ----------
    prior, searched : float
        The objective of the model trained with the loss as it was, and as it was found.
    error : float
        Standard error of their difference, by resampling the rows within each class (and group);
        of cells of one row, among them.
    needed : float
        By how many standard errors the loss that was found must be better.
    """

    prior: float
    searched: float
    error: float
    needed: float = 1.0

    @property
    def keeps_prior(self) -> bool:
        """Whether the loss that was found is not better by as much as is needed."""
        return not self.prior - self.searched > self.needed * self.error

    def to_dict(self) -> dict[str, Any]:
        """The figures as JSON can hold them."""
        return {
            "prior": self.prior,
            "searched": self.searched,
            "error": self.error,
            "needed": self.needed,
            "chosen": "prior" if self.keeps_prior else "searched",
        }


def errors_of(objective: Objective) -> Objective:
    """An objective of cross-entropies as one of errors.

    Parameters
    ----------
    objective : callable
        Homogeneous in the rows' cross-entropies, as those of
        :mod:`equipoise.learn.imbalance` but :func:`constraint_objective`.

    Returns
    -------
    callable
        Of the same. Of logits that are far apart the cross-entropy is that distance where the
        decision is wrong, and nothing where it is right.
    """

    def of_decisions(
        logits: Tensor, label: Tensor, group: Tensor | None = None, weights: Tensor | None = None
    ) -> Tensor:
        decided = torch.nn.functional.one_hot(logits.argmax(-1), logits.shape[-1])
        return objective(decided.to(logits.dtype) * _APART, label, group, weights) / _APART

    return of_decisions


@torch.no_grad()
def choose(
    logits: tuple[Tensor, Tensor],
    label: Tensor,
    group: Tensor | None,
    weights: Tensor | None,
    objective: Objective,
    seed: int = 0,
    needed: float = Choice.needed,
) -> Choice:
    """Compare two models on the same rows.

    Parameters
    ----------
    logits : tuple of two Tensor, each of shape (n, K)
        Of the prior and of the searched loss's model.
    label : Tensor, shape (n,)
    group : Tensor, shape (n,), or None
    weights : Tensor, shape (n,), or None
    objective : callable
    seed : int
        Of the resampling.
    needed : float
        By how many standard errors the second must be better.

    Returns
    -------
    Choice
    """
    prior, searched = (float(objective(z, label, group, weights)) for z in logits)
    cell = label if group is None else group * (int(label.max()) + 1) + label
    rows = _resampled_together(cell.cpu().numpy())
    random = np.random.default_rng(seed)
    differences = []
    for _ in range(_DRAWS):
        # One row fewer than there are, since as many would vary too little: by (n - 1) / n.
        drawn = np.concatenate([random.choice(some, max(1, len(some) - 1)) for some in rows])
        some = torch.from_numpy(drawn).to(label.device)
        codes, counted = (None if x is None else x[some] for x in (group, weights))
        first, second = (float(objective(z[some], label[some], codes, counted)) for z in logits)
        differences.append(first - second)
    return Choice(prior, searched, float(np.std(differences, ddof=1)), needed)


def _resampled_together(cell: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """The rows of each cell; of one row by itself nothing could be seen of how rows vary."""
    of_cells = sorted((np.flatnonzero(cell == c) for c in np.unique(cell)), key=len)
    few = sum(len(rows) == 1 for rows in of_cells)
    if not few:
        return of_cells
    few = max(few, 2)
    return [np.concatenate(of_cells[:few]), *of_cells[few:]]
