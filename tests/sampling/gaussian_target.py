"""Targets with known answers."""

from __future__ import annotations

import numpy as np

from equipoise.sampling.densities import ArrayTarget


def gaussian(covariance: np.ndarray, mean: np.ndarray | float = 0.0) -> ArrayTarget:
    precision = np.linalg.inv(np.atleast_2d(covariance))

    def both(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        pulled = (x - mean) @ precision
        return -((x - mean) * pulled).sum(axis=1) / 2, -pulled

    return ArrayTarget(both, f"gaussian {covariance!r} {mean!r}")


def skewed(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """-U for U = sum of x^4 / 4 + x^3 / 6 + x^2 / 2, one coordinate beside the other."""
    energy = x**4 / 4 + x**3 / 6 + x**2 / 2
    return -energy.sum(axis=1), -(x**3 + x**2 / 2 + x)


SKEWED = ArrayTarget(skewed, "skewed")


def mixture(apart: float, weight: float = 0.3) -> ArrayTarget:
    """Two normals of variance 1 at -apart and apart, the second of the given weight."""

    def both(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        logs = np.stack(
            [
                np.log(1 - weight) - (x[:, 0] + apart) ** 2 / 2,
                np.log(weight) - (x[:, 0] - apart) ** 2 / 2,
            ]
        )
        total = np.logaddexp(*logs)
        share = np.exp(logs[1] - total)
        slope = -(1 - share) * (x[:, 0] + apart) - share * (x[:, 0] - apart)
        return total, slope[:, None]

    return ArrayTarget(both, f"mixture {apart} {weight}")
