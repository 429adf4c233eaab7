"""Logit adjustment of a model that is already trained."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from equipoise.codes import to_numpy
from equipoise.learn.imbalance.batch import read_logits
from equipoise.learn.imbalance.counts import cell_counts, log_prior, read_counts

__all__ = ["TunedTau", "adjust_logits", "tune_tau"]


def adjust_logits(logits: Tensor, counts: Any, tau: float = 1.0) -> Tensor:
    """Subtract what frequent classes have in advance, Menon et al. 2021 (arXiv 2007.07314), eq. 9.

    f_k - tau log pi_k, for a model trained with plain cross-entropy. One trained with an adjusted
    loss has its adjustment already.

    Parameters
    ----------
    logits : Tensor, shape (b, K)
    counts : array-like, shape (K,)
        Training rows of each class.
    tau : float

    Returns
    -------
    Tensor, shape (b, K)
        What is in half precision comes back in single.

    Raises
    ------
    ValueError
        If a class has no rows or shapes do not fit.
    """
    prior = log_prior(read_counts(counts, axes=1))
    logits = read_logits(logits, len(prior))
    if not math.isfinite(tau):
        raise ValueError(f"tau must be a finite number, not {tau!r}.")
    return logits - tau * prior.to(logits)


class TunedTau(NamedTuple):
    """How strongly to adjust, and what that gives.

    Attributes
    ----------
    tau : float
        The middle of the widest of the best intervals.
    low, high : float
        That interval: every tau inside it decides with the same balanced error.
    balanced_error : float
        Mean over classes of the share of their rows that is decided wrongly.
    """

    tau: float
    low: float
    high: float
    balanced_error: float


def tune_tau(
    logits: ArrayLike | Tensor,
    label: ArrayLike | Tensor,
    counts: Any,
    bounds: tuple[float, float] = (0.0, 4.0),
) -> TunedTau:
    """The tau of :func:`adjust_logits` of least balanced error on rows set apart, exactly.

    Adjusted logits are lines in tau, so that each row is decided rightly on one interval of tau,
    and the balanced error is piecewise constant. All its pieces are looked at; no grid is.

    Parameters
    ----------
    logits : array-like, shape (n, K)
        Of rows that were not trained on.
    label : array-like of int, shape (n,)
    counts : array-like, shape (K,)
        *Training* rows of each class.
    bounds : tuple of float
        Smallest and largest tau.

    Returns
    -------
    TunedTau

    Raises
    ------
    ValueError
        If a class has no row in training or here, shapes do not fit, a logit is not finite, or the
        bounds are not in order.
    """
    low, high = bounds
    if not -math.inf < low < high < math.inf:
        raise ValueError(f"bounds must be two finite numbers in order, not {bounds!r}.")
    rows = read_counts(counts, axes=1)
    scores = np.asarray(to_numpy(logits, "logits"), np.float64)
    if scores.ndim != 2 or scores.shape[1] != len(rows) or not np.isfinite(scores).all():
        raise ValueError(
            f"logits must be finite and of shape (n, {len(rows)}), not of shape {scores.shape}."
        )
    labels = np.asarray(to_numpy(label, "label"))
    held = cell_counts(labels, len(rows))
    if len(labels) != len(scores):
        raise ValueError(f"logits have {len(scores)} rows and label {len(labels)}.")
    if held.min() < 1:
        raise ValueError(
            f"class {held.argmin()} has no row here, and the balanced error needs one of each."
        )
    prior = np.log(rows / rows.sum())
    start, end = _right_between(scores, labels.astype(np.int64), prior, low, high)
    # A row adds its share to the balanced accuracy where its interval starts, and takes it where
    # the interval ends.
    share = 1 / (len(rows) * held[labels])
    within = start < end
    edges = np.unique(np.concatenate([[low, high], start[within], end[within]]))
    change = np.zeros(len(edges))
    np.add.at(change, np.searchsorted(edges, start[within]), share[within])
    np.add.at(change, np.searchsorted(edges, end[within]), -share[within])
    accuracy = np.cumsum(change)[:-1]
    # The same sum in another order is another number.
    left, right = _widest(edges, accuracy >= accuracy.max() - 1e-9)
    return TunedTau((left + right) / 2, left, right, 1 - float(accuracy.max()))


def _right_between(
    scores: NDArray[np.float64],
    label: NDArray[np.int64],
    prior: NDArray[np.float64],
    low: float,
    high: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    # The own class leads class k where lead >= tau * slope: from below for a positive slope, from
    # above for a negative one, always or never without.
    lead = np.take_along_axis(scores, label[:, None], 1) - scores
    slope = prior[label][:, None] - prior
    with np.errstate(divide="ignore", invalid="ignore"):
        crossing = lead / slope
    end = np.where(slope > 0, crossing, high).min(1, initial=high)
    start = np.where(slope < 0, crossing, low).max(1, initial=low)
    # Of equal logits the first class is decided for, as argmax does.
    earlier = np.arange(scores.shape[1]) < label[:, None]
    never = (slope == 0) & ((lead < 0) | ((lead == 0) & earlier))
    return np.where(never.any(1), high, start), end


def _widest(edges: NDArray[np.float64], best: NDArray[np.bool_]) -> tuple[float, float]:
    # The longest of the runs of neighbouring pieces that are best.
    turns = np.flatnonzero(np.diff(best, prepend=False, append=False))
    left, right = edges[turns[::2]], edges[turns[1::2]]
    widest = (right - left).argmax()
    return float(left[widest]), float(right[widest])
