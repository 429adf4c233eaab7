"""Lower and upper bounds of three groups or more: positions and items assigned to each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from equipoise.rank.candidates import Candidates
from equipoise.rank.windows import Windows

LARGEST = 3000
"""Items that may come into question: the square of it is held in memory, and the time grows with
the cube."""


def place_by_assignment(
    candidates: Candidates, windows: Windows, discount: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Assign the j-th of each group to a position within its window, at the largest sum.

    Parameters
    ----------
    candidates : Candidates
    windows : Windows
        Feasible ones.
    discount : ndarray, shape (n,)

    Returns
    -------
    ndarray of int64, shape (n,)
        Ranks of the items, from the first position on.
    """
    from scipy.optimize import linear_sum_assignment  # takes a while to load

    n = windows.n
    ranks, first, last = _windows_of_items(candidates, windows)
    scores = candidates.scores[candidates.order][ranks]
    places = np.arange(1, n + 1)
    # Behind the end are places of no worth for those who are not placed, but not for who is due.
    spare = len(ranks) - n
    worth = np.zeros((len(ranks), n + spare))
    worth[:, :n] = scores[:, None] * discount
    barred = (places < first[:, None]) | (places > last[:, None])
    worth[:, :n][barred] = -np.inf
    worth[last <= n, n:] = -np.inf
    item, place = linear_sum_assignment(worth, maximize=True)
    taken = place < n
    # Windows of a group are in order, so that its members can come in theirs: whoever is
    # assigned says only which group has the position.
    group = np.empty(n, np.int64)
    group[place[taken]] = candidates.group[ranks[item[taken]]]
    out = np.empty(n, np.int64)
    for g in range(candidates.n_groups):
        held = np.flatnonzero(group == g)
        out[held] = candidates.members(g)[: len(held)]
    return out


def _windows_of_items(
    candidates: Candidates, windows: Windows
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    n = windows.n
    ranks, first, last = [], [], []
    for g, (deadlines, openings) in enumerate(
        zip(windows.deadlines, windows.openings, strict=True)
    ):
        k = min(int(windows.sizes[g]), n)
        ranks.append(candidates.members(g)[:k])
        from_here, to_here = np.full(k, n + 1), np.full(k, n + 1)
        to_here[: len(deadlines)] = deadlines
        if openings is None:
            from_here = np.ones(k, np.int64)
        else:
            from_here[: len(openings)] = openings[:k]
        first.append(from_here)
        last.append(to_here)
    return np.concatenate(ranks), np.concatenate(first), np.concatenate(last)
