"""The Goemans-Williamson measure: from a positive definite matrix to random vectors and signs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.maxent.continuous.errors import (
    MeanOnBoundaryError,
    MeanOutsideError,
    require_whole,
)

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class GoemansWilliamson:
    """The law on matrices vv' with mean A that is nearest to *Lebesgue* measure of v.

    Leake and Vishnoi (2020, section 1.1) show that it is what Goemans and Williamson round with: v
    is normal with covariance A. The prior is infinite, so that entropy has no upper bound as A
    grows, and this class stands beside :func:`fit`, whose priors are probabilities.

    Parameters
    ----------
    mean : array_like, shape (n, n)
        A: symmetric, real, positive definite.
    on_singular : {"raise", "face"}
        What to do if A is singular: ``face`` takes Lebesgue measure on its range.

    Attributes
    ----------
    mean : ndarray, shape (n, n)

    Raises
    ------
    ValueError
        If the mean is not square, symmetric, real and finite.
    MeanOutsideError
        If it has a negative eigenvalue.
    MeanOnBoundaryError
        If it is singular.
    """

    mean: Array
    _frame: Array
    _levels: Array

    def __init__(self, mean: ArrayLike, *, on_singular: Literal["raise", "face"] = "raise") -> None:
        A = np.array(mean)
        if A.ndim != 2 or A.shape[0] != A.shape[1] or not A.size:
            raise ValueError(f"mean has shape (n, n), not {A.shape}")
        if np.iscomplexobj(A) or not np.isfinite(A).all():
            raise ValueError("mean is real, without NaN or infinite entries")
        A = A.astype(float)
        if np.abs(A - A.T).max() > 1e-12 * np.abs(A).max():
            raise ValueError("mean is symmetric: pass (mean + mean.T) / 2")
        if on_singular not in ("raise", "face"):
            raise ValueError(f"on_singular is 'raise' or 'face', not {on_singular!r}")
        A = (A + A.T) / 2
        levels, frame = np.linalg.eigh(A)
        rounding = 4 * len(A) * np.finfo(float).eps * max(levels[-1], 0.0)
        if levels[0] < -rounding or levels[-1] <= 0:
            raise MeanOutsideError(
                f"mean has the eigenvalue {levels[0]:.3g}: it must be positive definite"
            )
        kept = levels > rounding
        if not kept.all() and on_singular == "raise":
            raise MeanOnBoundaryError(
                "mean is singular, and all laws with this mean have entropy minus infinity: add a "
                "multiple of the identity, or restrict to its range with on_singular='face'"
            )
        object.__setattr__(self, "mean", A)
        object.__setattr__(self, "_frame", frame[:, kept])
        object.__setattr__(self, "_levels", levels[kept])

    @property
    def parameter(self) -> Array:
        """The dual's minimiser y, shape (n, n): the density of v is exp(<y, vv'> - log_normaliser).

        It is minus half of the inverse of A. The paper writes exp(-<Y, vv'>): its Y is minus y.
        """
        return -(self._frame / (2 * self._levels)) @ self._frame.T

    @property
    def log_normaliser(self) -> float:
        """Log of the integral of exp<parameter, vv'> over v."""
        return float(np.log(2 * np.pi * self._levels).sum()) / 2

    @property
    def entropy(self) -> float:
        """Differential entropy of v, half of log det(2 pi e A): the optimal value."""
        return self.log_normaliser + len(self._levels) / 2

    @property
    def expectation(self) -> Array:
        """Mean of vv', shape (n, n)."""
        return self.mean

    @property
    def gap(self) -> float:
        """Zero: the dual is solved in closed form."""
        return 0.0

    def log_prob(self, v: ArrayLike) -> Array:
        """Log-density of vectors with respect to Lebesgue measure, on the range of A.

        Parameters
        ----------
        v : array_like, shape (..., n)

        Returns
        -------
        ndarray, shape (...)
            Minus infinity off the range.
        """
        points = np.asarray(v, dtype=float)
        if not points.ndim or points.shape[-1] != len(self.mean):
            raise ValueError(f"v has shape (..., {len(self.mean)}), not {points.shape}")
        within = points @ self._frame
        heights = -((within**2) / (2 * self._levels)).sum(axis=-1) - self.log_normaliser
        off = np.linalg.norm(points - within @ self._frame.T, axis=-1)
        return np.where(off <= 1e-9 * np.linalg.norm(points, axis=-1), heights, -np.inf)

    def sample(self, n: int, seed: int) -> Array:
        """Draw vectors v.

        Parameters
        ----------
        n : int
        seed : int

        Returns
        -------
        ndarray, shape (n, d)
        """
        require_whole("n", n, 0)
        normal = np.random.default_rng(seed).standard_normal((n, len(self._levels)))
        return (normal * np.sqrt(self._levels)) @ self._frame.T

    def round(self, n: int, seed: int) -> Array:
        """Draw signs of v: the rounding by a random hyperplane.

        Parameters
        ----------
        n : int
        seed : int

        Returns
        -------
        ndarray of int8, shape (n, d)
            1 or -1.
        """
        return np.where(self.sample(n, seed) >= 0, 1, -1).astype(np.int8)

    def sign_covariance(self) -> Array:
        """The mean of the products of signs, (2 / pi) arcsin of correlations, shape (d, d)."""
        scale = np.sqrt(np.diag(self.mean))
        correlation = self.mean / np.outer(scale, scale)
        return 2 / np.pi * np.arcsin(np.clip(correlation, -1, 1))
