"""What a repaired table is to look like: shares of groups, and of labels in each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from equipoise.constraints import Constraint
from equipoise.rates import RATES
from equipoise.repair.inputs import is_number

Array = NDArray[np.float64]

Representation = float | Mapping[str, float] | None
"""What is asked of the groups' shares."""


def require_selection(promises: Sequence[Constraint]) -> None:
    """Refuse promises that labels alone cannot keep or break.

    Parameters
    ----------
    promises : sequence of Constraint

    Raises
    ------
    ValueError
        Unless each is of the gap or the ratio of selection rates, the decisions being the labels.
    """
    for promise in promises:
        rate, kind = promise.disparity.rate, promise.disparity.kind
        if rate is not RATES["selection"] or kind == "worst":
            raise ValueError(
                f"{promise} is none that repairing a table can keep: it changes how often labels "
                'occur in groups, so promise gap("selection") or ratio("selection"); for others '
                "train under the promise."
            )


def group_shares(shares: Array, names: Sequence[str], representation: Representation) -> Array:
    """The shares that groups are to have.

    Parameters
    ----------
    shares : ndarray, shape (g,)
        In the data.
    names : sequence of str, length g
    representation : float, mapping or None
        A bound of the smallest share over the largest, the representation rate of arXiv
        1906.02164: the shares nearest to the data's, in Kullback-Leibler divergence, that keep it.
        Or the share of each group by name, to be scaled to sum 1. Or None, as in the data.

    Returns
    -------
    ndarray, shape (g,)

    Raises
    ------
    ValueError
        If the bound is not between 0 and 1, or a share is missing, unknown or not positive.

    Notes
    -----
    Where the paper's tau is below 1, it makes the group that is called 0 the smaller one, by that
    ratio, even if it is the larger one in the data. Here nothing moves that keeps the bound.
    """
    if representation is None:
        return shares
    if isinstance(representation, Mapping):
        unknown = sorted(set(representation) - set(names))
        missing = [name for name in names if name not in representation]
        if unknown or missing:
            raise ValueError(
                f"representation must give a share to each of the groups {list(names)}; unknown: "
                f"{unknown}, missing: {missing}."
            )
        given = np.array([float(representation[name]) for name in names])
        if not (np.isfinite(given).all() and (given > 0).all()):
            raise ValueError("representation must hold positive shares.")
        return np.asarray(given / given.sum())
    if not is_number(representation) or not 0 <= representation <= 1:
        raise ValueError(
            "representation must be between 0 and 1, or the share of each group by name, not "
            f"{representation!r}."
        )
    bound = float(representation)
    if shares.min() >= bound * shares.max():
        return shares
    # The nearest is the data's, cut off below at some l and above at l / bound: of such laws, the
    # nearest.

    def cut(low: float) -> Array:
        kept = np.clip(shares, low, low / bound)
        return np.asarray(kept / kept.sum())

    def away(low: float) -> float:
        law = cut(low)
        return float(law @ np.log(law / shares))

    ends = np.unique(np.concatenate([shares, shares * bound]))
    found = [
        minimize_scalar(away, bounds=(a, b), method="bounded", options={"xatol": 1e-12})
        for a, b in pairwise(ends)
    ]
    lows = [*ends, *(float(one.x) for one in found)]
    return cut(min(lows, key=away))


def strength(table: Array, promises: Sequence[Constraint]) -> float:
    """How far the rates of labels must move towards their common mean to keep promises.

    Parameters
    ----------
    table : ndarray, shape (g, k)
        How much each label weighs in each group.
    promises : sequence of Constraint
        As :func:`require_selection` accepts them.

    Returns
    -------
    float
        The least t in [0, 1] that is enough; 0 without promises.
    """
    if not promises:
        return 0.0
    rates, common = _rates(table)

    def kept(t: float) -> bool:
        moved = (1 - t) * rates + t * common
        of_labels = moved.T if moved.shape[1] > 2 else moved[:, 1:].T
        return all(bool(promise.kept_by(of_labels)) for promise in promises)

    if kept(0.0):
        return 0.0
    low, high = 0.0, 1.0
    while high - low > 1e-12:
        middle = (low + high) / 2
        low, high = (low, middle) if kept(middle) else (middle, high)
    return high


def joint_law(table: Array, shares: Array, t: float) -> Array:
    """The joint law of group and label that is wanted.

    Each group's rates go the same part of the way to the rates of all rows together: these stay
    what they are, every difference shrinks alike, and with t = 1 labels are independent of groups,
    as Algorithm 1 of arXiv 1906.02164 makes them.

    Parameters
    ----------
    table : ndarray, shape (g, k)
    shares : ndarray, shape (g,)
        That the groups are to have.
    t : float
        How much of the way; above 1 the order of the groups is turned around, and what would be
        negative is 0.

    Returns
    -------
    ndarray, shape (g, k)
        With sum 1.
    """
    rates, common = _rates(table)
    moved = np.maximum((1 - t) * rates + t * common, 0.0)
    return np.asarray(shares[:, None] * moved / moved.sum(axis=1, keepdims=True))


def _rates(table: Array) -> tuple[Array, Array]:
    return table / table.sum(axis=1, keepdims=True), table.sum(axis=0) / table.sum()
