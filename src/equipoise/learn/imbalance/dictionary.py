"""Dictionaries: few directions in which the terms of many classes move together.

A column is a value for each class. Columns of several kinds are put side by side by
``torch.column_stack``; :func:`~equipoise.learn.imbalance.log_prior` is one too.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

from equipoise.codes import to_numpy
from equipoise.learn.imbalance.counts import as_default, log_prior, read_counts
from equipoise.learn.imbalance.parametric import Term

__all__ = ["frequency_clusters", "from_attributes", "log_frequency", "scaling_dictionary"]


def frequency_clusters(counts: Any, n_clusters: int) -> Tensor:
    """One column for each cluster of classes of like frequency, Li et al. 2021 (arXiv 2201.01212).

    Classes are sorted by count, the most frequent first, and cut into clusters whose sizes differ
    by one at most, so that the number of clusters need not divide that of classes.

    Parameters
    ----------
    counts : array-like, shape (K,)
    n_clusters : int
        K', from 1 to K.

    Returns
    -------
    Tensor, shape (K, K')
        1 where the class is in the cluster.

    Raises
    ------
    ValueError
        If a class has no rows or there are more clusters than classes.
    """
    rows = read_counts(counts, axes=1)
    if not 1 <= n_clusters <= len(rows):
        raise ValueError(f"n_clusters must be from 1 to {len(rows)}, not {n_clusters!r}.")
    place = np.empty(len(rows), np.int64)
    place[np.argsort(-rows, kind="stable")] = np.arange(len(rows))
    cluster = place * n_clusters // len(rows)
    return as_default((cluster[:, None] == np.arange(n_clusters)).astype(np.float64))


def log_frequency(counts: Any) -> Tensor:
    """Logarithm of each count over the largest, the column in which CDT is gamma.

    Parameters
    ----------
    counts : array-like, shape (K,) or (K, G)

    Returns
    -------
    Tensor, shape (K,) or (K, G)
        At most 0.

    Raises
    ------
    ValueError
        If there is a class without rows.
    """
    rows = read_counts(counts)
    return as_default(np.log(rows / rows.max()))


def scaling_dictionary(counts: Any) -> dict[Term, Tensor]:
    """Two numbers for all classes: tau for l, and gamma for log Delta.

    What can be learnt with it are the losses of
    :func:`~equipoise.learn.imbalance.vector_scaling`. Where a rare class has only a few rows to
    judge a loss by, so few directions are the ones that a search can be trusted with.

    Parameters
    ----------
    counts : array-like, shape (K,) or (K, G)
        With groups, tau and gamma are shared by them.

    Returns
    -------
    dict
        A column for ``"additive"`` and one for ``"multiplicative"``, each of shape (K, 1) or
        (K, G, 1).

    Raises
    ------
    ValueError
        If there is a class without rows.
    """
    return {
        "additive": log_prior(counts)[..., None],
        "multiplicative": log_frequency(counts)[..., None],
    }


def from_attributes(attributes: Any, *, standardize: bool = True) -> Tensor:
    """Columns from what is known of classes, as in CAP, Zhang et al. 2024 (arXiv 2401.14343).

    Parameters
    ----------
    attributes : array-like or table, shape (K, a)
        Numbers for each class, in the order of the classes: how difficult it is, how noisy.
    standardize : bool
        Whether each column gets mean 0 and standard deviation 1, so that one learning rate fits
        all.

    Returns
    -------
    Tensor, shape (K, a)

    Raises
    ------
    ValueError
        If the shape is another, a value is not a finite number, or a column to be standardised
        is constant.
    """
    array = np.asarray(to_numpy(attributes, "attributes"))
    if array.ndim != 2 or len(array) < 2 or not array.shape[1] or array.dtype.kind not in "biuf":
        raise ValueError(
            "attributes must be numbers of shape (K, a), a row for each class, not "
            f"{array.dtype} of shape {array.shape}."
        )
    columns = array.astype(np.float64)
    if not np.isfinite(columns).all():
        row, column = np.argwhere(~np.isfinite(columns))[0]
        raise ValueError(
            f"attributes has {columns[row, column]} in column {column} of class {row}."
        )
    if standardize:
        constant = np.flatnonzero(np.ptp(columns, axis=0) == 0)
        if len(constant):
            raise ValueError(
                f"column {constant[0]} of attributes is the same for all classes: leave it out, or "
                "take standardize=False."
            )
        columns = (columns - columns.mean(0)) / columns.std(0)
    return as_default(columns)
