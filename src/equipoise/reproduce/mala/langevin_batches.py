"""Annealing by stochastic gradient Langevin dynamics, with another run's schedule and step sizes.

Zhang, Liang, Charikar 2017 (arXiv 1702.05575): noisy gradients, no rejections, the best point kept.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.sampling.densities import ZeroOneFit, ZeroOneLoss, ZeroOneTarget

Array = NDArray[Any]

_FACTORS = (0.3, 1.0)
_SHARE = 4  # a batch is one row in four
_LOOK = 2 * _SHARE  # steps from one look at the error to the next: as many looks as MALA has draws


def anneal_in_batches(
    X: Array, y: Array, fit: ZeroOneFit, seed: int, *, n_chains: int = 8, n_steps: int = 200
) -> Array:
    """A direction by SGLD for as many gradients of rows as a fit by MALA took.

    Parameters
    ----------
    X : ndarray, shape (rows, d)
    y : ndarray, shape (rows,)
    fit : ZeroOneFit
        By the same number of chains and steps: its schedule and step sizes are taken.
    seed : int
    n_chains, n_steps : int

    Returns
    -------
    ndarray, shape (d,)
        The best on all rows, of as many points as MALA had draws, for each of the step sizes.
    """
    loss = ZeroOneLoss(X, y)
    rows, d = loss.signed.shape
    best, least = np.ones(d), np.inf
    for factor in _FACTORS:
        rng = np.random.default_rng([seed, 7])
        theta = rng.standard_normal((n_chains, d)) / np.sqrt(d)
        for stage, target in zip(fit.stages, fit.targets, strict=True):
            h = factor * stage.step_size
            for k in range(_SHARE * n_steps):
                if k % _SHARE == 0:
                    mixed = loss.signed[rng.permutation(rows)]
                slope = _slope(mixed[k % _SHARE :: _SHARE], target, theta)
                theta = theta + h * slope + np.sqrt(2 * h) * rng.standard_normal(theta.shape)
                if (k + 1) % _LOOK == 0:
                    errors = loss.error(theta)
                    if errors.min() < least:
                        best, least = theta[errors.argmin()], float(errors.min())
    return best


def _slope(signed: Array, target: ZeroOneTarget, theta: Array) -> Array:
    """The target's gradient from a part of the rows, those left out being as these are."""
    length = np.linalg.norm(theta, axis=1)[:, None]
    direction = theta / length
    margin = direction @ signed.T / target.sigma
    height = np.exp(-(margin**2) / 2) / np.sqrt(2 * np.pi)
    slope = -(height @ signed) / (target.sigma * len(signed))
    along = slope - (slope * direction).sum(axis=1)[:, None] * direction
    rows, d = target.loss.signed.shape
    return -target.beta * rows * along / length - d * theta
