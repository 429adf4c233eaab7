"""Published losses for rare classes and groups, as the parametric cross-entropy with fixed terms.

They differ only in the terms that they make of counts. Weights have mean 1 over the rows counted,
so that a learning rate means the same for all of them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from equipoise.learn.imbalance.counts import (
    as_default,
    effective_number,
    log_prior,
    read_counts,
    weights_from,
)
from equipoise.learn.imbalance.parametric import ParametricCrossEntropy

__all__ = [
    "balanced_softmax",
    "cdt",
    "class_balanced",
    "group_logit_adjusted",
    "group_vector_scaling",
    "logit_adjusted",
    "vector_scaling",
    "weighted_cross_entropy",
]


def weighted_cross_entropy(counts: Any) -> ParametricCrossEntropy:
    """Every class, or every class in every group, counts the same.

    w_y = n / (K n_y), which is 1 / pi_y at mean 1 over rows; n / (K G n_yg) with groups.

    Parameters
    ----------
    counts : array-like, shape (K,) or (K, G)
        Training rows of each class, or of each class in each group.

    Returns
    -------
    ParametricCrossEntropy

    Raises
    ------
    ValueError
        If a class has no rows.
    """
    rows = read_counts(counts)
    weight = weights_from(1 / rows, rows)
    return ParametricCrossEntropy(*rows.shape, weight=weight, learn=())


def class_balanced(counts: Any, beta: float = 0.9999) -> ParametricCrossEntropy:
    """Weights one over the effective number of rows, Cui et al. 2019 (arXiv 1901.05555).

    w_y is proportional to (1 - beta) / (1 - beta^n_y). The paper scales the weights to sum to K
    over classes; here, as everywhere, they have mean 1 over rows, a constant factor.

    Parameters
    ----------
    counts : array-like, shape (K,) or (K, G)
    beta : float
        From 0 (plain cross-entropy) to 1 (:func:`weighted_cross_entropy`).

    Returns
    -------
    ParametricCrossEntropy

    Raises
    ------
    ValueError
        If a class has no rows or beta is out of its range.
    """
    rows = read_counts(counts)
    weight = weights_from(1 / effective_number(rows, beta), rows)
    return ParametricCrossEntropy(*rows.shape, weight=weight, learn=())


def logit_adjusted(counts: Any, tau: float = 1.0) -> ParametricCrossEntropy:
    """Log priors added to the logits in training, Menon et al. 2021 (arXiv 2007.07314), eq. 10.

    l_y = tau log pi_y. With tau = 1 it is consistent for the balanced error.

    Parameters
    ----------
    counts : array-like, shape (K,)
    tau : float
        At least 0.

    Returns
    -------
    ParametricCrossEntropy

    Raises
    ------
    ValueError
        If a class has no rows or tau is negative.
    """
    rows = read_counts(counts, axes=1)
    _at_least_0("tau", tau)
    return ParametricCrossEntropy(len(rows), additive=tau * log_prior(rows), learn=())


def balanced_softmax(counts: Any) -> ParametricCrossEntropy:
    """Softmax over n_k exp(f_k), Ren et al. 2020 (arXiv 2007.10740).

    l_y = log n_y: the same function as :func:`logit_adjusted` with tau = 1.

    Parameters
    ----------
    counts : array-like, shape (K,)

    Returns
    -------
    ParametricCrossEntropy

    Raises
    ------
    ValueError
        If a class has no rows.
    """
    rows = read_counts(counts, axes=1)
    return ParametricCrossEntropy(len(rows), additive=as_default(np.log(rows)), learn=())


def cdt(counts: Any, gamma: float) -> ParametricCrossEntropy:
    """Class-dependent temperatures, Ye et al. 2020 (arXiv 2001.01385).

    Delta_y = (n_y / n_max)^gamma, which is one over the paper's temperature a_y.

    Parameters
    ----------
    counts : array-like, shape (K,)
    gamma : float
        At least 0.

    Returns
    -------
    ParametricCrossEntropy

    Raises
    ------
    ValueError
        If a class has no rows or gamma is negative.
    """
    return vector_scaling(counts, gamma, 0.0)


def vector_scaling(
    counts: Any, gamma: float, tau: float = 1.0, *, weighted: bool = False
) -> ParametricCrossEntropy:
    """The vector-scaling loss, Kini et al. 2021 (arXiv 2103.01550).

    Delta_y = (n_y / n_max)^gamma, l_y = tau log pi_y, and w_y = 1 or proportional to 1 / pi_y.

    Parameters
    ----------
    counts : array-like, shape (K,)
    gamma, tau : float
        At least 0.
    weighted : bool
        Whether classes are weighted too.

    Returns
    -------
    ParametricCrossEntropy

    Raises
    ------
    ValueError
        If a class has no rows, or gamma or tau is negative.
    """
    rows = read_counts(counts, axes=1)
    _at_least_0("gamma", gamma)
    _at_least_0("tau", tau)
    return ParametricCrossEntropy(
        len(rows),
        weight=weights_from(1 / rows, rows) if weighted else None,
        additive=tau * log_prior(rows),
        multiplicative=as_default((rows / rows.max()) ** gamma),
        learn=(),
    )


def group_logit_adjusted(counts: Any, tau: float = 1.0) -> ParametricCrossEntropy:
    """Groups weighted alike, and logits adjusted by the priors of the classes given the group.

    w_g = n / (G n_g) and l_yg = tau log(n_yg / n_g): the Group-LA baseline of Li et al. 2021
    (arXiv 2201.01212), section 4.

    Parameters
    ----------
    counts : array-like, shape (K, G)
        Training rows of each class in each group.
    tau : float
        At least 0.

    Returns
    -------
    ParametricCrossEntropy
        Called with (logits, label, group).

    Raises
    ------
    ValueError
        If a class of a group has no rows or tau is negative.
    """
    rows = read_counts(counts, axes=2)
    _at_least_0("tau", tau)
    weight = weights_from(1 / rows.sum(0), rows)
    return ParametricCrossEntropy(
        *rows.shape, weight=weight, additive=tau * log_prior(rows), learn=()
    )


def group_vector_scaling(counts: Any, gamma: float, tau: float = 1.0) -> ParametricCrossEntropy:
    """Vector scaling by class and group, Kini et al. 2021 (arXiv 2103.01550).

    Delta_yg = (n_yg / n_max)^gamma and l_yg = tau log(n_yg / n_g).

    Parameters
    ----------
    counts : array-like, shape (K, G)
    gamma, tau : float
        At least 0.

    Returns
    -------
    ParametricCrossEntropy
        Called with (logits, label, group).

    Raises
    ------
    ValueError
        If a class of a group has no rows, or gamma or tau is negative.
    """
    rows = read_counts(counts, axes=2)
    _at_least_0("gamma", gamma)
    _at_least_0("tau", tau)
    # n_max is that of all cells. Within a group all Delta could be scaled to a largest of 1, and
    # groups of different size with the same classes would then get the same loss.
    return ParametricCrossEntropy(
        *rows.shape,
        additive=tau * log_prior(rows),
        multiplicative=as_default((rows / rows.max()) ** gamma),
        learn=(),
    )


def _at_least_0(name: str, value: float) -> None:
    if not 0 <= value < math.inf:
        raise ValueError(f"{name} must be at least 0 and finite, not {value!r}.")
