"""Entropy of a density matrix as of the best way to mix it from pure states."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from equipoise.maxent.continuous.fit import OnSingular, as_hermitian, ends, fit
from equipoise.maxent.continuous.matrices import RankOneProjections


def barycentric_entropy(rho: ArrayLike, *, on_singular: OnSingular = "raise") -> float:
    """The largest entropy of a law of pure states whose average is rho, in nats.

    Entropy is relative to the uniform *probability* of pure states, Haar's: zero for the maximally
    mixed state, else negative (Slater 1991; Leake and Vishnoi 2020, section 1.3). It is
    ``fit(RankOneProjections(n), rho).entropy``, without eigenvectors; ``sample_columns`` of that
    fit draws the pure states.

    Parameters
    ----------
    rho : array_like, shape (n, n)
        Hermitian, positive definite, with trace one.
    on_singular : {"raise", "face"}
        A singular state has entropy minus infinity. ``face`` gives its entropy relative to the
        pure states of its own support.

    Returns
    -------
    float

    Raises
    ------
    MeanOutsideError
        If the trace is not one, or an eigenvalue is negative.
    MeanOnBoundaryError
        If rho is singular.
    """
    n = np.shape(rho)[0] if np.ndim(rho) else 0
    domain = RankOneProjections(n)
    spectrum = ends(np.linalg.eigvalsh(as_hermitian(rho, domain)))
    return fit(domain.diagonal, spectrum, on_singular=on_singular).entropy
