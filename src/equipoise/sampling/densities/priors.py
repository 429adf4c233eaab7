"""Priors of coefficients: log-concave, each coordinate by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class Prior(Protocol):
    """A density that is a product over coordinates: exp of minus the sum of an energy."""

    @property
    def identity(self) -> str:
        """Kind and scale."""

    @property
    def most(self) -> tuple[float, float, float]:
        """Largest absolute second, third and fourth derivative of the energy."""

    def energy(self, theta: Array, order: int = 0) -> Array:
        """The energy of each coordinate, or a derivative.

        Parameters
        ----------
        theta : ndarray
        order : int
            0 to 4.

        Returns
        -------
        ndarray, of the same shape
        """


@dataclass(frozen=True)
class GaussianPrior:
    """Normal with mean zero: strongly log-concave.

    Parameters
    ----------
    scale : float
        Standard deviation of each coordinate.
    """

    scale: float = 1.0

    def __post_init__(self) -> None:
        _must_be_scale(self.scale)

    @property
    def identity(self) -> str:
        """Kind and scale."""
        return f"GaussianPrior({self.scale!r})"

    @property
    def most(self) -> tuple[float, float, float]:
        """Largest absolute second, third and fourth derivative of the energy."""
        return self.scale**-2, 0.0, 0.0

    def energy(self, theta: Array, order: int = 0) -> Array:
        """The energy or a derivative; see :class:`Prior`."""
        t = theta / self.scale
        if order == 0:
            return t**2 / 2
        if order == 1:
            return t / self.scale
        return np.full_like(t, self.scale**-2 if order == 2 else 0.0)


@dataclass(frozen=True)
class HyperbolicPrior:
    """Energy ``sqrt(1 + (theta / scale)^2)``: Laplace's in the tails, and smooth at zero.

    It is weakly log-concave: its curvature falls to zero far out, so that no bound from strong
    log-concavity applies.

    Parameters
    ----------
    scale : float
    """

    scale: float = 1.0

    def __post_init__(self) -> None:
        _must_be_scale(self.scale)

    @property
    def identity(self) -> str:
        """Kind and scale."""
        return f"HyperbolicPrior({self.scale!r})"

    @property
    def most(self) -> tuple[float, float, float]:
        """Largest absolute second, third and fourth derivative of the energy."""
        s = self.scale
        return s**-2, 1.5 * 1.25**-2.5 * s**-3, 3.0 * s**-4  # at 0, s / 2 and 0

    def energy(self, theta: Array, order: int = 0) -> Array:
        """The energy or a derivative; see :class:`Prior`."""
        t = theta / self.scale
        root = np.sqrt(1 + t**2)
        if order == 0:
            return root
        numerator = (t, np.ones_like(t), -3 * t, 12 * t**2 - 3)[order - 1]
        return numerator * root ** (1 - 2 * order) / self.scale**order


@dataclass(frozen=True)
class FlatPrior:
    """No prior. The posterior is proper only where no hyperplane separates the labels."""

    identity: ClassVar[str] = "FlatPrior()"
    most: ClassVar[tuple[float, float, float]] = (0.0, 0.0, 0.0)

    def energy(self, theta: Array, order: int = 0) -> Array:
        """Zero; see :class:`Prior`."""
        return np.zeros_like(theta)


def _must_be_scale(scale: float) -> None:
    if not (np.isfinite(scale) and scale > 0):
        raise ValueError(f"scale is a positive number, not {scale!r}")
