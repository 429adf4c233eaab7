"""What an adversary is shown, so that a promise holds where it can tell nothing from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from equipoise.constraints import Constraint


@dataclass(frozen=True)
class View:
    """What the adversary guesses the group from.

    Attributes
    ----------
    n_classes : int
        k.
    labels : tuple of int, or None
        It sees outputs of the rows of these labels alone, and the label with them; None stands
        for the outputs of all rows without their label.
    """

    n_classes: int
    labels: tuple[int, ...] | None

    @property
    def n_features(self) -> int:
        """How many numbers it is shown."""
        several = 0 if self.labels is None else len(self.labels)
        return self.n_classes - 1 if several < 2 else several * self.n_classes

    def __call__(self, logits: Tensor, label: Tensor) -> Tensor:
        """What it is shown of rows.

        Parameters
        ----------
        logits : Tensor, shape (r, b, k)
        label : Tensor of int64, shape (r, b)

        Returns
        -------
        Tensor, shape (r, b, n_features)
            The log odds of each class against the first, as probabilities alone depend on those;
            where there are several labels they come in the columns of the row's label.
        """
        odds = logits[..., 1:] - logits[..., :1]
        if self.labels is None or len(self.labels) < 2:
            return odds
        shown = torch.tensor(self.labels, device=label.device)
        is_label = (label[..., None] == shown).to(logits.dtype)
        apart = (is_label[..., None] * odds[..., None, :]).flatten(-2)
        return torch.cat([apart, is_label], dim=-1)

    def cells(self, label: NDArray[np.int64]) -> NDArray[np.int64]:
        """Among which rows groups are compared.

        Parameters
        ----------
        label : ndarray of int64, shape (n,)

        Returns
        -------
        ndarray of int64, shape (n,)
            From 0; -1 for rows that are not shown.
        """
        if self.labels is None:
            return np.zeros_like(label)
        place = np.full(self.n_classes, -1)
        place[list(self.labels)] = np.arange(len(self.labels))
        return place[label]


def view_for(promises: Sequence[Constraint], n_classes: int) -> View:
    """The view by which all promises hold once nothing can be told from it.

    Outputs that are independent of the group give each group the same selection rate; outputs of
    rows of some label, the same share of every decision among these.

    Parameters
    ----------
    promises : sequence of Constraint
        At least one.
    n_classes : int
        k.

    Returns
    -------
    View

    Raises
    ------
    ValueError
        If independence would not keep a promise, or would have to be of two kinds.
    """
    labels: set[int] = set()
    marginal: list[Constraint] = []
    conditional: list[Constraint] = []
    for one in promises:
        shown = _labels_of(one, n_classes)
        if shown is None:
            marginal.append(one)
        else:
            conditional.append(one)
            labels |= shown
    if marginal and conditional:
        raise ValueError(
            f"{marginal[0]} hides the group from an adversary who is not told the label, and "
            f"{conditional[0]} from one who is: method 'adversarial' has one adversary. Promise "
            "one of them, or take another method."
        )
    return View(n_classes, tuple(sorted(labels)) if conditional else None)


def _labels_of(one: Constraint, n_classes: int) -> set[int] | None:
    disparity = one.disparity
    if disparity.kind == "worst" or disparity.rate.of_loss:
        raise _refused(one)
    top, bottom = disparity.rate.cells(n_classes)
    labels: set[int] = set()
    of_all = []
    for event, condition in zip(top, bottom, strict=True):
        some = condition.any(-1)
        # Those that it is a share of must be chosen by label alone, and the event by decision.
        if not condition[some].all() or (event[some] != event[some][0]).any():
            raise _refused(one)
        of_all.append(bool(some.all()))
        labels |= set(np.flatnonzero(some).tolist())
    if any(of_all) and not all(of_all):
        raise _refused(one)
    return None if all(of_all) else labels


def _refused(one: Constraint) -> ValueError:
    return ValueError(
        f"method 'adversarial' cannot work towards {one}: it makes outputs independent of the "
        "group, by which gaps and ratios of selection, true_positive, false_positive, "
        "true_negative, false_negative and equalized_odds close. Take another method."
    )
