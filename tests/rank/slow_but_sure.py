"""Rankings found by trying all, or by a rule whose every step is checked."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from equipoise.rank import Bound

Array = NDArray[np.float64]


def counts_table(bounds: Sequence[Bound], names: Sequence[str], sizes, n: int, n_rows: int):
    """What each prefix, the empty one first, must and may have of each group."""
    least = np.zeros((n + 1, len(names)), int)
    most = np.tile(np.arange(n + 1)[:, None], (1, len(names)))
    for bound in bounds:
        g = list(names).index(bound.group)
        for k in range(1, n + 1):
            if bound.sense == ">=":
                if bound.share is not None:
                    count = min(int(bound.share * k), sizes[g])
                else:
                    count = max((c for within, c in bound.counts if within <= k), default=0)
                least[k, g] = max(least[k, g], count)
            else:
                if bound.share is not None:
                    count = max(-int(-bound.share * k // 1), k - (n_rows - sizes[g]))
                else:
                    count = min((c for within, c in bound.counts if within >= k), default=k)
                most[k, g] = min(most[k, g], count)
    return least, most


def keeps(order, membership, least, most) -> bool:
    """Whether a ranking keeps what each prefix must and may have."""
    counts = np.cumsum(membership[order], axis=0)
    n = len(order)
    return bool((counts >= least[1 : n + 1]).all() and (counts <= most[1 : n + 1]).all())


def best_of_all(scores: Array, membership, least, most, discount: Array) -> float | None:
    """The largest utility over all rankings that keep the counts; None if there is none."""
    n = len(discount)
    found = [
        float(discount @ scores[list(order)])
        for order in permutations(range(len(scores)), n)
        if keeps(list(order), membership, least, most)
    ]
    return max(found) if found else None


def quadratic_greedy(scores: Array, codes, least, n: int):
    """At each position the best head of a group after which all later prefixes can be kept."""
    p = least.shape[1]
    heads = [sorted(np.flatnonzero(codes == g), key=lambda i: (-scores[i], i)) for g in range(p)]
    counts = np.zeros(p, int)
    order = []
    for k in range(1, n + 1):
        fit = []
        for g in range(p):
            if counts[g] == len(heads[g]):
                continue
            counts[g] += 1
            later = np.arange(k, n + 1)
            if (np.maximum(least[k:] - counts, 0).sum(axis=1) <= later - k).all():
                item = heads[g][counts[g] - 1]
                fit.append((-scores[item], item, g))
            counts[g] -= 1
        _, item, g = min(fit)
        counts[g] += 1
        order.append(item)
    return order
