"""Which cluster each class belongs to."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from equipoise.codes import to_numpy

__all__ = ["cluster_of_class", "require_labels"]


def cluster_of_class(clusters: ArrayLike | Tensor) -> Tensor:
    """Read codes, or the columns of :func:`~equipoise.learn.imbalance.frequency_clusters`.

    Parameters
    ----------
    clusters : array-like, shape (K,) or (K, K')
        The cluster of each class, 0 to K' - 1; or 1 where a class is in a cluster and 0 elsewhere.

    Returns
    -------
    Tensor of int64, shape (K,)

    Raises
    ------
    ValueError
        If a class is in no cluster or several, or a cluster has no class.
    """
    array = np.asarray(to_numpy(clusters, "clusters"))
    if array.ndim not in (1, 2) or not array.size or array.dtype.kind not in "biuf":
        raise ValueError(
            "clusters must be the cluster of each class, shape (K,), or a column for each cluster, "
            f"shape (K, K'), not {array.dtype} of shape {array.shape}."
        )
    if array.ndim == 2:
        if not np.isin(array, (0, 1)).all():
            raise ValueError("clusters must be 0 or 1 where they have a column for each cluster.")
        wrong = np.flatnonzero(array.sum(1) != 1)
        if len(wrong):
            raise ValueError(
                f"class {wrong[0]} is in {int(array[wrong[0]].sum())} clusters: it needs one."
            )
        n_clusters, array = array.shape[1], array.argmax(1)
    elif array.dtype.kind == "f" or array.min() < 0:
        raise ValueError(
            "clusters must be whole numbers, 0 and up, and each class needs one, but they are "
            f"{array.tolist()!r}."
        )
    else:
        n_clusters = int(array.max()) + 1
    empty = np.setdiff1d(np.arange(n_clusters), array)
    if len(empty):
        raise ValueError(f"cluster {empty[0]} has no class: leave it out.")
    return torch.from_numpy(array.astype(np.int64))


def require_labels(label: Tensor, n_rows: int, n_classes: int) -> None:
    """Refuse labels that have no cluster.

    Parameters
    ----------
    label : Tensor of int64, shape (b,)
    n_rows : int
        b.
    n_classes : int
        K.

    Raises
    ------
    ValueError
        If the shape or type is another, or a label belongs to no class.
    """
    if label.shape != (n_rows,) or label.dtype != torch.int64:
        raise ValueError(
            f"label must be int64 of shape ({n_rows},), one a row of x, not {label.dtype} of shape "
            f"{tuple(label.shape)}."
        )
    low, high = torch.stack(torch.aminmax(label)).tolist()
    if low < 0 or high >= n_classes:
        raise ValueError(
            f"label {low if low < 0 else high} has no cluster: clusters are given for the classes "
            f"0..{n_classes - 1}."
        )
