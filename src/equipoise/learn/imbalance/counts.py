"""How many rows each class has, or each class of each group, and what follows from it."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from equipoise.codes import to_numpy

__all__ = ["cell_counts", "effective_number", "log_prior", "read_counts"]


def cell_counts(
    label: ArrayLike,
    n_classes: int,
    group: ArrayLike | None = None,
    n_groups: int | None = None,
    weights: ArrayLike | None = None,
) -> NDArray[np.int64]:
    """Count rows by class, or by class and group.

    Parameters
    ----------
    label : array-like of int, shape (n,)
        From 0 to K - 1.
    n_classes : int
        K.
    group : array-like of int, shape (n,), optional
        From 0 to G - 1.
    n_groups : int, optional
        G; needed with a group.
    weights : array-like, shape (n,), optional
        What each row counts, 1 in the mean. Counts are then rounded.

    Returns
    -------
    ndarray of int64, shape (K,) or (K, G)

    Raises
    ------
    ValueError
        If codes are out of their range or lengths differ.
    """
    labels = _codes("label", label, n_classes)
    if group is None:
        return _counted(labels, n_classes, weights)
    if n_groups is None:
        raise ValueError("n_groups, the number of groups, is needed where group is given.")
    groups = _codes("group", group, n_groups)
    if len(groups) != len(labels):
        raise ValueError(f"label has {len(labels)} rows and group {len(groups)}.")
    joint = _counted(labels * n_groups + groups, n_classes * n_groups, weights)
    return joint.reshape(n_classes, n_groups)


def _counted(
    codes: NDArray[np.int64], n_codes: int, weights: ArrayLike | None
) -> NDArray[np.int64]:
    given = None if weights is None else np.asarray(weights, dtype=np.float64)
    return np.rint(np.bincount(codes, given, minlength=n_codes)).astype(np.int64)


def read_counts(counts: Any, axes: int | None = None) -> NDArray[np.float64]:
    """Take counts as an array, every one of them positive.

    Parameters
    ----------
    counts : array-like, shape (K,) or (K, G)
        Rows of each class, or of each class in each group.
    axes : {1, 2}, optional
        Which of the two is wanted, where not both are.

    Returns
    -------
    ndarray of float64

    Raises
    ------
    ValueError
        If the shape is another, a count is missing or fractional, or a cell has no row.
    """
    array = np.asarray(to_numpy(counts, "counts"))
    wanted = {None: "(K,) or (K, G)", 1: "(K,)", 2: "(K, G)"}[axes]
    if array.ndim not in ((1, 2) if axes is None else (axes,)) or len(array) < 2:
        raise ValueError(
            f"counts must have shape {wanted} with at least 2 classes, not {array.shape}."
        )
    if array.dtype.kind not in "iuf" or not np.array_equal(array, np.rint(array)):
        raise ValueError(f"counts must be numbers of rows, not {array.tolist()!r}.")
    empty = np.argwhere(array < 1)
    if len(empty):
        cell = f"class {empty[0][0]}" + (f" of group {empty[0][1]}" if array.ndim == 2 else "")
        raise ValueError(
            f"{cell} has {int(array[tuple(empty[0])])} rows, and its loss would be infinite: leave "
            "it out, join it with another, or gather rows of it."
        )
    return array.astype(np.float64)


def log_prior(counts: Any) -> Tensor:
    """Logarithm of the share of each class, within each group where there are groups.

    As a column of a dictionary it is logit adjustment, with its coefficient for tau.

    Parameters
    ----------
    counts : array-like, shape (K,) or (K, G)

    Returns
    -------
    Tensor, shape (K,) or (K, G)
        log n_k / n, or log n_kg / n_g; of torch's default type.

    Raises
    ------
    ValueError
        If there is a class without rows.
    """
    rows = read_counts(counts)
    return as_default(np.log(rows / rows.sum(0)))


def effective_number(counts: Any, beta: float) -> NDArray[np.float64]:
    """How many different rows there are, as near duplicates count less and less.

    (1 - beta^n) / (1 - beta), Cui et al. 2019 (arXiv 1901.05555), proposition 1.

    Parameters
    ----------
    counts : array-like, shape (K,) or (K, G)
    beta : float
        From 0, where it is 1, to 1, where it is n.

    Returns
    -------
    ndarray of float64, of the shape of counts

    Raises
    ------
    ValueError
        If beta is out of its range, or there is a class without rows.
    """
    rows = read_counts(counts)
    if not 0 <= beta <= 1:
        raise ValueError(f"beta must be between 0 and 1, not {beta!r}.")
    if beta == 1:
        return rows
    if beta == 0:
        return np.ones_like(rows)
    # Of beta = 0.9999 and a row, 1 - beta^n keeps few of its digits.
    return np.expm1(rows * np.log(beta)) / (beta - 1)


def weights_from(per_row: NDArray[np.float64], counts: NDArray[np.float64]) -> Tensor:
    """Scale weights of cells to mean 1 over rows, so that the learning rate keeps its meaning.

    Parameters
    ----------
    per_row : ndarray
        What a row of each cell counts; broadcast to the counts.
    counts : ndarray, shape (K,) or (K, G)

    Returns
    -------
    Tensor, of the shape of counts
    """
    weights = np.broadcast_to(per_row, counts.shape)
    return as_default(weights * counts.sum() / (weights * counts).sum())


def as_default(array: NDArray[np.float64]) -> Tensor:
    """An array as a tensor of torch's default type.

    Parameters
    ----------
    array : ndarray

    Returns
    -------
    Tensor
    """
    return torch.tensor(array, dtype=torch.get_default_dtype())


def _codes(name: str, values: ArrayLike, most: int) -> NDArray[np.int64]:
    codes = np.asarray(to_numpy(values, name))
    if codes.ndim != 1 or codes.dtype.kind not in "iu":
        raise ValueError(
            f"{name} must be a vector of codes from 0 to {most - 1}, not {codes.dtype} of shape "
            f"{codes.shape}."
        )
    if len(codes) and (codes.min() < 0 or codes.max() >= most):
        raise ValueError(
            f"{name} must lie in 0..{most - 1}, but ranges from {codes.min()} to {codes.max()}."
        )
    return codes.astype(np.int64)
