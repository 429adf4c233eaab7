"""Bayesian logistic regression in one call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from equipoise.sampling.chains import Chains, start
from equipoise.sampling.densities.labels import checked_rows
from equipoise.sampling.densities.langevin import MALA
from equipoise.sampling.densities.logistic import LogisticPosterior, Mode
from equipoise.sampling.densities.metric import Metric
from equipoise.sampling.densities.priors import GaussianPrior, Prior
from equipoise.sampling.densities.regularity import (
    bound_regularity,
    curvature_step,
    regularity_step,
)
from equipoise.sampling.densities.warm_up import warm_up
from equipoise.sampling.draws import Draws
from equipoise.sampling.run import run

Array = NDArray[Any]
Step = Literal["learnt", "curvature", "regularity"]

_WARM_UP = 300


@dataclass(frozen=True, eq=False)
class LogisticSample:
    """Draws of coefficients, and all that is needed to go on.

    Attributes
    ----------
    draws : Draws
    mode : Mode
        The most probable coefficients and the Hessian there.
    kernel : MALA
    chains : Chains
        At the end: ``run(kernel, chains, n)`` draws n more.
    """

    draws: Draws
    mode: Mode
    kernel: MALA
    chains: Chains

    def probability(self, X: ArrayLike) -> Array:
        """Probability of the larger label under each draw.

        Parameters
        ----------
        X : array_like, shape (rows, d)

        Returns
        -------
        ndarray, shape (chains * draws, rows)
            Its mean over draws is the prediction; an audit of each gives an interval of a rate.
        """
        return scipy.special.expit(self.draws.flat() @ checked_rows(X).T)


def sample_logistic(
    X: ArrayLike,
    y: ArrayLike,
    *,
    prior: Prior = GaussianPrior(1.0),  # noqa: B008
    n_draws: int = 1000,
    n_chains: int = 4,
    seed: int = 0,
    step: Step = "learnt",
) -> LogisticSample:
    """Draw coefficients of logistic regression from their posterior, by MALA.

    Parameters
    ----------
    X : array_like, shape (rows, d)
        Give it a column of ones where an intercept is wanted.
    y : array_like, shape (rows,)
        Of two values, the larger of which is the event.
    prior : Prior
    n_draws : int
        Of each chain.
    n_chains : int
        Each starts at a draw of the normal distribution at the mode.
    seed : int
    step : {"learnt", "curvature", "regularity"}
        Preconditioned by the Hessian at the mode with a step size that 300 steps of warm-up learn;
        or, without metric and warm-up, that of :func:`curvature_step` or :func:`regularity_step`
        with the constants of :func:`bound_regularity`.

    Returns
    -------
    LogisticSample

    Raises
    ------
    ValueError
        If rows, labels or a setting are not as said, or the posterior has no mode.
    """
    if step not in get_args(Step):
        raise ValueError(f"step is one of {', '.join(get_args(Step))}, not {step!r}")
    if n_chains < 1:
        raise ValueError(f"n_chains is 1 or more, not {n_chains}")
    posterior = LogisticPosterior(X, y, prior)
    mode = posterior.mode()
    d = posterior.dimension
    laplace = Metric.of_precision(mode.hessian)
    noise = np.random.default_rng([seed, 1]).standard_normal((n_chains, d))
    begin = mode.position + laplace.spread(noise)
    if step == "learnt":
        kernel = MALA(posterior, MALA.usual_step(d), laplace)
        ready = warm_up(kernel, start(kernel, begin, seed=seed), _WARM_UP, learn="step")
        kernel, chains = ready.kernel, ready.chains
    else:
        if step == "curvature":
            size = curvature_step(float(np.linalg.eigvalsh(mode.hessian)[-1]), d)
        else:
            size = regularity_step(bound_regularity(posterior))
        kernel = MALA(posterior, size)
        chains = start(kernel, begin, seed=seed)
    chains, draws = run(kernel, chains, n_draws)
    return LogisticSample(draws, mode, kernel, chains)
