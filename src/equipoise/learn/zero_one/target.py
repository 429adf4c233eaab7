"""Directions of few errors that keep promises, as a smooth density that can be sampled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from equipoise.learn.zero_one.pressure import Pressure
from equipoise.learn.zero_one.shares import Shares

Array = NDArray[Any]

# Of the largest: along directions of less spread, rounded to single precision, rows do not differ.
_LEAST_SPREAD = 1e-6


@dataclass(frozen=True, eq=False)
class Planes:
    """Rows as unit vectors, in coordinates in which they spread evenly.

    Hyperplanes are the same in any coordinates, but noise on their coefficients is not: here it is
    as large, beside the spread of the rows, in every direction.

    Attributes
    ----------
    unit : Tensor of float32, shape (n, q)
        On which side of a plane u a row lies is the sign of ``unit @ u``.
    back : ndarray, shape (d + 1, q)
        ``back @ u`` are the plane's coefficients of the features and its intercept.
    """

    unit: Tensor
    back: Array

    @classmethod
    def of(cls, features: Tensor) -> Planes:
        """Of rows.

        Parameters
        ----------
        features : Tensor, shape (n, d)

        Returns
        -------
        Planes
        """
        rows = with_ones(features)
        spread, axes = torch.linalg.eigh((rows.T @ rows).double() / len(rows))
        some = spread > _LEAST_SPREAD * spread[-1]
        back = (axes[:, some] / spread[some].sqrt()).to(rows)
        turned = rows @ back
        unit = turned / turned.norm(dim=1, keepdim=True)
        return cls(unit, back.double().cpu().numpy())


def with_ones(features: Tensor) -> Tensor:
    """Rows with a last feature that is 1.

    Parameters
    ----------
    features : Tensor, shape (n, d)

    Returns
    -------
    Tensor of float32, shape (n, d + 1)
    """
    return torch.cat([features.float(), features.new_ones(len(features), 1).float()], dim=1)


@dataclass(frozen=True, eq=False)
class SmoothTarget:
    """Planes of small error and kept promises: a :class:`equipoise.sampling.densities.Target`.

    The share in which a row is selected, over normal noise of deviation sigma on the plane's unit
    normal u, is ``Phi(x . u / sigma)`` for a row x of length one. So error and all tables of groups
    have closed forms, and with ``E(u)`` the error and the price of the promises ::

        log density(theta) = -cold E(theta / |theta|) - q |theta|^2 / 2 .

    Directions then have the density ``exp(-cold E(u))`` on the sphere, and lengths are chance's.

    Parameters
    ----------
    planes : Planes
    shares : Shares
        Of the same rows in the same order.
    pressure : Pressure or None
        None without a promise.
    cold : float
        Inverse temperature, of the error as a share.
    sigma : float
    """

    planes: Planes
    shares: Shares
    pressure: Pressure | None
    cold: float
    sigma: float

    @property
    def identity(self) -> str:
        """Rows, inverse temperature and smoothing; it is never saved."""
        return f"{tuple(self.planes.unit.shape)} at {self.cold!r}, {self.sigma!r}"

    def log_density(self, position: Array) -> Array:
        """The log-density alone."""
        return self.evaluate(position)[0]

    def evaluate(self, position: Array) -> tuple[Array, Array]:
        """The log-density and its gradient.

        Parameters
        ----------
        position : ndarray, shape (chains, q)

        Returns
        -------
        log_density : ndarray, shape (chains,)
        gradient : ndarray, shape (chains, q)
        """
        unit = self.planes.unit
        q = unit.shape[1]
        length = np.linalg.norm(position, axis=1)[:, None]
        direction = position / length
        margin = torch.from_numpy(direction).to(unit) @ unit.T / self.sigma
        # Products are in single precision, which is coarse, and sums in double, which decide.
        share = torch.special.ndtr(margin).double()
        energy = self.shares.error(share)
        slope = self.shares.blame
        if self.pressure is not None:
            price, by_table = self.pressure(self.shares.tables(share))
            energy = energy + price
            slope = slope + self.shares.of_rows(by_table)
        height = torch.exp(margin.square() / -2) / np.sqrt(2 * np.pi)
        uphill = ((slope.to(unit) * height) @ unit / self.sigma).double().cpu().numpy()
        along = uphill - (uphill * direction).sum(axis=1)[:, None] * direction
        density = -self.cold * energy - q * length[:, 0] ** 2 / 2
        return density, -self.cold * along / length - q * position
