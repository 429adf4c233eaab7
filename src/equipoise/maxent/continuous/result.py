"""The answer: a maximum-entropy distribution, of vectors or of matrices."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.maxent.continuous.domain import Domain, Moments
from equipoise.maxent.continuous.errors import require_whole
from equipoise.maxent.continuous.matrices import MatrixDomain

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class MaxEntropy:
    """The law on a domain that is nearest to its prior among those with a given mean.

    Its density with respect to the prior, a probability, is exp(<parameter, x> - log_normaliser).

    Attributes
    ----------
    domain : Domain
    mean : ndarray, shape (n,)
        That was asked for.
    parameter : ndarray, shape (n,)
        The minimiser of the dual F(y) = log E exp<y, x> - <y, mean>.
    moments : Moments
        Log-normaliser, mean and covariance at the parameter.
    decrement : float
        Newton's, at the parameter.
    gap : float
        A proved bound of F(parameter) - F*: of how much less entropy the best law can have than
        this one's dual says, and of the Kullback-Leibler divergence to it.
    residual : float
        Largest difference of expectation and mean over the distance from the boundary; differences
        that doubles cannot show count as none.
    steps : int
        Of Newton's method.
    """

    domain: Domain
    mean: Array
    parameter: Array
    moments: Moments
    decrement: float
    gap: float
    residual: float
    steps: int

    @property
    def expectation(self) -> Array:
        """Mean of the fitted law, shape (n,)."""
        return self.moments.mean

    @property
    def log_normaliser(self) -> float:
        """Log E exp<parameter, x> under the prior."""
        return self.moments.log_normaliser

    @property
    def entropy(self) -> float:
        """Relative to the prior: minus the Kullback-Leibler divergence from it, never positive.

        Add ``domain.log_size`` for the differential entropy of a law on a body, or the Shannon
        entropy of one on points, in nats.
        """
        return self.log_normaliser - float(self.parameter @ self.mean)

    def log_prob(self, x: ArrayLike) -> Array:
        """Log-density with respect to the prior.

        Parameters
        ----------
        x : array_like, shape (..., n)

        Returns
        -------
        ndarray, shape (...)
            Minus infinity outside the domain.

        Raises
        ------
        ValueError
            If the shape is another, or an entry is NaN.
        """
        points = _numbers(x).astype(float)
        if not points.ndim or points.shape[-1] != self.domain.n:
            raise ValueError(f"x has shape (..., {self.domain.n}), not {points.shape}")
        inside = self.domain.contains(points)
        return np.where(inside, points @ self.parameter - self.log_normaliser, -np.inf)

    def sample(self, n: int, seed: int) -> Array:
        """Draw independently.

        Parameters
        ----------
        n : int
        seed : int

        Returns
        -------
        ndarray, shape (n, domain.n)
        """
        require_whole("n", n, 0)
        return self.domain.draw(self.parameter, n, np.random.default_rng(seed))


@dataclass(frozen=True, eq=False)
class MatrixMaxEntropy:
    """The same for Hermitian matrices whose prior no rotation changes.

    Its parameter has the eigenvectors of the mean, so that only eigenvalues are solved for.

    Attributes
    ----------
    domain : MatrixDomain
    mean : ndarray, shape (n, n)
        That was asked for.
    frame : ndarray, shape (n, n)
        Its eigenvectors, as columns.
    spectral : MaxEntropy
        The law of the diagonal in that frame.
    """

    domain: MatrixDomain
    mean: Array
    frame: Array
    spectral: MaxEntropy

    @property
    def parameter(self) -> Array:
        """The minimiser of the dual, shape (n, n), Hermitian."""
        return self._rotated(self.spectral.parameter)

    @cached_property
    def expectation(self) -> Array:
        """Mean of the fitted law, shape (n, n)."""
        return self._rotated(self.spectral.expectation)

    @property
    def log_normaliser(self) -> float:
        """Log E exp tr(parameter X) under the prior."""
        return self.spectral.log_normaliser

    @property
    def entropy(self) -> float:
        """Relative to the prior: minus the Kullback-Leibler divergence from it, never positive."""
        return self.spectral.entropy

    @property
    def gap(self) -> float:
        """A proved bound of F(parameter) - F*; see :class:`MaxEntropy`."""
        return self.spectral.gap

    @property
    def residual(self) -> float:
        """Of the eigenvalues of the mean; see :class:`MaxEntropy`."""
        return self.spectral.residual

    def log_prob(self, x: ArrayLike) -> Array:
        """Log-density with respect to the prior.

        Parameters
        ----------
        x : array_like, shape (..., n, n)

        Returns
        -------
        ndarray, shape (...)
            Minus infinity outside the domain.

        Raises
        ------
        ValueError
            If the shape is another, or an entry is NaN.
        """
        matrices = _numbers(x)
        if matrices.shape[-2:] != self.mean.shape:
            raise ValueError(f"x has shape (..., {', '.join(map(str, self.mean.shape))}), not "
                             f"{matrices.shape}")  # fmt: skip
        turned = np.einsum("ji,...jk,ki->...i", self.frame.conj(), matrices, self.frame).real
        inside = self._contains(matrices)
        heights = turned @ self.spectral.parameter - self.log_normaliser
        return np.where(inside, heights, -np.inf)

    def sample(self, n: int, seed: int) -> Array:
        """Draw matrices, independently.

        Parameters
        ----------
        n : int
        seed : int

        Returns
        -------
        ndarray, shape (n, d, d)
        """
        columns = self.sample_columns(n, seed)
        return (columns * self.domain.values) @ columns.conj().swapaxes(1, 2)

    def sample_columns(self, n: int, seed: int) -> Array:
        """Draw the eigenvectors of matrices: unit vectors, for projections of rank one.

        Parameters
        ----------
        n : int
        seed : int

        Returns
        -------
        ndarray, shape (n, d, k)
            Orthonormal columns, one for each of ``domain.values``; the matrix is the sum of value
            times column times its adjoint.
        """
        require_whole("n", n, 0)
        rng = np.random.default_rng(seed)
        law, parameter = self.spectral.domain, self.spectral.parameter
        return self.frame @ self.domain.columns(law, parameter, n, rng)

    def _contains(self, matrices: Array) -> Array:
        values = self.domain.values
        zeros = np.zeros(self.domain.n - len(values))
        wanted = np.sort(np.concatenate([values, zeros]))
        tolerance = 1e-9 * np.abs(values).max()
        hermitian = np.abs(matrices - matrices.conj().swapaxes(-1, -2)).max(axis=(-2, -1))
        off = np.abs(np.linalg.eigvalsh(matrices) - wanted).max(axis=-1)
        return (hermitian < tolerance) & (off < tolerance)

    def _rotated(self, diagonal: Array) -> Array:
        return (self.frame * diagonal) @ self.frame.conj().T


def _numbers(x: ArrayLike) -> Array:
    array = np.asarray(x)
    if array.dtype.kind not in "biufc" or np.isnan(array).any():
        raise ValueError("x has NaN entries, or some that are no numbers")
    return array
