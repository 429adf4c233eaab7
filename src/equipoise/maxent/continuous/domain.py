"""What a domain must know for a maximum-entropy distribution to be fitted on it."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class Moments(NamedTuple):
    """Of the density exp(<parameter, x> - log_normaliser) with respect to the prior.

    Attributes
    ----------
    log_normaliser : float
        log E exp<parameter, x> under the prior, which is a probability.
    mean : ndarray, shape (n,)
        Gradient of the log-normaliser.
    covariance : ndarray, shape (n, n)
        Its Hessian.
    """

    log_normaliser: float
    mean: Array
    covariance: Array


@runtime_checkable
class Domain(Protocol):
    """A set in R^n with a prior, a *probability*: uniform unless the class says otherwise.

    Attributes
    ----------
    n : int
        Dimension of the space it lies in.
    log_size : float or None
        Log of the volume of a full-dimensional body, or of the number of points of a finite set:
        what the uniform probability must be multiplied by to be Lebesgue's or the counting
        measure. None where neither is meant.
    self_concordant : bool
        Whether the log-normaliser is, with constant one, so that the Newton decrement bounds the
        gap. It is where each direction of each tilted law has a log-concave marginal, whose
        skewness is at most two; of log-concave priors all have (Bubeck and Eldan 2015, lemma 1).
    """

    @property
    def n(self) -> int:
        """Dimension of the space that the set lies in."""

    @property
    def log_size(self) -> float | None:
        """Log of Lebesgue volume, or of the number of points."""

    @property
    def self_concordant(self) -> bool:
        """Whether the log-normaliser is self-concordant."""

    def moments(self, parameter: Array) -> Moments:
        """Log-normaliser, mean and covariance, all at once since they share their work."""

    def support(self, direction: Array) -> float:
        """The largest <direction, x> over the set."""

    def checked(self, mean: Array) -> Array:
        """The mean with sums that must hold restored to the last bit; an error if they are off."""

    def margin(self, mean: Array) -> Array:
        """How far each coordinate, or the point, is from the boundary of the convex hull.

        Returns
        -------
        ndarray, shape (n,)
            Zero on the boundary, negative outside.
        """

    def free(self, mean: Array) -> Array:
        """Which coordinates of the parameter are solved for; others are a gauge, left as begun.

        Returns
        -------
        ndarray of bool, shape (n,)
        """

    def start(self, mean: Array) -> Array:
        """A parameter whose mean is near."""

    def contains(self, x: Array) -> Array:
        """Whether points are in the set, up to rounding; shape (..., n) to (...)."""

    def draw(self, parameter: Array, number: int, rng: np.random.Generator) -> Array:
        """Independent draws, shape (number, n)."""


@runtime_checkable
class HasFaces(Protocol):
    """A domain whose faces are domains of the same kind."""

    def face(self, mean: Array) -> tuple[Array, Array, Domain]:
        """The smallest face around a mean.

        Returns
        -------
        free : ndarray of bool, shape (n,)
            Coordinates that are not fixed.
        fixed : ndarray, shape (n,)
            Values of those that are; zero elsewhere.
        inner : Domain
            Of the free coordinates.
        """


def separable(logs: Array, means: Array, variances: Array) -> Moments:
    """Moments of independent coordinates, from those of each.

    Parameters
    ----------
    logs, means, variances : ndarray, shape (n,)

    Returns
    -------
    Moments
    """
    return Moments(float(np.sum(logs)), means, np.diag(variances))


def everything(mean: Array) -> Array:
    """All coordinates are free."""
    return np.ones(len(mean), dtype=bool)
