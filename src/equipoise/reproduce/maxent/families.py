"""Domains whose priors can be drawn from in a few lines, and means inside of their hulls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.maxent.continuous import (
    MatrixMaxEntropy,
    MaxEntropy,
    Projections,
    RankOneProjections,
    Simplex,
    UnitaryOrbit,
    fit,
)

Array = NDArray[Any]
Draw = Callable[[int, np.random.Generator], Array]

_ORBIT = (2.0, 1.0, 0.0)


@dataclass(frozen=True)
class Family:
    """A domain.

    Attributes
    ----------
    fitted : callable
        From a mean to the library's law.
    draw : callable
        From a number and a generator to points of the prior, shape (number, ...).
    centre : ndarray
        Its mean under the prior.
    chained : bool
        Whether the library's draws are approximate, by Gibbs sampling.
    """

    fitted: Callable[[Array], MaxEntropy | MatrixMaxEntropy]
    draw: Draw
    centre: Array
    chained: bool = False

    def mean(self, rng: np.random.Generator) -> Array:
        """A mean inside the hull: halfway between the centre and an average of few points."""
        average = self.draw(len(self.centre), rng).mean(axis=0)
        return np.asarray((self.centre + average) / 2)


def haar(n: int, number: int, rng: np.random.Generator, *, real: bool = False) -> Array:
    """Orthogonal or unitary matrices from Haar measure, shape (number, n, n).

    By the QR decomposition of normal matrices; the phases of R's diagonal, which that leaves to
    the algorithm, have to be taken out.
    """
    normal: Array = rng.standard_normal((number, n, n))
    if not real:
        normal = normal + 1j * rng.standard_normal((number, n, n))
    q, r = np.linalg.qr(normal)
    corner = np.diagonal(r, axis1=1, axis2=2)
    return np.asarray(q * (corner / np.abs(corner))[:, None, :])


def coordinates(x: Array) -> Array:
    """Points as rows of numbers, shape (number, m): of matrices real and imaginary parts."""
    if x.ndim == 2:
        return x
    upper = np.triu_indices(x.shape[1])
    entries = x[:, upper[0], upper[1]]
    off = upper[0] != upper[1]
    return np.concatenate([entries.real, entries[:, off].imag], axis=1)


def _rotations(spectrum: tuple[float, ...], *, real: bool = False) -> Draw:
    def draw(number: int, rng: np.random.Generator) -> Array:
        u = haar(len(spectrum), number, rng, real=real)
        return np.asarray((u * np.array(spectrum)) @ u.conj().swapaxes(1, 2))

    return draw


def _projector(n: int, k: int) -> tuple[float, ...]:
    return (1.0,) * k + (0.0,) * (n - k)


FAMILIES: dict[str, Family] = {
    "simplex, n = 6": Family(
        lambda mean: fit(Simplex(6), mean),
        lambda number, rng: rng.dirichlet(np.ones(6), number),
        np.full(6, 1 / 6),
    ),
    "rank one, complex, n = 4": Family(
        lambda mean: fit(RankOneProjections(4), mean), _rotations(_projector(4, 1)), np.eye(4) / 4
    ),
    "rank one, real, n = 4": Family(
        lambda mean: fit(RankOneProjections(4, "real"), mean),
        _rotations(_projector(4, 1), real=True),
        np.eye(4) / 4,
    ),
    "rank two, n = 5": Family(
        lambda mean: fit(Projections(5, 2), mean),
        _rotations(_projector(5, 2)),
        2 / 5 * np.eye(5),
        chained=True,
    ),
    "orbit of (2, 1, 0)": Family(
        lambda mean: fit(UnitaryOrbit(_ORBIT), mean), _rotations(_ORBIT), np.eye(3), chained=True
    ),
}
"""By what they are called."""
