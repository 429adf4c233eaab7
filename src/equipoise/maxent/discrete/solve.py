"""Newton's method on the dual, and the certificate that its answer carries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cho_factor, cho_solve, eigh

from equipoise.maxent.discrete.dual import Dual, State

Array = NDArray[np.float64]

# Above it the Hessian is not formed.
_DENSE = 2500
_SLOPE = 1e-4
_ROUNDING = 1e-12
_MOST_CG = 500


class Certificate(NamedTuple):
    """How far a law can be from the closest.

    Attributes
    ----------
    gap : float
        A law that meets the expectation exactly has a divergence at most so much, in nats, above
        that of any other; infinite where no such law was found.
    left : float
        By how much that law misses the expectation after all, from rounding and from conjugate
        gradients that were ended, in standard deviations of the prior.
    """

    gap: float
    left: float


@dataclass(frozen=True)
class Descent:
    """How a solver ended.

    Attributes
    ----------
    state : State
    residuals : tuple of float
        Before each step and at the end: the most by which a coordinate misses the expectation.
    converged : bool
    """

    state: State
    residuals: tuple[float, ...]
    converged: bool


def newton(dual: Dual, tolerance: float, max_steps: int, floor: float = -np.inf) -> Descent:
    """Minimise by Newton's method with backtracking.

    Parameters
    ----------
    dual : Dual
    tolerance : float
        For every coordinate of the gradient.
    max_steps : int
    floor : float
        Ends where the value falls below: then the expectation is that of no law.

    Returns
    -------
    Descent
    """
    state = dual.at(np.zeros(dual.size))
    residuals = [_largest(state.gradient)]
    while residuals[-1] > tolerance and len(residuals) <= max_steps and state.value >= floor:
        step = -direction(dual, state)
        slope = float(state.gradient @ step)
        if not slope < 0:
            break
        following = _along(dual, state, step, slope)
        if following is None:
            break
        state = following
        residuals.append(_largest(state.gradient))
    return Descent(state, tuple(residuals), residuals[-1] <= tolerance and state.value >= floor)


def direction(dual: Dual, state: State, *, accuracy: float | None = None) -> Array:
    """Solve the Hessian against the gradient.

    Parameters
    ----------
    dual : Dual
    state : State
    accuracy : float, optional
        Of conjugate gradients, relative to the gradient; by default rough far from the minimum.

    Returns
    -------
    ndarray, shape (D,)
    """
    if dual.size > _DENSE:
        size = float(np.linalg.norm(state.gradient))
        return _conjugate(dual, state, min(0.1, size**0.5) if accuracy is None else accuracy)
    hessian = dual.hessian(state)
    try:
        return np.asarray(cho_solve(cho_factor(hessian), state.gradient))
    except LinAlgError:
        # Where only rows have mass columns can determine each other: no law moves along those
        # directions, and the gradient has nothing in them.
        values, axes = eigh(dual.hessian(state, exact=True))
        seen = values > 1e-13 * max(values[-1], 1e-300)
        axes = axes[:, seen]
        return np.asarray(axes @ ((axes.T @ state.gradient) / values[seen]))


def certify(dual: Dual, state: State) -> Certificate:
    """Bound how far the law of a state is from the closest one that meets the expectation.

    Where g is the gradient and H the Hessian, the law p (1 - <H^-1 g, t - g>) has exactly the
    expectation. If it is nowhere negative it is a feasible law, and its divergence from the prior
    exceeds the dual value by its divergence from p, which is at most log(1 + g' H^-1 g).

    Parameters
    ----------
    dual : Dual
    state : State

    Returns
    -------
    Certificate
    """
    if not state.gradient.any():
        return Certificate(0.0, 0.0)
    step = -direction(dual, state, accuracy=1e-6)
    moved = dual.hessian_vector(state, step)
    left = _largest(state.gradient + moved)
    least = 1 + dual.least_along(state, step) - float(step @ state.gradient)
    if not least >= 0:
        return Certificate(np.inf, left)
    return Certificate(float(np.log1p(max(float(step @ moved), 0.0))), left)


def _along(dual: Dual, state: State, step: Array, slope: float) -> State | None:
    # Close to the minimum the decrease is lost in rounding; there the gradient decides.
    if -slope < _ROUNDING * max(1.0, abs(state.value)):
        following = dual.at(state.multipliers + step)
        better = _largest(following.gradient) < _largest(state.gradient)
        return following if better else None
    size = 1.0
    while size > 1e-12:
        following = dual.at(state.multipliers + size * step)
        if following.value <= state.value + _SLOPE * size * slope:
            return following
        size /= 2
    return None


def _conjugate(dual: Dual, state: State, accuracy: float) -> Array:
    x = np.zeros(dual.size)
    left = state.gradient.copy()
    way = left.copy()
    square = float(left @ left)
    wanted = accuracy**2 * square
    for _ in range(_MOST_CG):
        image = dual.hessian_vector(state, way)
        curvature = float(way @ image)
        if curvature <= 0:
            break
        size = square / curvature
        x += size * way
        left -= size * image
        new = float(left @ left)
        if new <= wanted:
            break
        way = left + (new / square) * way
        square = new
    return x if x.any() else state.gradient


def _largest(vector: Array) -> float:
    return float(np.abs(vector).max()) if len(vector) else 0.0
