"""A maximum-entropy distribution on a polytope, known by draws."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.maxent.continuous.barrier import Barrier
from equipoise.maxent.continuous.errors import require_whole
from equipoise.maxent.continuous.tilted_draws import CHAINS, draw_tilted
from equipoise.sampling import Body, Polytope

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class PolytopeMaxEntropy:
    """The law on a polytope that is nearest to the uniform one among those with a given mean.

    All its numbers come from Markov chains, and have standard errors.

    Attributes
    ----------
    polytope : Polytope
    mean : ndarray, shape (n,)
        That was asked for.
    parameter : ndarray, shape (n,)
        y of the density exp(<y, x> - log_normaliser) with respect to the uniform *probability*;
        within the directions of the polytope, where it is flat.
    parameter_error : ndarray, shape (n,)
        Standard errors of its entries.
    expectation, expectation_error : ndarray, shape (n,)
        Mean at the parameter, by draws that had no part in finding it, and standard errors.
    covariance : ndarray, shape (n, n)
        At the parameter.
    entropy, entropy_error : float
        Minus the Kullback-Leibler divergence from the uniform distribution: the dual's value.
    gap : float
        Bound of how far the dual is above its minimum, by its Newton decrement at the parameter
        and three standard errors more; infinite if too few draws say too little.
    body : Body
        The polytope as it is walked in.
    tilt : ndarray, shape (d,)
        The parameter in the body's coordinates.
    sweeps : int
        Of Gibbs sampling over all coordinates, between two draws that are all but independent.
    """

    polytope: Polytope
    mean: Array
    parameter: Array
    parameter_error: Array
    expectation: Array
    expectation_error: Array
    covariance: Array
    entropy: float
    entropy_error: float
    gap: float
    body: Body
    tilt: Array
    sweeps: int

    @property
    def log_normaliser(self) -> float:
        """Log E exp<parameter, x> under the uniform distribution; its error is the entropy's."""
        return self.entropy + float(self.parameter @ self.mean)

    def log_prob(self, x: ArrayLike) -> Array:
        """Log-density with respect to the uniform probability.

        Parameters
        ----------
        x : array_like, shape (..., n)

        Returns
        -------
        ndarray, shape (...)
            Minus infinity outside.
        """
        points = np.asarray(x, dtype=float)
        if not points.ndim or points.shape[-1] != self.polytope.n:
            raise ValueError(f"x has shape (..., {self.polytope.n}), not {points.shape}")
        # <y, x> less the normaliser, which is the entropy and <y, mean>.
        heights = (points - self.mean) @ self.parameter - self.entropy
        return np.where(self.polytope.violation(points) <= 1e-9, heights, -np.inf)

    def sample(self, n: int, seed: int) -> Array:
        """Draw by Gibbs sampling, from eight chains, thinned until all but independent.

        Parameters
        ----------
        n : int
        seed : int

        Returns
        -------
        ndarray, shape (n, polytope.n)
        """
        require_whole("n", n, 0)
        begin = self.body.to_z(self.mean)
        drawn = draw_tilted(self.body, self.tilt, -(-n // CHAINS), seed, begin, self.sweeps)
        return self.body.to_x(drawn.swapaxes(0, 1).reshape(-1, self.body.dimension)[:n])

    def barrier(self, log_volume: float) -> Barrier:
        """The entropic barrier at the mean, with respect to Lebesgue measure.

        Parameters
        ----------
        log_volume : float
            Of the polytope, which has full dimension; from ``equipoise.sampling.log_volume``, say.

        Returns
        -------
        Barrier
            With the errors of parameter, covariance, entropy and volume.

        Raises
        ------
        ValueError
            If the polytope is flat.
        """
        if self.body.dimension < self.polytope.n:
            raise ValueError("the polytope is flat, and has no volume: leave out coordinates")
        return Barrier(
            -self.entropy - log_volume, self.parameter, np.linalg.inv(self.covariance), self.gap
        )
