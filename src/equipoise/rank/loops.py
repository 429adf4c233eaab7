"""Compiled loops over positions."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_FAR = np.int32(1 << 30)


@numba.njit(cache=True, nogil=True)
def place(
    group: Array,
    ranks: Array,
    starts: Array,
    deadlines: Array,
    due_starts: Array,
    openings: Array,
    open_starts: Array,
    capped: Array,
    n: int,
) -> Array:
    """Fill positions from the top, each with the best item that leaves the rest feasible.

    With slack(b) = b - (placed so far) - (still due by b) for prefixes b, a group may be placed if
    its next deadline is no later than the first b without slack; placing it takes one from
    the slack of all prefixes before its deadline. A binary tree holds the differences
    slack(b) - slack(b + 1), of which a placing changes one, and in each node the least suffix
    sum, by which the first prefix without slack is found.

    Parameters
    ----------
    group : ndarray of int, shape (m,)
        Of the items from the best to the worst.
    ranks : ndarray of int, shape (m,)
        Positions in `group` of the members of the first group, then of the second, ...
    starts : ndarray of int, shape (p + 1,)
        Where in `ranks` each group begins.
    deadlines, due_starts : ndarray of int
        The deadlines of each group, from 1 to n, and where those of a group begin.
    openings, open_starts : ndarray of int
        The openings likewise.
    capped : ndarray of bool, shape (p,)
        Whether a group has openings.
    n : int
        Positions to fill.

    Returns
    -------
    ndarray of int, shape (n,)
        Ranks of the items, from the first position on. The bounds have to be feasible.
    """
    p = len(starts) - 1
    never = n + 1
    any_capped = False
    next_at = starts[:-1].copy()  # the best that is left of each group
    next_due = np.full(p, never)
    next_open = np.ones(p, np.int64)
    for s in range(p):
        if due_starts[s] < due_starts[s + 1]:
            next_due[s] = deadlines[due_starts[s]]
        if capped[s]:
            any_capped = True
            next_open[s] = (
                openings[open_starts[s]] if open_starts[s] < open_starts[s + 1] else never
            )
    leaves = 1
    while leaves < n:
        leaves *= 2
    total = np.zeros(2 * leaves, np.int32)
    least = np.full(2 * leaves, _FAR, np.int32)
    guarded = len(deadlines) > 0
    if guarded:
        due = np.zeros(n + 2, np.int32)
        for d in deadlines:
            due[d] += 1
        last = np.int32(n)
        for b in range(1, n + 1):
            last -= due[b]
        for b in range(1, n + 1):
            # slack(b) - slack(b + 1) before anything is placed
            change = due[b + 1] - np.int32(1) if b < n else last
            total[leaves + b - 1] = change
            least[leaves + b - 1] = change
        for i in range(leaves - 1, 0, -1):
            total[i] = total[2 * i] + total[2 * i + 1]
            least[i] = min(least[2 * i + 1], least[2 * i] + total[2 * i + 1])
    placed = np.zeros(len(group), np.bool_)
    out = np.empty(n, np.int64)
    best = 0  # no item before it is left
    for k in range(1, n + 1):
        tight = never
        if guarded and least[1] <= 0:
            i, beyond = 1, np.int32(0)
            while i < leaves:
                if least[2 * i] + total[2 * i + 1] + beyond <= 0:
                    beyond += total[2 * i + 1]
                    i = 2 * i
                else:
                    i = 2 * i + 1
            tight = i - leaves + 1
        chosen = -1
        if tight == never and not any_capped:
            while placed[best]:
                best += 1
            chosen = group[best]
        else:
            least_rank = len(group)
            for s in range(p):
                may = next_at[s] < starts[s + 1] and next_due[s] <= tight and next_open[s] <= k
                if may and ranks[next_at[s]] < least_rank:
                    least_rank = ranks[next_at[s]]
                    chosen = s
        rank = ranks[next_at[chosen]]
        out[k - 1] = rank
        placed[rank] = True
        d = next_due[chosen]
        next_at[chosen] += 1
        j = next_at[chosen] - starts[chosen]
        at = due_starts[chosen] + j
        next_due[chosen] = deadlines[at] if at < due_starts[chosen + 1] else never
        if capped[chosen]:
            at = open_starts[chosen] + j
            next_open[chosen] = openings[at] if at < open_starts[chosen + 1] else never
        if guarded:
            i = leaves + k - 1  # a prefix that is filled is no longer looked at
            least[i] = _FAR
            _mend(total, least, i)
            if d - 1 >= k:
                i = leaves + d - 2
                total[i] -= 1
                if least[i] != _FAR:
                    least[i] -= 1
                _mend(total, least, i)
    return out


@numba.njit(cache=True, nogil=True)
def _mend(total: Array, least: Array, i: int) -> None:
    i //= 2
    while i:
        total[i] = total[2 * i] + total[2 * i + 1]
        least[i] = min(least[2 * i + 1], least[2 * i] + total[2 * i + 1])
        i //= 2


@numba.njit(cache=True, nogil=True)
def schedule(
    deadlines: Array,
    due_starts: Array,
    openings: Array,
    open_starts: Array,
    capped: Array,
    sizes: Array,
    n: int,
) -> int:
    """Fill positions with whoever is due first, to see whether all deadlines can be kept.

    Parameters
    ----------
    deadlines, due_starts, openings, open_starts, capped
        As :func:`place` has them.
    sizes : ndarray of int, shape (p,)
        Members of each group.
    n : int

    Returns
    -------
    int
        0 if they can; the first prefix of which they cannot; minus the first position for which
        nobody is there, if that comes first.
    """
    p = len(sizes)
    count = np.zeros(p, np.int64)
    for k in range(1, n + 2):
        chosen, first = -1, n + 2
        for s in range(p):
            j = count[s]
            at = due_starts[s] + j
            d = deadlines[at] if at < due_starts[s + 1] else n + 1
            if d < k:
                return d
            if k > n or j >= sizes[s]:
                continue
            if capped[s]:
                at = open_starts[s] + j
                if at >= open_starts[s + 1] or openings[at] > k:
                    continue
            if d < first:
                chosen, first = s, d
        if k > n:
            break
        if chosen < 0:
            return -k
        count[chosen] += 1
    return 0
