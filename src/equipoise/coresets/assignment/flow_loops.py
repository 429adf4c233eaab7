"""Compiled shortest paths between a few centres, along which mass of many points is moved."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@numba.njit(cache=True, nogil=True)
def _sift_down(keys: Array, items: Array, first: int, size: int, at: int) -> None:
    """Let an entry of a binary heap sink to where it belongs; of equal keys the first row leads."""
    key, item = keys[first + at], items[first + at]
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        a, b = first + child, first + child + 1
        if child + 1 < size and (keys[b] < keys[a] or (keys[b] == keys[a] and items[b] < items[a])):
            child += 1
            a = b
        if keys[a] < key or (keys[a] == key and items[a] < item):
            keys[first + at] = keys[a]
            items[first + at] = items[a]
            at = child
        else:
            break
    keys[first + at] = key
    items[first + at] = item


@numba.njit(cache=True, nogil=True)
def _sift_up(keys: Array, items: Array, first: int, at: int) -> None:
    """Let an entry of a binary heap rise to where it belongs."""
    key, item = keys[first + at], items[first + at]
    while at > 0:
        parent = (at - 1) // 2
        p = first + parent
        if key < keys[p] or (key == keys[p] and item < items[p]):
            keys[first + at] = keys[p]
            items[first + at] = items[p]
            at = parent
        else:
            break
    keys[first + at] = key
    items[first + at] = item


@numba.njit(cache=True, nogil=True)
def _nearest_short(
    lengths: Array, prices: Array, lacking: Array, source: int, dust: float,
    distance: Array, edges: Array, parent: Array, done: Array,
) -> int:  # fmt: skip
    """Dijkstra's algorithm from one centre to the nearest that lacks mass, or -1.

    Of equally short paths it takes one with the fewest edges: so the moves at one distance are
    those of Edmonds and Karp, and end whatever the masses are.
    """
    k = len(prices)
    distance[:] = np.inf
    edges[:] = k
    parent[:] = -1
    done[:] = False
    distance[source] = 0.0
    edges[source] = 0
    for _ in range(k):
        at = -1
        for j in range(k):
            if (
                not done[j]
                and distance[j] < np.inf
                and (
                    at < 0
                    or distance[j] < distance[at]
                    or (distance[j] == distance[at] and edges[j] < edges[at])
                )
            ):
                at = j
        if at < 0:
            return -1
        done[at] = True
        if lacking[at] > dust:
            return at
        for j in range(k):
            if not done[j] and lengths[at, j] < np.inf:
                # Never negative but for rounding.
                way = distance[at] + max(lengths[at, j] + prices[j] - prices[at], 0.0)
                if way < distance[j] or (way == distance[j] and edges[at] + 1 < edges[j]):
                    distance[j] = way
                    edges[j] = edges[at] + 1
                    parent[j] = at
    return -1


@numba.njit(cache=True, nogil=True)
def transport(
    costs: Array, weights: Array, labels: Array, prices: Array, wanted: Array
) -> tuple[Array, Array, int]:
    """Move mass between centres, as cheaply as can be, until each has what is wanted.

    Successive shortest paths on the graph of the centres: the edge from a to b is as long as it
    costs to move the point at a for which that is cheapest. Points begin where prices send them,
    which is the best way to have the masses it gives, and each path keeps it the best way.

    Parameters
    ----------
    costs : ndarray of float64, shape (n, k)
    weights : ndarray of float64, shape (n,)
    labels : ndarray of int64, shape (n,)
        The centre with the least ``costs + prices`` of each point.
    prices : ndarray of float64, shape (k,)
        They are changed so that in the end all mass is where ``costs + prices`` is least.
    wanted : ndarray of float64, shape (k,)
        Masses of the centres, that add up to the weights.

    Returns
    -------
    masses : ndarray, shape (n, k)
        Who has what.
    left : ndarray, shape (k,)
        Mass that could not be moved: roundings.
    paths : int
    """
    n, k = costs.shape
    masses = np.zeros((n, k))
    there = np.zeros(k, np.int64)
    over = -wanted
    for x in range(n):
        masses[x, labels[x]] = weights[x]
        over[labels[x]] += weights[x]
        there[labels[x]] += weights[x] > 0.0
    dust = 1e-15 * weights.sum()

    # One heap for each ordered pair of centres, all in one pool; a full one moves to its end.
    first = np.zeros((k, k), np.int64)
    room = np.zeros((k, k), np.int64)
    size = np.zeros((k, k), np.int64)
    used = 0
    for a in range(k):
        for b in range(k):
            if a != b:
                first[a, b] = used
                room[a, b] = there[a] + 4
                used += room[a, b]
    keys = np.empty(2 * used + 16, np.float64)
    items = np.empty(2 * used + 16, np.int64)
    for x in range(n):
        a = labels[x]
        if weights[x] > 0.0:
            for b in range(k):
                if b != a:
                    to = first[a, b] + size[a, b]
                    keys[to] = costs[x, b] - costs[x, a]
                    items[to] = x
                    size[a, b] += 1
    lengths = np.full((k, k), np.inf)
    for a in range(k):
        for b in range(k):
            if a != b:
                for at in range(size[a, b] // 2 - 1, -1, -1):
                    _sift_down(keys, items, first[a, b], size[a, b], at)
                if size[a, b]:
                    lengths[a, b] = keys[first[a, b]]

    distance = np.empty(k)
    edges = np.empty(k, np.int64)
    parent = np.empty(k, np.int64)
    done = np.empty(k, np.bool_)
    paths = 0
    for source in range(k):
        while over[source] > dust:
            sink = _nearest_short(
                lengths, prices, -over, source, dust, distance, edges, parent, done
            )
            if sink < 0:
                break
            paths += 1
            for j in range(k):
                prices[j] -= min(distance[j], distance[sink])
            amount = min(over[source], -over[sink])
            b = sink
            while b != source:
                a = parent[b]
                amount = min(amount, masses[items[first[a, b]], a])
                b = a
            over[source] -= amount
            over[sink] += amount
            b = sink
            while b != source:
                a = parent[b]
                x = items[first[a, b]]
                arrives = masses[x, b] == 0.0
                masses[x, a] -= amount
                if masses[x, a] < 1e-15 * weights[x]:
                    amount_left = masses[x, a]
                    masses[x, a] = 0.0
                    masses[x, b] += amount_left
                masses[x, b] += amount
                if arrives:
                    for c in range(k):
                        if c == b:
                            continue
                        if size[b, c] == room[b, c]:
                            grown = 2 * room[b, c] + 4
                            if used + grown > len(keys):
                                more = 2 * (used + grown)
                                new_keys = np.empty(more, np.float64)
                                new_items = np.empty(more, np.int64)
                                new_keys[:used] = keys[:used]
                                new_items[:used] = items[:used]
                                keys, items = new_keys, new_items
                            old = first[b, c]
                            for at in range(size[b, c]):
                                keys[used + at] = keys[old + at]
                                items[used + at] = items[old + at]
                            first[b, c] = used
                            room[b, c] = grown
                            used += grown
                        to = size[b, c]
                        keys[first[b, c] + to] = costs[x, c] - costs[x, b]
                        items[first[b, c] + to] = x
                        size[b, c] += 1
                        _sift_up(keys, items, first[b, c], to)
                b = a
            # Whoever has left a centre leaves its heaps when it comes to their top.
            b = sink
            while b != source:
                a = parent[b]
                for c in range(k):
                    for start in (a, b):
                        if c == start:
                            continue
                        f = first[start, c]
                        while size[start, c] and masses[items[f], start] == 0.0:
                            size[start, c] -= 1
                            keys[f] = keys[f + size[start, c]]
                            items[f] = items[f + size[start, c]]
                            _sift_down(keys, items, f, size[start, c], 0)
                        lengths[start, c] = keys[f] if size[start, c] else np.inf
                b = a
    return masses, over, paths
