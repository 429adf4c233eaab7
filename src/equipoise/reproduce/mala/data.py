"""Rows of logistic regressions, incoherent and coherent, with labels from known coefficients."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special

from equipoise.sampling.densities import GaussianPrior, LogisticPosterior

Array = NDArray[Any]
Data = Literal["incoherent", "coherent"]

ROWS = 20
"""A coefficient."""


def posterior(data: Data, d: int, seed: int) -> LogisticPosterior:
    """A posterior of d coefficients, given 20 d rows.

    Parameters
    ----------
    data : {"incoherent", "coherent"}
        Entries are 1 or -1 over sqrt(d), so that rows have length one; or so but for the first
        column, which is 1 or -1 itself, as an indicator in a table of standardised columns would
        be: one direction is then seen by every row at its full length.
    d : int
    seed : int

    Returns
    -------
    LogisticPosterior
    """
    rng = np.random.default_rng([seed, d])
    X = rng.choice([-1.0, 1.0], (ROWS * d, d)) / np.sqrt(d)
    if data == "coherent":
        X[:, 0] *= np.sqrt(d)
    y = rng.random(len(X)) < special.expit(X.sum(axis=1))
    return LogisticPosterior(X, y, GaussianPrior(10**0.5))
