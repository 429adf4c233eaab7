"""Finitely many points, such as the vertices of a polytope."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special

from equipoise.maxent.continuous.domain import Moments
from equipoise.maxent.continuous.errors import MeanOutsideError

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Points:
    """The rows of a matrix, each with the same probability: vertices of a polytope, say.

    Points may lie in a plane; the parameter is then one of many that are the same on it.

    Parameters
    ----------
    points : array_like, shape (m, n)
        Different from each other.
    """

    points: Array

    def __init__(self, points: ArrayLike) -> None:
        array = np.array(points, dtype=float)
        if array.ndim != 2 or not array.size:
            raise ValueError(f"points have shape (m, n), not {array.shape}")
        if not np.isfinite(array).all():
            raise ValueError("points have NaN or infinite entries")
        if len(np.unique(array, axis=0)) < len(array):
            raise ValueError("points are given more than once: pass numpy.unique(points, axis=0)")
        object.__setattr__(self, "points", array)

    @property
    def n(self) -> int:
        """Number of coordinates."""
        return self.points.shape[1]

    @property
    def log_size(self) -> float:
        """Of the number of points."""
        return float(np.log(len(self.points)))

    @property
    def self_concordant(self) -> bool:
        """It is not: laws on two points can have any skewness."""
        return False

    def moments(self, parameter: Array) -> Moments:
        """See :class:`Domain`."""
        heights = self.points @ parameter
        log = float(special.logsumexp(heights))
        weight = np.exp(heights - log)
        mean = weight @ self.points
        spread = self.points - mean
        return Moments(log - self.log_size, mean, (weight[:, None] * spread).T @ spread)

    def support(self, direction: Array) -> float:
        """See :class:`Domain`."""
        return float((self.points @ direction).max())

    def checked(self, mean: Array) -> Array:
        """See :class:`Domain`: nothing has to hold."""
        return mean

    def margin(self, mean: Array) -> Array:
        """See :class:`Domain`: the least weight, at most, in a mixture with this mean, times m."""
        m = len(self.points)
        equations = np.column_stack([np.vstack([self.points.T, np.ones(m)]), np.zeros(self.n + 1)])
        found = optimize.linprog(
            np.append(np.zeros(m), -1.0),
            A_ub=np.column_stack([-np.eye(m), np.ones(m)]),
            b_ub=np.zeros(m),
            A_eq=equations,
            b_eq=np.append(mean, 1.0),
            bounds=[(0, None)] * m + [(None, 1)],
        )
        if found.x is None:
            raise MeanOutsideError("mean is not a mixture of the points: move it towards theirs")
        least = float(found.x[-1]) * m
        return np.full(self.n, least if least > 1e-9 else 0.0)

    def free(self, mean: Array) -> Array:
        """See :class:`Domain`: all in which points differ."""
        return np.asarray(np.ptp(self.points, axis=0) > 0)

    def start(self, mean: Array) -> Array:
        """See :class:`Domain`."""
        return np.zeros(self.n)

    def contains(self, x: Array) -> Array:
        """See :class:`Domain`."""
        return (x[..., None, :] == self.points).all(axis=-1).any(axis=-1)

    def draw(self, parameter: Array, number: int, rng: np.random.Generator) -> Array:
        """See :class:`Domain`; exact."""
        heights = self.points @ parameter
        weight = np.exp(heights - special.logsumexp(heights))
        return self.points[rng.choice(len(weight), number, p=weight / weight.sum())]
