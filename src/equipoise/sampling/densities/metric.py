"""Preconditioners: the coordinates in which a target is about as wide in all directions."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Metric:
    """A linear map C, so that x = C z for a target that is well scaled in z; C C' is its metric.

    Attributes
    ----------
    factor : ndarray, shape (), (n,) or (n, n)
        C itself: one number for all coordinates, one for each, or a lower triangular matrix.
    """

    factor: Array = field(default_factory=lambda: np.array(1.0))

    def __post_init__(self) -> None:
        factor = np.asarray(self.factor, dtype=float)
        if factor.ndim > 2 or (factor.ndim == 2 and factor.shape[0] != factor.shape[1]):
            raise ValueError(f"factor has shape (), (n,) or (n, n), not {factor.shape}")
        diagonal = np.diagonal(factor) if factor.ndim == 2 else factor
        if not np.isfinite(factor).all() or not (diagonal > 0).all():
            raise ValueError("factor is finite, with a positive diagonal")
        if factor.ndim == 2 and np.triu(factor, 1).any():
            raise ValueError("factor is lower triangular: take Metric.of_covariance for others")
        object.__setattr__(self, "factor", factor)

    @classmethod
    def of_covariance(cls, covariance: ArrayLike) -> Metric:
        """From variances, or a covariance matrix.

        Parameters
        ----------
        covariance : array_like, shape (n,) or (n, n)

        Returns
        -------
        Metric

        Raises
        ------
        ValueError
            If a variance is not positive, or the matrix is not positive definite.
        """
        given = np.asarray(covariance, dtype=float)
        if given.ndim == 1:
            if not (given > 0).all():
                raise ValueError("covariance has variances that are not positive")
            return cls(np.sqrt(given))
        try:
            return cls(scipy.linalg.cholesky(given, lower=True))
        except scipy.linalg.LinAlgError as error:
            raise ValueError("covariance is not positive definite") from error

    @classmethod
    def of_precision(cls, precision: ArrayLike) -> Metric:
        """From the inverse of a covariance matrix, such as the Hessian of -log density at a mode.

        Parameters
        ----------
        precision : array_like, shape (n, n)

        Returns
        -------
        Metric

        Raises
        ------
        ValueError
            If it is not positive definite.
        """
        given = np.asarray(precision, dtype=float)
        try:
            root = scipy.linalg.cholesky(given, lower=True)
        except scipy.linalg.LinAlgError as error:
            raise ValueError("precision is not positive definite") from error
        return cls.of_covariance(scipy.linalg.cho_solve((root, True), np.eye(len(given))))

    @property
    def identity(self) -> str:
        """Shape and digest of the factor."""
        if self.factor.ndim == 0:
            return f"{float(self.factor)!r}"
        digest = hashlib.sha256(np.ascontiguousarray(self.factor).tobytes()).hexdigest()[:16]
        return f"{self.factor.shape}:{digest}"

    def spread(self, rows: Array) -> Array:
        """C z, from scaled coordinates to those of the target.

        Parameters
        ----------
        rows : ndarray, shape (chains, n)

        Returns
        -------
        ndarray, shape (chains, n)
        """
        return rows @ self.factor.T if self.factor.ndim == 2 else rows * self.factor

    def pull(self, gradients: Array) -> Array:
        """C' g, the gradient in scaled coordinates.

        Parameters
        ----------
        gradients : ndarray, shape (chains, n)

        Returns
        -------
        ndarray, shape (chains, n)
        """
        return gradients @ self.factor if self.factor.ndim == 2 else gradients * self.factor

    def must_fit(self, n: int) -> None:
        """Check that it is for n coordinates.

        Parameters
        ----------
        n : int

        Raises
        ------
        ValueError
            If it is for another number.
        """
        if self.factor.ndim and len(self.factor) != n:
            raise ValueError(f"metric is for {len(self.factor)} coordinates, the target has {n}")
