"""Maximum-entropy distributions on any polytope, by Newton's method on draws."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.maxent.continuous.errors import (
    MeanOnBoundaryError,
    MeanOutsideError,
    NoConvergenceError,
)
from equipoise.maxent.continuous.polytope_law import PolytopeMaxEntropy
from equipoise.maxent.continuous.tilted_draws import (
    CHAINS,
    draw_tilted,
    log_tilted,
    newton_step,
)
from equipoise.sampling import Body, Polytope
from equipoise.sampling.diagnostics import ess_mean

Array = NDArray[Any]

_FIRST = 100  # draws of a chain in the first rounds, far from the minimum
_ROUNDS = 200
_FULL = 0.25  # decrement below which full steps are taken
_SEEDS = 100_003  # between the seeds of one part and the next


def fit_polytope(
    polytope: Polytope, mean: ArrayLike, *, seed: int, n_draws: int = 20_000
) -> PolytopeMaxEntropy:
    """Find the law on a polytope that is nearest to the uniform one among those with a given mean.

    The dual and its derivatives have no closed form here (Leake and Vishnoi 2020 reduce them to
    sampling and volumes). Gradient and Hessian are the mean and covariance of draws under the
    tilted law, by Gibbs sampling, each coordinate from the exponential that it is given the others;
    draws are made more as steps get short, and the value is found by stages back to no tilt.
    For boxes, simplices, cross-polytopes and balls :func:`fit` is exact.

    Parameters
    ----------
    polytope : Polytope
        Bounded; may be flat.
    mean : array_like, shape (n,)
        In its relative interior.
    seed : int
    n_draws : int
        Of the last round, in which the error is that of so many draws.

    Returns
    -------
    PolytopeMaxEntropy

    Raises
    ------
    MeanOutsideError, MeanOnBoundaryError
    NoConvergenceError
        If 200 rounds are not enough, for a mean all but on the boundary.
    ValueError
        If the mean has a wrong shape, or n_draws is less than 800.
    EmptyPolytopeError, UnboundedPolytopeError, SinglePointError
        From :mod:`equipoise.sampling`.
    """
    point = np.array(mean, dtype=float)
    if point.shape != (polytope.n,):
        raise ValueError(f"mean has shape ({polytope.n},), not {point.shape}")
    if not np.isfinite(point).all():
        raise ValueError("mean has NaN or infinite entries")
    if n_draws < CHAINS * _FIRST:
        raise ValueError(f"n_draws is {CHAINS * _FIRST} or more, not {n_draws}")
    body = polytope.prepare()
    target = _target(polytope, body, point)
    tilt, begin, error = _search(body, target, -(-n_draws // CHAINS), seed)
    number = -(-n_draws // CHAINS)
    draws = draw_tilted(body, tilt, number, seed + _SEEDS, begin)
    last = newton_step(draws, target)
    decrement = last.decrement + last.most_noise
    entropy, entropy_error = log_tilted(
        body, tilt, target, -(-number // 4), seed + 2 * _SEEDS, draws[:, -1]
    )
    basis = body.basis.toarray() if hasattr(body.basis, "toarray") else body.basis
    # The parameter whose products with the basis are the tilt, within the polytope's directions.
    lift = np.linalg.pinv(basis).T
    slow = CHAINS * number / float(ess_mean(draws).min())
    return PolytopeMaxEntropy(
        polytope,
        point,
        lift @ tilt,
        np.sqrt(np.diag(lift @ error @ lift.T)),
        body.to_x(last.mean),
        np.sqrt(np.diag(basis @ last.mean_error @ basis.T)),
        basis @ last.covariance @ basis.T,
        entropy,
        entropy_error,
        float(-decrement - np.log1p(-decrement)) if decrement < 1 else np.inf,
        body,
        tilt,
        max(2, int(np.ceil(2 * slow))),
    )


def _target(polytope: Polytope, body: Body, point: Array) -> Array:
    target = body.to_z(point)
    off = float(np.abs(body.to_x(target) - point).max())
    if off > 1e-9 * max(1.0, float(np.abs(point).max())):
        raise MeanOutsideError(
            f"mean is off the polytope's plane by {off:.3g}: make it satisfy the equations"
        )
    slack = float(body.slack(target).min())
    if slack < -1e-12:
        raise MeanOutsideError(
            f"mean breaks a constraint by {polytope.violation(point):.3g}: move it inside"
        )
    if slack <= 1e-12 * body.radius():
        raise MeanOnBoundaryError(
            "mean is on the polytope's boundary, and all laws with this mean have entropy minus "
            "infinity: move it inside"
        )
    return target


def _search(body: Body, target: Array, most: int, seed: int) -> tuple[Array, Array, Array]:
    """The tilt, points to go on from, and the covariance of the tilt's error."""
    tilt, begin, number = np.zeros(body.dimension), target, min(_FIRST, most)
    for round_ in range(_ROUNDS):
        draws = draw_tilted(body, tilt, number, seed + round_, begin)
        begin = draws[:, -1]
        found = newton_step(draws, target)
        length = 1.0 if found.decrement < _FULL else 1 / (1 + found.decrement)
        tilt = tilt + length * found.step
        if found.decrement < 2 * found.noise + 0.05:
            if number == most:
                return tilt, begin, found.step_error
            number = min(4 * number, most)
    raise NoConvergenceError(
        f"{_ROUNDS} rounds of draws are not enough: the mean is too near the boundary"
    )
