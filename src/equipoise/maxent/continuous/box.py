"""Boxes, and the corners of boxes: independent coordinates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from equipoise.maxent.continuous.domain import Domain, Moments, everything, separable
from equipoise.maxent.continuous.langevin import langevin, near_inverse

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Box:
    """{low <= x <= high}, uniform.

    The tilted coordinates are independent, and their means follow the Langevin function.

    Parameters
    ----------
    low, high : array_like, shape (n,)
    """

    low: Array
    high: Array

    def __init__(self, low: ArrayLike, high: ArrayLike) -> None:
        _set_sides(self, low, high)

    @property
    def n(self) -> int:
        """Number of coordinates."""
        return len(self.low)

    @property
    def log_size(self) -> float:
        """Of the volume."""
        return float(np.log(self.high - self.low).sum())

    @property
    def self_concordant(self) -> bool:
        """It is: the prior is log-concave."""
        return True

    @property
    def _middle(self) -> Array:
        return self.low / 2 + self.high / 2

    @property
    def _half(self) -> Array:
        return (self.high - self.low) / 2

    def moments(self, parameter: Array) -> Moments:
        """See :class:`Domain`."""
        log, first, second = langevin(self._half * parameter)
        middle, half = self._middle, self._half
        return separable(log + middle * parameter, middle + half * first, half**2 * second)

    def support(self, direction: Array) -> float:
        """See :class:`Domain`."""
        return float(np.maximum(self.low * direction, self.high * direction).sum())

    def checked(self, mean: Array) -> Array:
        """See :class:`Domain`: nothing has to hold."""
        return mean

    def margin(self, mean: Array) -> Array:
        """See :class:`Domain`."""
        return np.minimum(mean - self.low, self.high - mean)

    def free(self, mean: Array) -> Array:
        """See :class:`Domain`: all."""
        return everything(mean)

    def start(self, mean: Array) -> Array:
        """See :class:`Domain`."""
        half = self._half
        return near_inverse((mean - self.low) / half, (self.high - mean) / half) / half

    def contains(self, x: Array) -> Array:
        """See :class:`Domain`."""
        return np.all((x >= self.low) & (x <= self.high), axis=-1)

    def draw(self, parameter: Array, number: int, rng: np.random.Generator) -> Array:
        """See :class:`Domain`; by inverting distribution functions."""
        width = self.high - self.low
        pull = np.abs(parameter * width)
        below = rng.random((number, self.n))
        # Distance from the side that is pulled to, in widths: an exponential cut off at one.
        with np.errstate(divide="ignore", invalid="ignore"):
            cut = -np.log1p(below * np.expm1(-pull)) / pull
        away = np.minimum(np.where(pull > 1e-12, cut, below), 1.0)
        inside = np.where(parameter > 0, self.high - width * away, self.low + width * away)
        return np.clip(inside, self.low, self.high)

    def face(self, mean: Array) -> tuple[Array, Array, Domain]:
        """See :class:`HasFaces`: coordinates on a side stay there."""
        free = self.margin(mean) > 0
        return free, np.where(free, 0.0, mean), Box(self.low[free], self.high[free])


@dataclass(frozen=True, eq=False)
class BoxVertices:
    """The 2^n points whose coordinates are either low or high, uniform.

    Parameters
    ----------
    low, high : array_like, shape (n,)
        0 and 1 for {0, 1}^n; see :meth:`cube`.
    """

    low: Array
    high: Array

    def __init__(self, low: ArrayLike, high: ArrayLike) -> None:
        _set_sides(self, low, high)

    @classmethod
    def cube(cls, n: int, low: float = 0.0, high: float = 1.0) -> BoxVertices:
        """Vertices of a hypercube.

        Parameters
        ----------
        n : int
        low, high : float
            0 and 1, or -1 and 1.

        Returns
        -------
        BoxVertices
        """
        return cls(np.full(n, low), np.full(n, high))

    @property
    def n(self) -> int:
        """Number of coordinates."""
        return len(self.low)

    @property
    def log_size(self) -> float:
        """Of the number of vertices."""
        return self.n * float(np.log(2))

    @property
    def self_concordant(self) -> bool:
        """It is not: laws on two points can have any skewness."""
        return False

    def moments(self, parameter: Array) -> Moments:
        """See :class:`Domain`."""
        width = self.high - self.low
        logs = np.logaddexp(self.low * parameter, self.high * parameter) - np.log(2)
        up, down = special.expit(width * parameter), special.expit(-width * parameter)
        return separable(logs, np.where(up < 0.5, self.low + width * up, self.high - width * down),
                         width**2 * up * down)  # fmt: skip

    def support(self, direction: Array) -> float:
        """See :class:`Domain`."""
        return float(np.maximum(self.low * direction, self.high * direction).sum())

    def checked(self, mean: Array) -> Array:
        """See :class:`Domain`: nothing has to hold."""
        return mean

    def margin(self, mean: Array) -> Array:
        """See :class:`Domain`."""
        return np.minimum(mean - self.low, self.high - mean)

    def free(self, mean: Array) -> Array:
        """See :class:`Domain`: all."""
        return everything(mean)

    def start(self, mean: Array) -> Array:
        """See :class:`Domain`: exact."""
        return np.log((mean - self.low) / (self.high - mean)) / (self.high - self.low)

    def contains(self, x: Array) -> Array:
        """See :class:`Domain`."""
        return np.all((x == self.low) | (x == self.high), axis=-1)

    def draw(self, parameter: Array, number: int, rng: np.random.Generator) -> Array:
        """See :class:`Domain`; exact."""
        up = special.expit((self.high - self.low) * parameter)
        return np.where(rng.random((number, self.n)) < up, self.high, self.low)

    def face(self, mean: Array) -> tuple[Array, Array, Domain]:
        """See :class:`HasFaces`: coordinates that are low or high for certain stay there."""
        free = self.margin(mean) > 0
        return free, np.where(free, 0.0, mean), BoxVertices(self.low[free], self.high[free])


def _set_sides(box: Any, low: ArrayLike, high: ArrayLike) -> None:
    lower, upper = np.array(low, dtype=float), np.array(high, dtype=float)
    if lower.ndim != 1 or lower.shape != upper.shape or not len(lower):
        raise ValueError(
            f"low and high are one-dimensional and of one length, not {lower.shape}, {upper.shape}"
        )
    wrong = np.flatnonzero(~(np.isfinite(upper - lower) & (lower < upper)))
    if len(wrong):
        i = wrong[0]
        raise ValueError(f"low is below high everywhere, not {lower[i]} and {upper[i]} at {i}")
    object.__setattr__(box, "low", lower)
    object.__setattr__(box, "high", upper)
