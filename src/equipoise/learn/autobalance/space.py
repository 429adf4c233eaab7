"""In which losses a search looks, and by what it judges them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from equipoise.constraints import Constraint
from equipoise.learn.imbalance import (
    CellLosses,
    Objective,
    ParametricCrossEntropy,
    balanced_loss,
    blend,
    constraint_objective,
    equalized_odds_loss,
    frequency_clusters,
    log_prior,
    scaling_dictionary,
    worst_cell,
)
from equipoise.learn.imbalance.parametric import Term

Start = Literal["logit-adjusted", "cross-entropy"]
"""The loss that a search begins with."""

_FAIR: dict[str, Objective] = {
    "balanced": balanced_loss,
    "equalized_odds": equalized_odds_loss,
    "worst": worst_cell,
}
OBJECTIVES = tuple(_FAIR)
"""The objectives that have a name; any promise about groups is one too."""

_KNOWN = f"one of {', '.join(OBJECTIVES)}, or a promise such as 'gap(\"selection\") <= 0.05'"

# A constant prediction has no differences: the published experiments keep a tenth of the
# cross-entropy (table 3).
_WEIGHT_CE = {"balanced": 0.0, "equalized_odds": 0.1, "worst": 0.0}

# Keeping a promise costs far less cross-entropy than this a unit of what is broken; with more of it
# a search keeps promises by more than was asked.
_PENALTY = 2.0


def make_prior(
    counts: NDArray[np.int64],
    learn: Sequence[Term],
    dictionary: str | int | ArrayLike | None,
    start: Start,
) -> ParametricCrossEntropy:
    """The loss that a search begins with, and the directions in which it may change.

    Parameters
    ----------
    counts : ndarray of int, shape (K,) or (K, G)
        Rows by class, or by class and group. A cell without rows is taken to have one.
    learn : sequence of {"weight", "additive", "multiplicative"}
    dictionary : {"scaling", "free"}, int, array-like of shape (K, K'), or None
        "scaling" learns two numbers, how strongly l and log Delta follow the frequencies; an
        integer as many numbers of each as there are clusters of classes of like frequency;
        "free" one of each for every class (and group). None is "scaling" for classes alone, and
        "free" with groups, of which there are few.
    start : {"logit-adjusted", "cross-entropy"}

    Returns
    -------
    ParametricCrossEntropy

    Raises
    ------
    ValueError
        If an argument is none of these.
    """
    rows = np.maximum(counts, 1)
    if start not in get_args(Start):
        raise ValueError(f"start must be one of {', '.join(get_args(Start))}, not {start!r}.")
    if dictionary is None:
        dictionary = "scaling" if rows.ndim == 1 else "free"
    columns: Any = None
    if isinstance(dictionary, str):
        if dictionary not in ("scaling", "free"):
            raise ValueError(
                "dictionary must be 'scaling', 'free', a number of clusters, or columns of numbers "
                f"for each class, not {dictionary!r}."
            )
        if dictionary == "scaling":
            both = scaling_dictionary(rows)
            # The weights of rare classes grow as their scale shrinks.
            by_term = {**both, "weight": -both["multiplicative"]}
            columns = {term: by_term[term] for term in learn}
    elif isinstance(dictionary, int | np.integer):
        columns = frequency_clusters(rows if rows.ndim == 1 else rows.sum(1), int(dictionary))
    else:
        columns = dictionary
    return ParametricCrossEntropy(
        len(rows),
        None if rows.ndim == 1 else rows.shape[1],
        additive=log_prior(rows) if start == "logit-adjusted" else None,
        learn=learn,
        dictionary=columns,
    )


def make_objective(
    objective: str | Constraint | Sequence[str | Constraint],
    weight_ce: float | None,
    n_classes: int,
    n_groups: int | None,
    *,
    weigh_rates: bool = True,
) -> Objective:
    """What a loss is judged by.

    Parameters
    ----------
    objective : str, Constraint, or sequence of them
        One of :data:`OBJECTIVES`, or promises about groups: then it is the cross-entropy plus
        twice by how much they are broken, an exact penalty.
    weight_ce : float, optional
        The share of the cross-entropy in an objective that has a name; by default 0.1 in
        "equalized_odds" and 0 in the others.
    n_classes : int
    n_groups : int or None
    weigh_rates : bool
        Whether the weights of rows count in the rates of promises as in the cross-entropy.

    Returns
    -------
    callable
        Of (logits, label, group, weights).

    Raises
    ------
    ValueError
        If it is none of these, or groups are needed and there are none.
    """
    if not isinstance(objective, Constraint) and not (
        isinstance(objective, Sequence)
        and len(objective)
        and all(isinstance(one, str | Constraint) for one in objective)
    ):
        raise ValueError(f"objective must be {_KNOWN}, or a sequence of those, not {objective!r}.")
    if isinstance(objective, str) and objective in _FAIR:
        if objective == "equalized_odds" and (n_groups or 0) < 2:
            raise ValueError(
                "objective 'equalized_odds' compares groups: give sensitive_features of two or "
                "more."
            )
        share = _WEIGHT_CE[objective] if weight_ce is None else weight_ce
        return blend(_FAIR[objective], weight_ce=share)
    if isinstance(objective, str) and "(" not in objective:
        raise ValueError(f"objective must be {_KNOWN}, not {objective!r}.")
    if weight_ce is not None:
        raise ValueError("weight_ce is of named objectives: a promise comes with all of it.")
    if n_groups is None:
        raise ValueError(f"objective {objective} compares groups: give sensitive_features.")
    broken = constraint_objective(objective, n_groups, n_classes)

    def penalised(
        logits: Tensor, label: Tensor, group: Tensor | None = None, weights: Tensor | None = None
    ) -> Tensor:
        of_rates = weights if weigh_rates else None
        loss = CellLosses.of(logits, label, weights=weights).mean()
        return loss + _PENALTY * broken(logits, label, group, of_rates)

    return penalised


def make_judge(
    objective: str | Constraint | Sequence[str | Constraint],
    n_classes: int,
    n_groups: int | None,
    *,
    weigh_rates: bool = True,
) -> Objective | None:
    """By what decisions of two models are compared, where it is not the objective's own errors.

    Parameters
    ----------
    objective : str, Constraint, or sequence of them
    n_classes : int
    n_groups : int or None
    weigh_rates : bool

    Returns
    -------
    callable or None
        Of promises: the share of errors plus by how much they are broken.
    """
    if (isinstance(objective, str) and objective in _FAIR) or n_groups is None:
        return None
    broken = constraint_objective(objective, n_groups, n_classes)

    def judged(
        logits: Tensor, label: Tensor, group: Tensor | None = None, weights: Tensor | None = None
    ) -> Tensor:
        wrong = (logits.argmax(-1) != label).to(logits.dtype)
        share = wrong.mean() if weights is None else (wrong * weights).sum() / weights.sum()
        return share + broken(logits, label, group, weights if weigh_rates else None)

    return judged
