"""What an optimizer does in a step, for many chains at once: init and step, and no more."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from equipoise.optim.dynamics.problem import Array


class Rule(Protocol):
    """An optimizer of chains that know nothing of each other."""

    def start(self, w: Array) -> tuple[Array, ...]:
        """What it keeps before the first step.

        Parameters
        ----------
        w : ndarray

        Returns
        -------
        tuple of ndarray
        """
        ...

    def step(self, w: Array, gradient: Array, state: tuple[Array, ...]) -> tuple[Array, ...]:
        """The next point, and what is kept.

        Parameters
        ----------
        w, gradient : ndarray
            Of one shape.
        state : tuple of ndarray

        Returns
        -------
        tuple of ndarray
            The point first.
        """
        ...


@dataclass(frozen=True)
class SGD:
    """Descent along the gradient of a batch.

    Parameters
    ----------
    rate : float
    momentum : float
        Of a moving sum, as torch has it.
    """

    rate: float
    momentum: float = 0.0

    def __post_init__(self) -> None:
        _require(self.rate, momentum=self.momentum)

    def start(self, w: Array) -> tuple[Array, ...]:
        """The moving sum."""
        return (np.zeros_like(w),) if self.momentum else ()

    def step(self, w: Array, gradient: Array, state: tuple[Array, ...]) -> tuple[Array, ...]:
        """Go on."""
        if not self.momentum:
            return (w - self.rate * gradient,)
        moving = self.momentum * state[0] + gradient
        return w - self.rate * moving, moving


@dataclass(frozen=True)
class RMSProp:
    """Steps over the root of a moving mean of squares, without bias correction, as torch has it.

    Parameters
    ----------
    rate : float
    beta : float
        Of the moving mean.
    eps : float
    start_square : float or ndarray, shape (d,)
        Where the moving mean starts. At 0 the first step is one of rate / sqrt(1 - beta).
    """

    rate: float
    beta: float = 0.999
    eps: float = 1e-8
    start_square: float | Array = 0.0

    def __post_init__(self) -> None:
        _require(self.rate, beta=self.beta)

    def start(self, w: Array) -> tuple[Array, ...]:
        """The moving mean of squares."""
        return (np.zeros_like(w) + self.start_square,)

    def step(self, w: Array, gradient: Array, state: tuple[Array, ...]) -> tuple[Array, ...]:
        """Go on."""
        square = self.beta * state[0] + (1 - self.beta) * gradient**2
        return w - self.rate * gradient / (np.sqrt(square) + self.eps), square


@dataclass(frozen=True)
class Adam:
    """Moving means of gradients and of squares, both corrected for their start at 0.

    Parameters
    ----------
    rate : float
    betas : tuple of two float
    eps : float
    """

    rate: float
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8

    def __post_init__(self) -> None:
        _require(self.rate, betas=min(self.betas))
        _require(self.rate, betas=max(self.betas))

    def start(self, w: Array) -> tuple[Array, ...]:
        """Two moving means, and the number of steps."""
        return np.zeros_like(w), np.zeros_like(w), np.zeros(())

    def step(self, w: Array, gradient: Array, state: tuple[Array, ...]) -> tuple[Array, ...]:
        """Go on."""
        first, second = self.betas
        n = state[2] + 1
        mean = first * state[0] + (1 - first) * gradient
        square = second * state[1] + (1 - second) * gradient**2
        root = np.sqrt(square / (1 - second**n)) + self.eps
        return w - self.rate / (1 - first**n) * mean / root, mean, square, n


@dataclass(frozen=True)
class SignSGD:
    """Steps of one length along the sign of a batch's gradient.

    Parameters
    ----------
    rate : float
    """

    rate: float

    def __post_init__(self) -> None:
        _require(self.rate)

    def start(self, w: Array) -> tuple[Array, ...]:
        """Nothing."""
        return ()

    def step(self, w: Array, gradient: Array, state: tuple[Array, ...]) -> tuple[Array, ...]:
        """Go on."""
        return (w - self.rate * np.sign(gradient),)


@dataclass(frozen=True)
class Lion:
    """The sign of a moving mean (Chen et al. 2023, arXiv 2302.06675), without weight decay.

    Parameters
    ----------
    rate : float
    betas : tuple of two float
        Of the mean that the step is the sign of, and of the one that is kept.
    """

    rate: float
    betas: tuple[float, float] = (0.9, 0.99)

    def __post_init__(self) -> None:
        _require(self.rate, betas=min(self.betas))
        _require(self.rate, betas=max(self.betas))

    def start(self, w: Array) -> tuple[Array, ...]:
        """The moving mean."""
        return (np.zeros_like(w),)

    def step(self, w: Array, gradient: Array, state: tuple[Array, ...]) -> tuple[Array, ...]:
        """Go on."""
        first, second = self.betas
        ahead = first * state[0] + (1 - first) * gradient
        return w - self.rate * np.sign(ahead), second * state[0] + (1 - second) * gradient


def _require(rate: float, **shares: float) -> None:
    if not 0 < rate < math.inf:
        raise ValueError(f"rate must be positive and finite, not {rate}.")
    for name, share in shares.items():
        if not 0 <= share < 1:
            raise ValueError(f"{name} must be at least 0 and below 1, not {share}.")
