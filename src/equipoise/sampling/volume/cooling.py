"""The schedule: variances from the narrow Gaussian up to one that is all but uniform."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.sampling.body import Body
from equipoise.sampling.chains import start
from equipoise.sampling.diagnostics import ess_mean
from equipoise.sampling.gaussian_gibbs import GaussianGibbs
from equipoise.sampling.volume.ratio import Ratio, log_densities, log_weights, relative_variance

Array = NDArray[Any]

_SPREAD = 0.7  # relative variance of the weights of a stage, at most
_PILOT = 50  # sweeps of each chain at first
_EFFECTIVE = 200.0  # draws that a pilot needs: it is the warm-up as well
_WARM_UP = 4  # a pilot's draws over those that are thrown away at its start


def cool(
    body: Body,
    variance: float,
    points: Array,
    seeds: Callable[[], int],
    workers: int,
    allowed: int,
    tell: Callable[[int, int], None],
) -> tuple[list[Ratio], int]:
    """Choose the stages, and leave chains warmed up at each.

    At each variance chains run until enough of their draws are effective; the next variance is
    the largest towards which the weights' relative variance stays below a bound. It ends when
    the uniform distribution is within reach so: on a criterion, never after so many stages.

    Parameters
    ----------
    body : Body
    variance : float
        Of the narrow Gaussian.
    points : ndarray, shape (chains, d)
        Drawn from it, on the body.
    seeds : callable
        Gives another seed each time.
    workers : int
    allowed : int
        Steps.
    tell : callable
        Is told of the number of stages and of steps so far.

    Returns
    -------
    ratios : list of Ratio
    steps : int

    Raises
    ------
    RuntimeError
        If the steps do not suffice.
    """
    ratios: list[Ratio] = []
    steps = 0
    while True:
        kernel = GaussianGibbs(body, variance=variance)
        chains = start(kernel, points, seed=seeds())
        seen = np.empty((len(points), 0))
        more = _PILOT
        while True:
            steps += more * body.dimension * len(points)
            if steps > allowed:
                raise RuntimeError(
                    f"max_steps were spent after {len(ratios)} stages, before the uniform "
                    "distribution was reached: raise max_steps"
                )
            chains, densities = log_densities(kernel, chains, more, workers)
            seen = np.concatenate([seen, densities], axis=1)
            settled = seen[:, seen.shape[1] // _WARM_UP :]
            if ess_mean(settled) >= _EFFECTIVE:
                break
            more = seen.shape[1]
        following = next_variance(settled, variance)
        logs = log_weights(settled, variance, following)
        weights = np.exp(logs - logs.max())
        unit = relative_variance(logs) * weights.size / float(ess_mean(weights))
        ratios.append(Ratio(kernel, chains, following, unit, workers))
        tell(len(ratios), steps)
        if following == np.inf:
            return ratios, steps
        variance, points = following, chains.state["position"]


def next_variance(log_density: Array, variance: float) -> float:
    """Largest variance whose weights vary no more than they may.

    Parameters
    ----------
    log_density : ndarray
        -|z - c|^2 / (2 variance) of draws.
    variance : float

    Returns
    -------
    float
        Infinity where the uniform distribution is that near.
    """

    def spread(step: float) -> float:
        return relative_variance(-log_density * step)

    if spread(1.0) <= _SPREAD:
        return np.inf
    low, high = 0.0, 1.0
    while high - low > 1e-3 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if spread(middle) <= _SPREAD else (low, middle)
    return variance / (1 - low)
