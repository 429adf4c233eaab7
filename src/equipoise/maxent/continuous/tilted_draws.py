"""Draws from exponential tilts of the uniform distribution on a polytope, and their errors."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from equipoise.sampling import Body, GaussianGibbs, run, start
from equipoise.sampling.diagnostics import mcse_mean

Array = NDArray[Any]

CHAINS = 8
_WARM_UP = 40  # draws of a chain that are thrown away
_BATCHES = 25  # of each chain, whose means are taken to be independent


class Step(NamedTuple):
    """What draws at a tilt say of the next one.

    Attributes
    ----------
    mean, covariance : ndarray, shape (d,) and (d, d)
        Of the tilted law.
    mean_error : ndarray, shape (d, d)
        Covariance of the error of the mean, from means of batches.
    step : ndarray, shape (d,)
        Newton's.
    step_error : ndarray, shape (d, d)
        Covariance of its error.
    decrement : float
    noise : float
        What the decrement is expected to be at the minimum, from errors of the mean alone.
    most_noise : float
        What it is there at most, in all but about one of a thousand runs.
    """

    mean: Array
    covariance: Array
    mean_error: Array
    step: Array
    step_error: Array
    decrement: float
    noise: float
    most_noise: float


def draw_tilted(
    body: Body, tilt: Array, number: int, seed: int, begin: Array, sweeps: int = 2
) -> Array:
    """Draw from the density proportional to exp<tilt, z> on a body, by Gibbs sampling.

    Parameters
    ----------
    body : Body
    tilt : ndarray, shape (d,)
    number : int
        Of each chain.
    seed : int
    begin : ndarray, shape (d,) or (8, d)
        Where chains start.
    sweeps : int
        Over all coordinates, for a draw.

    Returns
    -------
    ndarray, shape (8, number, d)
    """
    kernel = GaussianGibbs(body, tilt=tilt)
    thin = sweeps * body.dimension
    chains = start(kernel, begin, seed=seed, n_chains=CHAINS)
    chains, _ = run(kernel, chains, _WARM_UP, thin=thin)
    return run(kernel, chains, number, thin=thin)[1].array


def newton_step(draws: Array, target: Array) -> Step:
    """The Newton step towards the tilt whose mean is the target, with its error.

    Parameters
    ----------
    draws : ndarray, shape (chains, number, d)
    target : ndarray, shape (d,)

    Returns
    -------
    Step
    """
    flat = draws.reshape(-1, draws.shape[2])
    mean = flat.mean(axis=0)
    covariance = np.atleast_2d(np.cov(flat.T))
    size = draws.shape[1] // _BATCHES
    batches = draws[:, : size * _BATCHES].reshape(-1, size, draws.shape[2]).mean(axis=1)
    mean_error = np.atleast_2d(np.cov(batches.T)) / len(batches)
    factor = linalg.cho_factor(covariance, lower=True)
    step = linalg.cho_solve(factor, target - mean)
    half = linalg.solve_triangular(factor[0], mean_error, lower=True)
    whitened = linalg.solve_triangular(factor[0], half.T, lower=True)
    solved = linalg.cho_solve(factor, mean_error)
    noise = float(np.sqrt(np.trace(whitened)))
    # The norm of a normal vector exceeds its root mean square by three largest deviations at most.
    largest = float(np.sqrt(np.linalg.eigvalsh(whitened)[-1]))
    return Step(
        mean,
        covariance,
        mean_error,
        step,
        linalg.cho_solve(factor, solved.T),
        float(np.sqrt(max(step @ (target - mean), 0.0))),
        noise,
        noise + 3 * largest,
    )


def log_tilted(
    body: Body, tilt: Array, centre: Array, number: int, seed: int, begin: Array
) -> tuple[float, float]:
    """Log E exp<tilt, z - centre> under the uniform distribution, with its standard error.

    The tilt is taken back to zero in stages in which <tilt, z> moves by one of its standard
    deviations, and neighbours are compared at the middle between them, where both have draws.

    Parameters
    ----------
    body : Body
    tilt, centre : ndarray, shape (d,)
    number : int
        Draws of each chain and stage.
    seed : int
    begin : ndarray, shape (chains, d)

    Returns
    -------
    value, error : float
    """
    share, before = 1.0, 0.0  # of the tilt, and the stage's way from the one above
    value, variance = 0.0, 0.0
    for stage in range(10_000):
        draws = draw_tilted(body, share * tilt, number, seed + stage, begin)
        begin = draws[:, -1]
        height = (draws - centre) @ tilt
        way = min(share, 1 / max(float(height.std()), 1e-300))
        up, down = np.exp(before / 2 * height), np.exp(-way / 2 * height)
        # Log Z falls by log E up (here) over E down (above) from the stage above to this one.
        value += float(np.log(up.mean()) if before else 0) - float(
            np.log(down.mean()) if share else 0
        )
        influence = (up / up.mean() if before else 0) - (down / down.mean() if share else 0)
        variance += float(mcse_mean(influence)) ** 2
        if not share:
            break
        share, before = share - way, way
    return value, float(np.sqrt(variance))
