"""What a loss is chosen by: fairness of a batch's outputs, as functions of logits and codes."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import Protocol

from torch import Tensor

from equipoise.constraints import Constraint
from equipoise.learn.fair_loss import FairLoss
from equipoise.learn.imbalance.batch import read_logits
from equipoise.learn.imbalance.cells import CellLosses
from equipoise.optim.constrained.ratios import averages_of, constraints_at

__all__ = [
    "Objective",
    "balanced_loss",
    "blend",
    "constraint_objective",
    "equalized_odds_loss",
    "worst_cell",
]


class Objective(Protocol):
    """A figure to be made small.

    Of logits (b, K), labels (b,), codes of groups (b,) where there are groups, and what each row
    counts (b,) where rows have weights.
    """

    def __call__(
        self,
        logits: Tensor,
        label: Tensor,
        group: Tensor | None = None,
        weights: Tensor | None = None,
        /,
    ) -> Tensor:
        """The figure on one batch, shape ()."""
        ...


def balanced_loss(
    logits: Tensor, label: Tensor, group: Tensor | None = None, weights: Tensor | None = None
) -> Tensor:
    """Mean over classes, or over classes and groups, of the mean cross-entropy there.

    Cells that have no row in the batch are left out, so that its mean over small batches is not
    its value on all rows; :func:`~equipoise.learn.imbalance.weighted_cross_entropy` of the counts
    of all rows is without that bias, and noisier.

    Parameters
    ----------
    logits : Tensor, shape (b, K)
    label : Tensor of int64, shape (b,)
    group : Tensor of int64, shape (b,), optional
    weights : Tensor, shape (b,), optional

    Returns
    -------
    Tensor, shape ()
    """
    return CellLosses.of(logits, label, group, weights=weights).balanced()


def worst_cell(
    logits: Tensor,
    label: Tensor,
    group: Tensor | None = None,
    weights: Tensor | None = None,
    temperature: float = 0.0,
) -> Tensor:
    """Largest mean cross-entropy of a class, or of a class in a group.

    Parameters
    ----------
    logits : Tensor, shape (b, K)
    label : Tensor of int64, shape (b,)
    group : Tensor of int64, shape (b,), optional
    weights : Tensor, shape (b,), optional
    temperature : float
        Above 0 a smooth figure, as of :meth:`CellLosses.worst`.

    Returns
    -------
    Tensor, shape ()
    """
    return CellLosses.of(logits, label, group, weights=weights).worst(temperature)


def equalized_odds_loss(
    logits: Tensor, label: Tensor, group: Tensor | None = None, weights: Tensor | None = None
) -> Tensor:
    """Differences of the mean cross-entropy between groups within a class, summed over classes.

    Parameters
    ----------
    logits : Tensor, shape (b, K)
    label : Tensor of int64, shape (b,)
    group : Tensor of int64, shape (b,)
        Needed.
    weights : Tensor, shape (b,), optional

    Returns
    -------
    Tensor, shape ()
        As of :meth:`CellLosses.equalized_odds`. Batches should hold rows of every cell: by noise
        alone the mean over small batches is above its value on all rows.

    Raises
    ------
    ValueError
        If there is no group.
    """
    if group is None:
        raise ValueError("group is missing: equalized odds compare groups.")
    # In a batch of the first group alone no pair is seen, which is no error.
    n_groups = max(2, int(group.max()) + 1) if group.numel() else 2
    return CellLosses.of(logits, label, group, n_groups, weights).equalized_odds()


def blend(objective: Objective, *, weight_ce: float) -> Objective:
    """Mix an objective with the mean cross-entropy.

    weight_ce * cross-entropy + (1 - weight_ce) * objective. Li et al. 2021 write lambda, which is
    the objective's weight in their section 4 and that of the cross-entropy in their table 3; the
    table is ``weight_ce=0.1``.

    Parameters
    ----------
    objective : callable
        Of (logits, label, group, weights).
    weight_ce : float
        From 0 to 1.

    Returns
    -------
    callable
        Of the same.

    Raises
    ------
    ValueError
        If the weight is out of its range.
    """
    given: object = weight_ce
    if not isinstance(given, Real) or not 0 <= weight_ce <= 1:
        raise ValueError(f"weight_ce must be between 0 and 1, not {weight_ce!r}.")

    def blended(
        logits: Tensor, label: Tensor, group: Tensor | None = None, weights: Tensor | None = None
    ) -> Tensor:
        cross_entropy = CellLosses.of(logits, label, weights=weights).mean()
        fair = objective(logits, label, group, weights)
        return weight_ce * cross_entropy + (1 - weight_ce) * fair

    return blended


def constraint_objective(
    constraints: str | Constraint | Sequence[str | Constraint], n_groups: int, n_classes: int
) -> Objective:
    """By how much promises are broken: the sum of what :class:`FairLoss` says is violated.

    The value counts decisions, and its gradient is that of the rates expected by the model's
    probabilities. With a bound of 0 it is the disparity: ``gap("selection") <= 0`` of two groups
    gives their gap. A group without the rows that a rate is of is taken to be like the others, and
    has no gradient.

    Parameters
    ----------
    constraints : str, Constraint, or sequence of them
    n_groups, n_classes : int

    Returns
    -------
    callable
        Of (logits, label, group, weights), where a group is codes (b,) or a membership matrix
        (b, g); it can be differentiated once.

    Raises
    ------
    ValueError
        If a constraint cannot be read, there is none, or there are too few groups or classes.
    """
    fair_loss = FairLoss(constraints, n_groups, n_classes)
    if not fair_loss.constraints:
        raise ValueError("constraints are empty: there is nothing to be violated.")

    def violated(
        logits: Tensor, label: Tensor, group: Tensor | None = None, weights: Tensor | None = None
    ) -> Tensor:
        if group is None:
            raise ValueError(f"group is missing: {fair_loss.constraints[0]} is about groups.")
        _, seen = fair_loss(read_logits(logits, n_classes), label, group, None, weights)
        return constraints_at(averages_of(seen), seen).clamp(min=0).sum()

    return violated
