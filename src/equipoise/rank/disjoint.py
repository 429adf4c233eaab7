"""The best ranking of disjoint groups under bounds of every prefix."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from equipoise.rank.assignment import LARGEST, place_by_assignment
from equipoise.rank.candidates import Candidates
from equipoise.rank.feasible import flattened
from equipoise.rank.one_group import place_one_group
from equipoise.rank.windows import Windows

Array = NDArray[np.float64]
Ranks = NDArray[np.int64]

# Utilities that differ by less, relative to the size of the sum, are one.
_ROUNDING = 1e-12


class Placed(NamedTuple):
    """Who comes where, and what is known of it.

    Attributes
    ----------
    ranks : ndarray of int64, shape (n,)
        Ranks of the items, from the first position on.
    method : str
    bound : float or None
        Where it is not known to be optimal: what no ranking that keeps the bounds exceeds.
    """

    ranks: Ranks
    method: str
    bound: float | None = None


def place(candidates: Candidates, windows: Windows, discount: Array) -> Placed:
    """Place items within windows so that the discounted sum of scores is largest.

    Lower bounds alone, upper bounds alone, and both of two groups are met best by taking at each
    position the best item that leaves the rest feasible, whatever the discounts. Lower bounds:
    for any prefix the counts that can be had are the bases of a polymatroid, and what is taken
    maximises the sum of scores over them for all prefixes at once. Upper bounds: unit jobs with
    releases. Of two groups an upper bound of one is a lower bound of the other. With both and
    three groups or more that is not so: somebody who is due may have to come before the
    deadline, to keep its place for somebody better who is not let in yet. Then positions and
    items are assigned to each other, unless what the rule gives is proved best by the bounds of
    one kind alone.

    Parameters
    ----------
    candidates : Candidates
    windows : Windows
        Feasible ones.
    discount : ndarray, shape (n,)

    Returns
    -------
    Placed
    """
    n = windows.n
    if not windows.has_openings:
        return _place_with_deadlines(candidates, windows)
    ranks = _greedy(candidates, windows)
    if not windows.has_deadlines or len(windows.names) < 3:
        return Placed(ranks, "deadlines")
    sorted_scores = candidates.scores[candidates.order]
    found = float(discount @ sorted_scores[ranks])
    limit = min(
        float(discount @ sorted_scores[_greedy(candidates, relaxed)])
        for relaxed in (windows.without_openings(), windows.without_deadlines())
    )
    if limit - found <= _ROUNDING * float(discount @ np.abs(sorted_scores[ranks])):
        return Placed(ranks, "deadlines")
    if int(np.minimum(windows.sizes, n).sum()) <= LARGEST:
        return Placed(place_by_assignment(candidates, windows, discount), "assignment")
    return Placed(ranks, "deadlines, not proved best", limit)


def _place_with_deadlines(candidates: Candidates, windows: Windows) -> Placed:
    bounded = [g for g, places in enumerate(windows.deadlines) if len(places)]
    if not bounded:
        return Placed(np.arange(windows.n), "sort")
    if len(bounded) == 1:
        (g,) = bounded
        protected = candidates.group == g
        return Placed(place_one_group(protected, windows.deadlines[g], windows.n), "closed form")
    return Placed(_greedy(candidates, windows), "deadlines")


def _greedy(candidates: Candidates, windows: Windows) -> Ranks:
    # Here, as compiled code takes a while to load.
    from equipoise.rank.loops import place as filled

    return np.asarray(
        filled(
            candidates.group,
            candidates.ranks,
            candidates.starts,
            *flattened(windows),
            windows.n,
        )
    )
