"""Mixtures of narrow Gaussians in the plane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Mixture:
    """Components of one spread.

    Attributes
    ----------
    name : str
    centres : tuple of (float, float), length n
    weights : tuple of float, length n
        They sum to 1.
    spread : float
        Standard deviation of each coordinate.
    radius : float
        How far from a centre a sample may be to be one of that mode's: far less than half the
        distance to the next, so that a blob between centres is of none of them.
    """

    name: str
    centres: tuple[tuple[float, float], ...]
    weights: tuple[float, ...]
    spread: float
    radius: float

    @property
    def least_share(self) -> float:
        """Share of the samples from which a mode counts as found: a quarter of an even share."""
        return 0.25 / len(self.centres)

    def draw(self, n: int, stream: torch.Generator) -> Tensor:
        """Sample.

        Parameters
        ----------
        n : int
        stream : torch.Generator

        Returns
        -------
        Tensor, shape (n, 2)
        """
        device = stream.device
        ends = torch.tensor(self.weights, dtype=torch.float64, device=device).cumsum(0)[:-1]
        where = torch.rand(n, generator=stream, dtype=torch.float64, device=device)
        component = torch.searchsorted(ends, where, right=True)
        centres = torch.tensor(self.centres, device=device)[component]
        return centres + self.spread * torch.randn((n, 2), generator=stream, device=device)

    def distances(self, points: Array) -> Array:
        """From samples to centres.

        Parameters
        ----------
        points : ndarray, shape (..., 2)

        Returns
        -------
        ndarray, shape (..., n)
        """
        return np.linalg.norm(points[..., None, :] - np.array(self.centres), axis=-1)


def ring(name: str, n: int, weights: Sequence[float] | None = None) -> Mixture:
    """Centres on the unit circle, from the top clockwise, of spread 0.01.

    Parameters
    ----------
    name : str
    n : int
    weights : sequence of float, optional
        Even by default.

    Returns
    -------
    Mixture
    """
    angles = 2 * np.pi * np.arange(n) / n
    centres = tuple((float(np.sin(angle)), float(np.cos(angle))) for angle in angles)
    return Mixture(name, centres, tuple(weights or (1 / n,) * n), 0.01, 0.2)


def grid(name: str, side: int) -> Mixture:
    """Centres on a square grid 2 apart, of spread 0.05.

    Parameters
    ----------
    name : str
    side : int

    Returns
    -------
    Mixture
    """
    places = [2.0 * i - (side - 1) for i in range(side)]
    centres = tuple((x, y) for x in places for y in places)
    return Mixture(name, centres, (1 / side**2,) * side**2, 0.05, 0.3)


#: The authors' file takes angles from 0 to a whole turn, both ends included, so that one of four
#: modes is there twice.
WEIGHTED_RING = ring("ring of 4, weighted", 4, (0.4, 0.2, 0.2, 0.2))
EVEN_RING = ring("ring of 4", 4)
RING_OF_8 = ring("ring of 8", 8)
GRID_OF_25 = grid("grid of 25", 5)
