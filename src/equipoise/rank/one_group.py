"""The best ranking where one group has lower bounds: in closed form."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.int64]


def place_one_group(protected: NDArray[np.bool_], deadlines: Places, n: int) -> Places:
    """Place the members of one group no later than their deadlines, and everybody else by merit.

    With deadlines made distinct from the last to the first, the j-th member comes where it would
    come without bounds or at its deadline, whichever is earlier; the others fill the remaining
    places in order. This is what the general rule (:mod:`equipoise.rank.loops`) does.

    Parameters
    ----------
    protected : ndarray of bool, shape (m,)
        Whether each item, from the best to the worst, is in the group.
    deadlines : ndarray of int, shape (d,)
        Of the first members of the group, not decreasing, feasible.
    n : int

    Returns
    -------
    ndarray of int64, shape (n,)
        Ranks of the items, from the first position on.
    """
    ranks = np.flatnonzero(protected)
    j = np.arange(len(deadlines))
    distinct = np.minimum.accumulate((deadlines - j)[::-1])[::-1] + j
    places = ranks.copy()
    places[: len(distinct)] = np.minimum(places[: len(distinct)], distinct - 1)
    out = np.full(len(protected), -1, np.int64)
    out[places] = ranks
    out[out < 0] = np.flatnonzero(~protected)
    return out[:n]
