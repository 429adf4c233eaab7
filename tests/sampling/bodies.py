"""Polytopes whose uniform distributions are known."""

from __future__ import annotations

import numpy as np

from equipoise.sampling import Polytope


def cube(n: int) -> Polytope:
    return Polytope(bounds=[(-1, 1)] * n)


def simplex(n: int) -> Polytope:
    """{x >= 0, sum x = 1}: Dirichlet(1, ..., 1)."""
    return Polytope(A_eq=np.ones((1, n)), b_eq=[1.0], bounds=[(0, None)] * n)


def solid_simplex(n: int) -> Polytope:
    return Polytope(np.ones((1, n)), [1.0], bounds=[(0, None)] * n)


def random_rows(m: int, n: int, seed: int = 0) -> Polytope:
    A = np.random.default_rng(seed).standard_normal((m, n))
    return Polytope(A / np.linalg.norm(A, axis=1, keepdims=True), np.ones(m))


def rotation(n: int, seed: int = 3) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((n, n)))[0]


def rotated_box(sides: np.ndarray, seed: int = 3) -> tuple[Polytope, np.ndarray]:
    """{|q_i x| <= side_i}, and q."""
    q = rotation(len(sides), seed)
    return Polytope(np.vstack([q, -q]), np.tile(sides, 2)), q


def birkhoff(n: int) -> Polytope:
    """Doubly stochastic matrices."""
    rows = np.kron(np.eye(n), np.ones((1, n)))
    columns = np.kron(np.ones((1, n)), np.eye(n))
    return Polytope(
        A_eq=np.vstack([rows, columns]), b_eq=np.ones(2 * n), bounds=[(0, None)] * (n * n)
    )
