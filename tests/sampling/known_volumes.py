"""Polytopes whose volumes are known."""

from __future__ import annotations

from itertools import product
from math import lgamma, log

import numpy as np
from tests.sampling.bodies import birkhoff, cube, rotated_box, rotation, solid_simplex

from equipoise.sampling import Polytope

# Volumes over that of a fundamental cell, OEIS A037302 (Beck and Pixton 2003).
BIRKHOFF = {
    3: 3,
    4: 352,
    5: 4718075,
    8: 12816077964079346687829905128694016,
    10: 5091038988117504946842559205930853037841762820367901333706255223000,
}


def projected_birkhoff_log_volume(n: int) -> float:
    """Of doubly stochastic matrices without their last row and column."""
    return log(BIRKHOFF[n]) - lgamma((n - 1) ** 2 + 1)


def birkhoff_log_volume(n: int) -> float:
    return projected_birkhoff_log_volume(n) + (n - 1) * log(n)


def cross_polytope(n: int) -> Polytope:
    signs = np.array(list(product((-1.0, 1.0), repeat=n)))
    return Polytope(signs, np.ones(len(signs)))


def skewed(polytope: Polytope, low: float = 1e-4) -> tuple[Polytope, float]:
    """Image of a polytope without equations, and the log-determinant of the map."""
    A, b = polytope.inequalities()
    sides = np.geomspace(1, low, polytope.n)
    matrix = rotation(polytope.n, 1) * sides @ rotation(polytope.n, 2)
    return Polytope(A.toarray() @ np.linalg.inv(matrix), b), float(np.log(sides).sum())


def projected_birkhoff(n: int) -> Polytope:
    k = n - 1
    rows = [np.kron(np.eye(k), np.ones((1, k))), np.kron(np.ones((1, k)), np.eye(k))]
    A = np.vstack([*rows, -np.ones((1, k * k))])
    return Polytope(A, np.concatenate([np.ones(2 * k), [2.0 - n]]), bounds=[(0, None)] * (k * k))


def known(name: str) -> tuple[Polytope, float]:
    """A polytope by its name, and the log of its volume."""
    if name.startswith("skewed "):
        polytope, log_volume = known(name.removeprefix("skewed "))
        image, log_det = skewed(polytope)
        return image, log_volume + log_det
    kind, n = name.split()[0], int(name.split()[1])
    if kind == "cube":
        return cube(n), n * log(2)
    if kind == "simplex":
        return solid_simplex(n), -lgamma(n + 1)
    if kind == "cross":
        return cross_polytope(n), n * log(2) - lgamma(n + 1)
    if kind == "box":
        sides = np.geomspace(1, 1e4, n)
        return rotated_box(sides)[0], float(np.log(2 * sides).sum())
    if kind == "projected":
        return projected_birkhoff(n), projected_birkhoff_log_volume(n)
    return birkhoff(n), birkhoff_log_volume(n)
