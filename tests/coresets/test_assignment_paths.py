"""Shortest paths between centres, along which mass is moved."""

from __future__ import annotations

import numpy as np

from equipoise.coresets.assignment.flow_loops import _nearest_short


def _path(lengths: np.ndarray, lacking: np.ndarray) -> list[int]:
    k = len(lacking)
    distance, edges, parent = np.empty(k), np.empty(k, np.int64), np.empty(k, np.int64)
    at = _nearest_short(
        lengths, np.zeros(k), lacking, 0, 1e-15, distance, edges, parent, np.empty(k, np.bool_)
    )
    found = [int(at)]
    while at > 0:
        at = parent[at]
        found.append(int(at))
    return found[::-1]


def test_a_detour_that_is_shorter_by_rounding_alone_is_not_taken():
    # The same point straight to 2, and by way of 1: .1 + .2 is not .3 in floating point.
    longer = np.array([[np.inf, 0.1, 0.3], [np.inf, np.inf, 0.2], [np.inf, np.inf, np.inf]])
    shorter = longer.copy()
    shorter[0, 2] = np.nextafter(0.1 + 0.2, 1)
    lacking = np.array([0.0, 0.0, 1.0])
    assert _path(longer, lacking) == [0, 2]
    assert _path(shorter, lacking) == [0, 2]


def test_a_detour_that_is_shorter_is_taken():
    lengths = np.array([[np.inf, 0.1, 0.3001], [np.inf, np.inf, 0.2], [np.inf, np.inf, np.inf]])
    assert _path(lengths, np.array([0.0, 0.0, 1.0])) == [0, 1, 2]
