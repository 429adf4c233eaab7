"""What a trained network is judged by, from its probabilities on the rows of one part.

Independence, separation and sufficiency are sums over both classes of how far two groups are
apart, on decisions at one half; with more than two groups, sums over the groups after the first
of how far each is from the first. This is how the benchmark paper counts them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from equipoise.constraints import Constraint
from equipoise.groups import Groups
from equipoise.rates import divide, find_rate

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Seen:
    """What one network says of the rows of a part.

    Attributes
    ----------
    probability : ndarray, shape (n, k)
    decision : ndarray of int64, shape (n,)
    label : ndarray of int64, shape (n,)
    groups : Groups of n rows, disjoint
    """

    probability: Array
    decision: NDArray[np.int64]
    label: NDArray[np.int64]
    groups: Groups

    @property
    def loss(self) -> Array:
        """Cross-entropy of each row, shape (n,)."""
        right = self.probability[np.arange(len(self.label)), self.label]
        return -np.log(np.maximum(right, np.finfo(np.float64).tiny))

    @property
    def table(self) -> NDArray[np.int64]:
        """Rows by group, label and decision, shape (g, k, k)."""
        k = self.probability.shape[1]
        codes = self.label * k + self.decision
        return self.groups.tabulate(codes, k * k).reshape(-1, k, k)


def measure(seen: Seen, constraint: Constraint) -> dict[str, float]:
    """All figures of one network on one part.

    Parameters
    ----------
    seen : Seen
    constraint : Constraint
        The promise.

    Returns
    -------
    dict of float
        Among them ``disparity`` (what the promise is about), ``violation`` (by how much it is
        broken, negative where there is room) and ``standard_error`` of the disparity. NaN is what
        is undefined.
    """
    disparity, error = disparity_with_error(seen, constraint)
    sign = 1 if constraint.sense == "<=" else -1
    return {
        "loss": float(seen.loss.mean()),
        "inaccuracy": float((seen.decision != seen.label).mean()),
        "disparity": disparity,
        "violation": sign * (disparity - constraint.bound),
        "standard_error": error,
        "loss_gap": float(np.ptp(group_means(seen.loss, seen.groups))),
        "independence": apart(seen, "selection"),
        "separation": apart(seen, "true_positive") + apart(seen, "false_positive"),
        "sufficiency": apart(seen, "predictive_value") + apart(seen, "false_omission"),
        "wasserstein": scores_apart(seen.probability[:, 1], seen.groups),
        "auc": area_under_curve(seen.probability[:, 1], seen.label),
    }


def group_means(values: Array, groups: Groups) -> Array:
    """Means by group, shape (g,); NaN where a group has no row."""
    sums = groups.tabulate(np.zeros(len(values), np.int64), 1, values)[:, 0]
    return divide(sums, groups.sizes)


def disparity_with_error(seen: Seen, constraint: Constraint) -> tuple[float, float]:
    """What the promise is about, and the standard error of the difference that decides it.

    Parameters
    ----------
    seen : Seen
    constraint : Constraint

    Returns
    -------
    disparity, standard_error : float
        The error is the largest over pairs of groups of that of their difference (for the worst
        group's rate: the largest of a group), with a share's variance estimated after adding two
        successes and two failures, since that of a share of 0 or 1 is not 0.
    """
    rate = constraint.disparity.rate
    if rate.of_loss:
        rates = group_means(seen.loss, seen.groups)[None]
        squares = group_means(seen.loss**2, seen.groups)[None]
        variances = divide(np.maximum(squares - rates**2, 0), seen.groups.sizes[None])
    else:
        top, bottom = rate.fractions(seen.table)
        rates = divide(top, bottom)
        share = (top + 2) / (bottom + 4)
        variances = divide(share * (1 - share), bottom)
    two = np.sort(variances, axis=-1)[:, -2:]
    together = two[:, -1] if constraint.disparity.kind == "worst" else two.sum(axis=-1)
    return float(constraint.disparity.value(rates)), float(np.sqrt(together.max()))


def apart(seen: Seen, rate: str) -> float:
    """How far the other groups' rate is from the first group's, summed.

    Parameters
    ----------
    seen : Seen
    rate : str

    Returns
    -------
    float
    """
    values = find_rate(rate).values(seen.table)
    return float(np.abs(values[:, 1:] - values[:, :1]).sum())


def scores_apart(score: Array, groups: Groups) -> float:
    """The sum over groups after the first of the squared 2-Wasserstein distance to the first.

    Parameters
    ----------
    score : ndarray, shape (n,)
    groups : Groups of n rows, disjoint

    Returns
    -------
    float
    """
    first, *others = (score[groups.codes == number] for number in range(len(groups)))
    return sum(squared_wasserstein(first, other) for other in others)


def squared_wasserstein(a: Array, b: Array) -> float:
    """The squared 2-Wasserstein distance between two samples, exactly.

    On the line the best coupling is that of equal quantiles, so it is a finite sum over the
    pieces on which both quantile functions are constant. The paper's figure is this quantity of
    two histograms of 50 bins whose range is the first group's, which drops what lies outside.

    Parameters
    ----------
    a, b : ndarray, shapes (n,) and (m,)

    Returns
    -------
    float
        NaN if one has no values.
    """
    if not len(a) or not len(b):
        return float("nan")
    ends = np.union1d(np.arange(1, len(a) + 1) / len(a), np.arange(1, len(b) + 1) / len(b))
    widths = np.diff(ends, prepend=0.0)
    middles = ends - widths / 2
    quantiles = [np.sort(x)[np.minimum((middles * len(x)).astype(int), len(x) - 1)] for x in (a, b)]
    return float(widths @ (quantiles[0] - quantiles[1]) ** 2)


def area_under_curve(score: Array, label: NDArray[np.int64]) -> float:
    """The chance that a positive's score exceeds a negative's, ties counting half.

    Parameters
    ----------
    score : ndarray, shape (n,)
    label : ndarray of int, shape (n,)

    Returns
    -------
    float
        NaN if one class does not occur.
    """
    positive = label == 1
    n, m = int(positive.sum()), int((~positive).sum())
    if not n or not m:
        return float("nan")
    ranks = stats.rankdata(score)
    return float((ranks[positive].sum() - n * (n + 1) / 2) / (n * m))


def constant_loss(label: NDArray[np.int64]) -> float:
    """The cross-entropy of predicting the shares of the labels for everybody.

    Parameters
    ----------
    label : ndarray of int, shape (n,)

    Returns
    -------
    float
    """
    share = np.bincount(label) / len(label)
    return float(stats.entropy(share))
