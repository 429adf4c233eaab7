"""Least costs under constraints on masses, found the slow way or for two centres in closed form."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linprog


def distances(points: np.ndarray, centres: np.ndarray, power: float) -> np.ndarray:
    return np.linalg.norm(points[:, None] - centres[None], axis=2) ** power


def constrained_cost(
    points: np.ndarray,
    weights: np.ndarray,
    collections: np.ndarray,
    masses: dict[int, np.ndarray],
    centres: np.ndarray,
    power: float,
) -> float:
    """K(X, F, C) where F is given for each collection, by linear programs."""
    costs, total = distances(points, centres, power), 0.0
    k = len(centres)
    for code, wanted in masses.items():
        of = collections == code
        n = int(of.sum())
        rows = np.kron(np.eye(n), np.ones(k))
        columns = np.kron(np.ones(n), np.eye(k))
        # The masses of collections agree up to rounding: one row says nothing new.
        found = linprog(
            costs[of].ravel(),
            A_eq=np.vstack([rows, columns[:-1]]),
            b_eq=np.concatenate([weights[of], wanted[:-1]]),
        )
        assert found.status == 0, found.message
        total += found.fun
    return total


def costs_of_all_sizes(
    points: np.ndarray,
    weights: np.ndarray,
    centres: np.ndarray,
    power: float,
    first_cluster: np.ndarray,
) -> np.ndarray:
    """What one collection costs at two centres, for each mass of the first cluster.

    Those go to the first centre that gain most by it.
    """
    costs = distances(points, centres, power)
    gains = costs[:, 0] - costs[:, 1]
    order = np.argsort(gains)
    filled = np.concatenate([[0], np.cumsum(weights[order])])
    paid = np.concatenate([[0], np.cumsum((weights * gains)[order])])
    return weights @ costs[:, 1] + np.interp(first_cluster, filled, paid)
