"""One stage of the cooling: the ratio of two normalisers from draws of the narrower Gaussian."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.sampling.chains import Chains
from equipoise.sampling.diagnostics import ess_mean
from equipoise.sampling.gaussian_gibbs import GaussianGibbs
from equipoise.sampling.run import stream
from equipoise.sampling.volume.result import Stage

Array = NDArray[Any]

_AT_ONCE = 4_000_000  # numbers of a block of draws


class Ratio:
    """Draws of exp(-|z - c|^2 / (2 v)) on a body, weighed towards a larger variance.

    Parameters
    ----------
    kernel : GaussianGibbs
    chains : Chains
        Warmed up; what they drew before is not used.
    following : float
        The larger variance; infinity for the uniform distribution.
    unit_variance : float
        Squared standard error of the log times the number of draws, as the pilot has it.
    workers : int
    """

    def __init__(
        self,
        kernel: GaussianGibbs,
        chains: Chains,
        following: float,
        unit_variance: float,
        workers: int,
    ) -> None:
        self._kernel = kernel
        self._chains = chains
        self._following = following
        self._workers = workers
        self._log_densities: list[Array] = []
        self.unit_variance = unit_variance
        self.draws = 0

    @property
    def n_chains(self) -> int:
        """How many chains draw."""
        return self._chains.n_chains

    def extend(self, number: int) -> None:
        """Draw so many more of all chains together, rounded up to whole draws of each."""
        each = -(-number // self.n_chains)
        self._chains, more = log_densities(self._kernel, self._chains, each, self._workers)
        self._log_densities.append(more)
        self.draws += each * self.n_chains
        self.unit_variance = relative_variance(self._weights()) * self.draws / self._ess()

    def stage(self) -> Stage:
        """What is known so far."""
        logs = self._weights()
        top = logs.max()
        variance = self.unit_variance / self.draws
        # The log of a mean is too low by half its variance, to second order.
        log_ratio = top + np.log(np.exp(logs - top).mean()) + variance / 2
        return Stage(
            self._kernel.variance,
            float(log_ratio),
            float(np.sqrt(variance)),
            self._ess(),
            self.draws,
        )

    def _weights(self) -> Array:
        densities = np.concatenate(self._log_densities, axis=1)
        return log_weights(densities, self._kernel.variance, self._following)

    def _ess(self) -> float:
        logs = self._weights()
        return float(ess_mean(np.exp(logs - logs.max())))


def log_densities(
    kernel: GaussianGibbs, chains: Chains, n_draws: int, workers: int
) -> tuple[Chains, Array]:
    """Draw, a sweep over all coordinates a draw, and keep only the log-densities.

    Parameters
    ----------
    kernel : GaussianGibbs
    chains : Chains
    n_draws : int
        Of each chain.
    workers : int

    Returns
    -------
    chains : Chains
    log_densities : ndarray, shape (chains, n_draws)
    """
    d = kernel.body.dimension
    block = max(1, _AT_ONCE // (d * chains.n_chains))
    kept = []
    for now, draws in stream(kernel, chains, n_draws, thin=d, workers=workers, block=block):
        chains = now
        assert draws.log_density is not None
        kept.append(draws.log_density)
    return chains, np.concatenate(kept, axis=1)


def log_weights(log_density: Array, variance: float, following: float) -> Array:
    """Logs of the weights that turn draws of one variance into draws of a larger one.

    Parameters
    ----------
    log_density : ndarray
        -|z - c|^2 / (2 variance).
    variance, following : float

    Returns
    -------
    ndarray
    """
    return -log_density * (1 - variance / following)


def relative_variance(log_weights: Array) -> float:
    """Variance of weights over the square of their mean.

    Parameters
    ----------
    log_weights : ndarray

    Returns
    -------
    float
    """
    weights = np.exp(log_weights - log_weights.max())
    return float(weights.var() / weights.mean() ** 2)
