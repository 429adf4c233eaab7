"""log(sinh t / t) with its first two derivatives, without cancellation anywhere."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

Array = NDArray[Any]

_K = np.arange(1, 21)
# log(sinh t / t) = sum of c_k t^2k / 2k, from the partial fractions of its derivative; it converges
# for |t| < pi, and twenty terms are exact to the last bit for |t| < 1.
_C = 2 * (-1.0) ** (_K + 1) * special.zeta(2 * _K) / np.pi ** (2 * _K)


def langevin(t: Array) -> tuple[Array, Array, Array]:
    """log(sinh t / t), the Langevin function coth t - 1 / t, and its derivative.

    Parameters
    ----------
    t : ndarray

    Returns
    -------
    log, first, second : ndarray, of the same shape
    """
    size = np.abs(t)
    small = np.where(size < 1, t, 0.0)[..., None]
    large = np.maximum(size, 1.0)
    decay = np.exp(-2 * large)
    log = np.where(
        size < 1,
        (_C / (2 * _K) * small ** (2 * _K)).sum(axis=-1),
        large + np.log1p(-decay) - np.log(2 * large),
    )
    first = np.where(
        size < 1,
        (_C * small ** (2 * _K - 1)).sum(axis=-1),
        np.sign(t) * ((1 + decay) / (1 - decay) - 1 / large),
    )
    second = np.where(
        size < 1,
        (_C * (2 * _K - 1) * small ** (2 * _K - 2)).sum(axis=-1),
        large**-2 - 4 * decay / (1 - decay) ** 2,
    )
    return log, first, second


def near_inverse(below: Array, above: Array) -> Array:
    """Where the Langevin function is about r, within 5 % (Cohen 1991, Rheologica Acta 30, 270).

    Parameters
    ----------
    below, above : ndarray
        1 + r and 1 - r, which know small distances from the ends where r does not.

    Returns
    -------
    ndarray
    """
    r = (below - above) / 2
    return r * (3 - r**2) / (below * above)
