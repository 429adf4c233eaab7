"""Linear classifiers under the zero-one loss itself: smoothed, annealed, never replaced.

The loss of a direction u is the share of rows on its wrong side. Averaged over u + sigma z with
normal z it is ``mean_i Phi(-s_i x_i . u / (sigma |x_i|))``, in closed form, so that smoothing
costs no samples and no variance.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from equipoise.sampling.densities.anneal import Stage, anneal
from equipoise.sampling.densities.labels import checked_rows, signs

Array = NDArray[Any]

_ROWS_AT_ONCE = 20_000_000  # margins: some 160 MB


class ZeroOneLoss:
    """The share of rows that a direction puts on their wrong side.

    Parameters
    ----------
    X : array_like, shape (rows, d)
        No row is zero. Give it a column of ones where an intercept is wanted.
    y : array_like, shape (rows,)
        Of two values.

    Raises
    ------
    ValueError
        If shapes do not fit, a value is not finite, a row is zero, or there are not two labels.
    """

    def __init__(self, X: ArrayLike, y: ArrayLike) -> None:
        rows = checked_rows(X)
        lengths = np.linalg.norm(rows, axis=1)
        if not lengths.all():
            raise ValueError(f"X has a row of zeros, row {int(lengths.argmin())}: it has no side")
        # Only the side of a row counts, so its length is divided out.
        self.signed = np.ascontiguousarray(rows * (signs(y, len(rows)) / lengths)[:, None])

    @cached_property
    def identity(self) -> str:
        """Shape and digest of the data."""
        digest = hashlib.sha256(self.signed.tobytes()).hexdigest()[:16]
        return f"ZeroOneLoss({self.signed.shape}:{digest})"

    def error(self, position: Array) -> Array:
        """The share of rows on the wrong side, or on the plane itself.

        Parameters
        ----------
        position : ndarray, shape (k, d)

        Returns
        -------
        ndarray, shape (k,)
        """
        at_once = max(1, _ROWS_AT_ONCE // len(self.signed))
        parts = [
            (position[k : k + at_once] @ self.signed.T <= 0).mean(axis=1)
            for k in range(0, len(position), at_once)
        ]
        return np.concatenate(parts)

    def smoothed(self, position: Array, sigma: float) -> tuple[Array, Array]:
        """The mean error of u + sigma z over normal z, and its gradient.

        Parameters
        ----------
        position : ndarray, shape (k, d)
        sigma : float

        Returns
        -------
        value : ndarray, shape (k,)
        gradient : ndarray, shape (k, d)
        """
        margin = position @ self.signed.T / sigma
        value = scipy.special.ndtr(-margin).mean(axis=1)
        height = np.exp(-(margin**2) / 2) / np.sqrt(2 * np.pi)
        return value, -(height @ self.signed) / (sigma * len(self.signed))


@dataclass(frozen=True)
class ZeroOneTarget:
    """Directions of small smoothed error, as a density on R^d: a :class:`Target`.

    ``log density = -beta rows f_sigma(theta / |theta|) - d |theta|^2 / 2``. The loss depends on the
    direction alone and the length is chance's, so that directions have the density
    ``exp(-beta rows f_sigma(u))`` on the unit sphere exactly, and there is no border at which
    chains are held up. (Rejecting what leaves a ball, the other way to keep lengths bounded, holds
    them up where the loss is least.)

    Parameters
    ----------
    loss : ZeroOneLoss
    beta : float
        Inverse temperature, of one row's error.
    sigma : float
        Of the smoothing.

    Raises
    ------
    ValueError
        If beta or sigma is not positive.
    """

    loss: ZeroOneLoss
    beta: float
    sigma: float

    def __post_init__(self) -> None:
        for name, value in (("beta", self.beta), ("sigma", self.sigma)):
            if not (np.isfinite(value) and value > 0):
                raise ValueError(f"{name} is a positive number, not {value!r}")

    @property
    def identity(self) -> str:
        """Data, inverse temperature and smoothing."""
        return f"{self.loss.identity} at beta={self.beta!r}, sigma={self.sigma!r}"

    def log_density(self, position: Array) -> Array:
        """The log-density alone; see :class:`Target`."""
        return self.evaluate(position)[0]

    def evaluate(self, position: Array) -> tuple[Array, Array]:
        """The log-density and its gradient; see :class:`Target`."""
        rows, d = self.loss.signed.shape
        length = np.linalg.norm(position, axis=1)[:, None]
        direction = position / length
        value, slope = self.loss.smoothed(direction, self.sigma)
        along = slope - (slope * direction).sum(axis=1)[:, None] * direction
        density = -self.beta * rows * value - d * length[:, 0] ** 2 / 2
        return density, -self.beta * rows * along / length - d * position


@dataclass(frozen=True, eq=False)
class ZeroOneFit:
    """A linear classifier.

    Attributes
    ----------
    coef : ndarray, shape (d,)
        Of length one. Rows with ``x . coef > 0`` are given the larger label.
    error : float
        Its share of errors on the rows it was fitted to.
    stages : tuple of Stage
        What came of each density.
    targets : tuple of ZeroOneTarget
        The densities.
    """

    coef: Array
    error: float
    stages: tuple[Stage, ...]
    targets: tuple[ZeroOneTarget, ...]


def fit_zero_one(
    X: ArrayLike,
    y: ArrayLike,
    *,
    seed: int = 0,
    n_chains: int = 8,
    n_stages: int = 12,
    n_steps: int = 200,
    sigma: tuple[float, float] = (1.0, 0.02),
    excess: tuple[float, float] = (0.2, 0.0005),
) -> ZeroOneFit:
    """Find a direction of few errors by MALA on smoothed, ever colder densities.

    Parameters
    ----------
    X : array_like, shape (rows, d)
        No row is zero. Give it a column of ones where an intercept is wanted.
    y : array_like, shape (rows,)
        Of two values.
    seed : int
    n_chains, n_stages, n_steps : int
        Chains, densities, and steps on each. A step costs two products with X for each chain.
    sigma : (float, float)
        Smoothing of the first density and of the last, in units of the distance of a row of length
        one from the plane; geometric between.
    excess : (float, float)
        By how much the smoothed error of draws is to lie above its least, of the first density and
        of the last; geometric between. A density with d quadratic directions has it at
        ``beta = d / (2 rows excess)``.

    Returns
    -------
    ZeroOneFit

    Raises
    ------
    ValueError
        If rows, labels or a setting are not as said.
    """
    if n_stages < 2:
        raise ValueError(f"n_stages is 2 or more, not {n_stages}")
    for name, pair in (("sigma", sigma), ("excess", excess)):
        if not (np.isfinite(pair).all() and 0 < pair[1] <= pair[0]):
            raise ValueError(f"{name} falls between two positive numbers, not {pair!r}")
    loss = ZeroOneLoss(X, y)
    rows, d = loss.signed.shape
    targets = [
        ZeroOneTarget(loss, d / (2 * rows * above), width)
        for above, width in zip(
            np.geomspace(*excess, n_stages).tolist(),
            np.geomspace(*sigma, n_stages).tolist(),
            strict=True,
        )
    ]
    begin = np.random.default_rng([seed, 1]).standard_normal((n_chains, d)) / np.sqrt(d)
    found = anneal(targets, loss.error, begin, seed=seed, n_steps=n_steps)
    coef = found.position / np.linalg.norm(found.position)
    return ZeroOneFit(coef, found.value, found.stages, tuple(targets))
