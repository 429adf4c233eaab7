"""What errors of estimated flips do to counts that are corrected by them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from equipoise.noise.flips import FlipMatrix

Array = NDArray[np.float64]


class Effects(NamedTuple):
    """How corrected moments move with the entries of one estimated matrix.

    Attributes
    ----------
    slopes : ndarray, shape (..., p, e)
        The derivative of the moment of each true group after each of e entries.
    covariance : ndarray, shape (e, e)
        Of the errors of the entries.
    """

    slopes: Array
    covariance: Array


def effects(flips: FlipMatrix, moments: Array, own: Array | None = None) -> list[Effects]:
    """Differentiate corrected moments after the flip probabilities that were estimated.

    From a = H^-T u follows da = -H^-T dH^T a: an error in H_ij brings -inv(H)_jg a_i into the
    moment of group g. In a product of several columns the others' coordinates of i are those of g.

    Parameters
    ----------
    flips : FlipMatrix
    moments : ndarray, shape (..., p)
        What was corrected: a.
    own : ndarray, shape (..., p), optional
        What stands for a group's own moment in its own derivatives, if that is another.

    Returns
    -------
    list of Effects
        One for each estimated matrix, whose errors are independent; none where flips are known.
    """
    parts, found = _leaves(flips), []
    sizes = [len(part) for part in parts]
    lead = moments.shape[:-1]
    for number, part in enumerate(parts):
        if part.covariance is None:
            continue
        p = len(part)
        shape = *lead, int(np.prod(sizes[:number])), p, int(np.prod(sizes[number + 1 :]))
        a = moments.reshape(shape)
        # Of group (l, g, r) after entry (i, j), by what group (l, i, r) has.
        slopes = -np.einsum("...lir,jg->...lgrij", a, part.inverse)
        if own is not None:
            at = np.arange(p)
            slopes[..., at, :, at, :] = -np.einsum(
                "...lgr,jg->g...lrj", own.reshape(shape), part.inverse
            )
        e = p * p
        found.append(Effects(slopes.reshape(*lead, len(flips), e), part.covariance.reshape(e, e)))
    return found


def _leaves(flips: FlipMatrix) -> list[FlipMatrix]:
    if not flips.factors:
        return [flips]
    return [leaf for part in flips.factors for leaf in _leaves(part)]
