"""Mean and variance of draws that are not kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class RunningMoments:
    """Count, mean and sum of squared deviations of rows, in memory that does not grow.

    A summary that can be merged: blocks may be added in any order and by any number of workers,
    and the answer changes by rounding alone (Chan, Golub, LeVeque 1983).

    Attributes
    ----------
    count : int
    mean : ndarray, shape (n,)
    scatter : ndarray, shape (n,) or (n, n)
        Sum of squares, or of outer products, of deviations from the mean.
    """

    count: int
    mean: Array
    scatter: Array

    @classmethod
    def from_block(cls, rows: Array, *, full: bool = False) -> RunningMoments:
        """Of some rows.

        Parameters
        ----------
        rows : ndarray, shape (..., n)
            One row at least.
        full : bool
            Whether covariances are wanted, not variances alone.

        Returns
        -------
        RunningMoments

        Raises
        ------
        ValueError
            If there is no row.
        """
        flat = rows.reshape(-1, rows.shape[-1])
        if not len(flat):
            raise ValueError("rows are empty: they have no mean")
        mean = flat.mean(axis=0)
        away = flat - mean
        return cls(len(flat), mean, away.T @ away if full else (away**2).sum(axis=0))

    def merge(self, other: RunningMoments) -> RunningMoments:
        """Of these rows and others.

        Parameters
        ----------
        other : RunningMoments

        Returns
        -------
        RunningMoments

        Raises
        ------
        ValueError
            If one has covariances and the other has not, or they are not of as many coordinates.
        """
        if self.scatter.shape != other.scatter.shape:
            raise ValueError(
                f"moments of shape {self.scatter.shape} and {other.scatter.shape} do not merge"
            )
        count = self.count + other.count
        apart = other.mean - self.mean
        outer = apart**2 if self.scatter.ndim == 1 else np.outer(apart, apart)
        return RunningMoments(
            count,
            self.mean + apart * (other.count / count),
            self.scatter + other.scatter + outer * (self.count * other.count / count),
        )

    @property
    def covariance(self) -> Array:
        """Variances (n,), or covariances (n, n), with count - 1 below; NaN of a single row."""
        if self.count < 2:
            return np.full_like(self.scatter, np.nan)
        return self.scatter / (self.count - 1)
