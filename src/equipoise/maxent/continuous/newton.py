"""Scaled Newton iterations on the dual."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from equipoise.maxent.continuous.domain import Domain, Moments
from equipoise.maxent.continuous.errors import NoConvergenceError

Array = NDArray[Any]

_LIMIT = 200
_NEAR = 1e-4  # decrement below which each one is the square of the one before, or rounding
_COARSE = 1e-3  # a residual with which the law is not what was asked for
_ROUNDING = 1e-14  # a residual that another step would not make smaller for sure
_FULL = 0.25  # decrement below which full steps are taken
_SINGULAR = 1e-14
_CONSISTENT = 1e-6


class Solution(NamedTuple):
    """Where the iterations ended.

    Attributes
    ----------
    parameter : ndarray, shape (n,)
    moments : Moments
    step : ndarray, shape (n,)
        The Newton step that would come next.
    decrement : float
        Its length in the norm of the covariance.
    residual : float
        Largest |tilted mean - mean|, less what no double can be nearer, over the margin.
    steps : int
    """

    parameter: Array
    moments: Moments
    step: Array
    decrement: float
    residual: float
    steps: int


def minimise(domain: Domain, mean: Array, margin: Array) -> Solution:
    """Minimise log E exp<y, x> - <y, mean> over y.

    Variances can span twenty orders of magnitude, as the squares of small coordinates of a mean
    do, so that the covariance is scaled to a correlation before it is factorised.

    Parameters
    ----------
    domain : Domain
    mean, margin : ndarray, shape (n,)
        The mean, and how far it is from the boundary; positive.

    Returns
    -------
    Solution

    Raises
    ------
    NoConvergenceError
        If steps shrink to nothing before the decrement does.
    """
    free = domain.free(mean)
    now = _look(domain, domain.start(mean), mean, margin, free, 0)
    for count in range(1, _LIMIT):
        if not np.isfinite(now.decrement):
            break
        length = 1.0 if now.decrement < _FULL else 1 / (1 + now.decrement)
        after = _move(domain, now, length, mean, margin, free, count)
        if after is None:
            break
        rounding = (
            now.decrement < _NEAR
            and after.decrement > now.decrement / 2
            and after.residual > now.residual / 2
        )
        now = min(now, after, key=lambda found: found.residual) if rounding else after
        if rounding or now.residual <= _ROUNDING:
            break
    if now.decrement < _NEAR and now.residual < _COARSE:
        return now
    raise NoConvergenceError(
        f"Newton's method stopped at a decrement of {now.decrement:.3g}: the mean is too near the "
        "boundary for double precision; move it inside"
    )


def _move(
    domain: Domain,
    now: Solution,
    length: float,
    mean: Array,
    margin: Array,
    free: Array,
    count: int,
) -> Solution | None:
    """A step that takes enough off the dual; none if there is none."""
    value = now.moments.log_normaliser - now.parameter @ mean
    noise = 1e-13 * (abs(now.moments.log_normaliser) + float(np.abs(now.parameter) @ np.abs(mean)))
    while length > 1e-10:
        after = _look(domain, now.parameter + length * now.step, mean, margin, free, count)
        taken = value - (after.moments.log_normaliser - after.parameter @ mean)
        if taken >= 0.1 * length * now.decrement**2 - noise:
            return after
        length /= 2
    return None


def _look(
    domain: Domain, parameter: Array, mean: Array, margin: Array, free: Array, steps: int
) -> Solution:
    moments = domain.moments(parameter)
    off = mean - moments.mean
    rounding = 2 * np.finfo(float).eps * np.abs(mean)
    residual = float((np.maximum(np.abs(off) - rounding, 0) / margin).max())
    step, decrement = np.zeros(len(mean)), 0.0
    if free.any():
        step[free], decrement = _solve(
            moments.covariance[np.ix_(free, free)], off[free], mean[free]
        )
    return Solution(parameter, moments, step, decrement, residual, steps)


def _solve(covariance: Array, off: Array, mean: Array) -> tuple[Array, float]:
    """The Newton step and its decrement."""
    variances = np.diag(covariance)
    if not (np.isfinite(off).all() and (variances > 0).all() and np.isfinite(variances).all()):
        raise NoConvergenceError(
            "variances under the tilted law are beyond double precision: the mean is too near the "
            "boundary; move it inside"
        )
    scale = 1 / np.sqrt(variances)
    correlation = covariance * scale[:, None] * scale
    right = scale * off
    try:
        factor = linalg.cholesky(correlation, lower=True)
        if np.diag(factor).min() ** 2 > _SINGULAR:
            step = linalg.cho_solve((factor, True), right)
            return scale * step, float(np.sqrt(max(step @ right, 0.0)))
    except linalg.LinAlgError:
        pass
    # Points in a plane: any of the steps that are the same on it. Where what is left over is
    # no rounding, the covariance is singular by rounding, and knows no step.
    step = linalg.pinvh(correlation, rtol=_SINGULAR) @ right
    left = float(np.linalg.norm(right - correlation @ step))
    rounding = 1e-13 * float(np.linalg.norm(scale * mean))
    if left > _CONSISTENT * float(np.linalg.norm(right)) + rounding:
        return scale * step, np.inf
    return scale * step, float(np.sqrt(max(step @ right, 0.0)))
