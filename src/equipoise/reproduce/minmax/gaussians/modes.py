"""Which modes samples cover, how closely, and how often one is lost again."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from equipoise.reproduce.minmax.gaussians.mixture import Array, Mixture


def covered_modes(points: Array, mixture: Mixture) -> NDArray[np.bool_]:
    """Which modes have a least share of the samples within a radius of their centres.

    To count nearest centres without a radius would call one blob at the origin all modes.

    Parameters
    ----------
    points : ndarray, shape (..., m, 2)
    mixture : Mixture

    Returns
    -------
    ndarray of bool, shape (..., n)
    """
    share = (mixture.distances(points) <= mixture.radius).mean(-2)
    found: NDArray[np.bool_] = share >= mixture.least_share
    return found


def mass_within(points: Array, mixture: Mixture, n_spreads: float = 3.0) -> Array:
    """Share of the samples that are within some standard deviations of a centre.

    Of the mixture itself, 0.989 are within three: the plane has two coordinates.

    Parameters
    ----------
    points : ndarray, shape (..., m, 2)
    mixture : Mixture
    n_spreads : float

    Returns
    -------
    ndarray, shape (...)
    """
    near = mixture.distances(points).min(-1) <= n_spreads * mixture.spread
    return np.asarray(near.mean(-1))


def forgotten(covered: NDArray[np.bool_]) -> NDArray[np.int64]:
    """How many times a mode that was found is not found at the next look.

    Parameters
    ----------
    covered : ndarray of bool, shape (looks, ..., n)

    Returns
    -------
    ndarray of int64, shape (...)
    """
    lost = covered[:-1] & ~covered[1:]
    return np.asarray(lost.sum((0, -1)))
