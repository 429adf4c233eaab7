"""Assignments found the slow way: by trying all, and by integer programs."""

from __future__ import annotations

from itertools import product

import numpy as np
from ortools.graph.python import min_cost_flow
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp


def partitions(*sizes):
    """Collections of several types side by side: each crossing of their values, (G, l)."""
    return np.array(
        [
            np.concatenate(
                [np.arange(size) == value for size, value in zip(sizes, values, strict=True)]
            )
            for values in product(*map(range, sizes))
        ]
    )


def cells_of(labels, weights, collections, n_collections, k):
    """What each centre has of each collection, where points are whole."""
    cells = np.zeros((n_collections, k))
    np.add.at(cells, (collections, labels), weights)
    return cells


def best_of_each(costs, weights, collections, members):
    """The least cost of all whole assignments for each F, as a mapping from F's bytes."""
    n, k = costs.shape
    best = {}
    for labels in product(range(k), repeat=n):
        cells = cells_of(np.array(labels), weights, collections, len(members), k)
        masses = members.T.astype(float) @ cells
        cost = float(weights @ costs[np.arange(n), labels])
        key = masses.tobytes()
        if cost < best.get(key, (np.inf, masses))[0]:
            best[key] = (cost, masses)
    return list(best.values())


def best_whole(costs, collections, members, masses):
    """The integer program of prescribed masses with points of weight 1."""
    n, k = costs.shape
    by_point = sparse.kron(sparse.eye_array(n), np.ones((1, k)))
    of_group = sparse.csr_array(members[collections].T.astype(float))
    by_group = sparse.kron(of_group, sparse.eye_array(k))
    solved = milp(
        costs.ravel(),
        integrality=np.ones(n * k),
        bounds=Bounds(0, 1),
        constraints=[
            LinearConstraint(by_point, 1, 1),
            LinearConstraint(by_group, masses.ravel(), masses.ravel()),
        ],
        options={"mip_rel_gap": 0},
    )
    return None if solved.x is None else float(costs.ravel() @ np.rint(solved.x))


def flow_of(costs, weights, masses):
    """The least cost of whole masses of one group, by OR-Tools on costs that are whole numbers."""
    n, k = costs.shape
    flow = min_cost_flow.SimpleMinCostFlow()
    arcs = flow.add_arcs_with_capacity_and_unit_cost(
        np.repeat(np.arange(n), k),
        n + np.tile(np.arange(k), n),
        np.repeat(weights, k),
        costs.ravel(),
    )
    flow.set_nodes_supplies(np.arange(n + k), np.concatenate([weights, -masses]))
    assert flow.solve() == flow.OPTIMAL
    return int(flow.flows(arcs) @ costs.ravel())


def broken(found, costs, weights, collections):
    """By how much, as a share of all mass, points are not assigned as often as they weigh."""
    assert found.value == np.float64(costs[found.points, found.centres] @ found.masses)
    held = np.bincount(found.points, found.masses, minlength=len(weights))
    key = found.points * costs.shape[1] + found.centres
    assert (np.diff(key) > 0).all()
    assert (found.masses[weights[found.points] > 0] > 0).all()
    cells = np.zeros(found.prices.shape)
    np.add.at(cells, (collections[found.points], found.centres), found.masses)
    np.testing.assert_allclose(found.cells, cells, rtol=1e-9, atol=1e-9 * weights.sum())
    return np.abs(held - weights).max() / weights.sum()


def masses_broken(found, members, masses):
    """By how much, as a share of all mass, prescribed masses are missed."""
    held = members.T.astype(float) @ found.cells
    return np.abs(held - masses).max(initial=0) / found.masses.sum()


def bounds_broken(found, members, at_least, at_most):
    """By how much, as a share of all mass, bounds are broken."""
    held = members.T.astype(float) @ found.cells
    size = found.cells.sum(axis=0)
    worst = max(
        (np.asarray(at_least)[:, None] * size - held).max(initial=0),
        (held - np.asarray(at_most)[:, None] * size).max(initial=0),
    )
    return worst / found.masses.sum()
