"""What a rule keeps of a promise on rows, with standard errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equipoise.constraints import Constraint
from equipoise.learn.noisy.moments import Moments
from equipoise.noise import FlipMatrix
from equipoise.noise.effects import effects
from equipoise.rates import divide

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Kept:
    """A promise on some rows.

    Attributes
    ----------
    promise : Constraint
    rates : ndarray, shape (c, p)
        Of each group, counted with signed membership.
    rate_errors : ndarray, shape (c, p)
        Their standard errors, of rows drawn at random with their noise and, where flips were
        estimated, of these.
    value : float
        The disparity that is promised.
    error : float
        Its standard error to first order, as if it were known which groups are the extremes.
    kept : bool
        Whether the value keeps the promise.
    numerators : ndarray, shape (c, p)
        P(event, condition, group), which the floor is about.
    """

    promise: Constraint
    rates: Array
    rate_errors: Array
    value: float
    error: float
    kept: bool
    numerators: Array


def measure_kept(
    promise: Constraint,
    chance: Array,
    label: NDArray[np.integer],
    membership: Array,
    weight: Array,
    strata: Sequence[tuple[FlipMatrix, NDArray[np.bool_]]] = (),
) -> Kept:
    """Measure a promise.

    Parameters
    ----------
    promise : Constraint
    chance : ndarray, shape (n,)
        With what chance each row is decided 1.
    label : ndarray of int, shape (n,)
    membership : ndarray, shape (n, p)
        W, signed where groups are noisy.
    weight : ndarray, shape (n,)
        Of sum 1.
    strata : sequence of (FlipMatrix, ndarray of bool, shape (n,))
        By what flips rows were corrected, whose errors are added where they were estimated.

    Returns
    -------
    Kept
    """
    moments = Moments.of([promise])
    c, p = moments.n_components, membership.shape[1]
    rates, numerators = np.empty((c, p)), np.empty((c, p))
    covariance = np.empty((c, p, p))
    for j in range(c):
        event = weight * (moments.fixed[j][label] + chance * moments.added[j][label])
        among = weight * (moments.fixed[c + j][label] + chance * moments.added[c + j][label])
        numerators[j], sizes = membership.T @ event, membership.T @ among
        rates[j] = divide(numerators[j], sizes)
        sizes = np.where(sizes > 0, sizes, np.nan)
        influence = membership * (event[:, None] - among[:, None] * rates[j]) / sizes
        covariance[j] = influence.T @ influence
        for flips, rows in strata:
            own = membership[rows]
            top, bottom = own.T @ event[rows], own.T @ among[rows]
            for part in effects(flips, top - rates[j][:, None] * bottom):
                slopes = np.einsum("gge->ge", part.slopes) / sizes[:, None]
                covariance[j] += slopes @ part.covariance @ slopes.T
    errors = np.sqrt(np.einsum("cgg->cg", covariance))
    value = float(promise.disparity.value(rates))
    error = _error(promise, rates, covariance)
    return Kept(promise, rates, errors, value, error, bool(promise.kept_by(rates)), numerators)


def _error(promise: Constraint, rates: Array, covariance: Array) -> float:
    of = promise.disparity
    each = of.of_components(rates)
    if np.isnan(each).any():
        return float("nan")
    j = int(each.argmax() if of.sense == "<=" else each.argmin())
    low, high = int(rates[j].argmin()), int(rates[j].argmax())
    slope = np.zeros(rates.shape[1])
    if of.kind == "worst":
        slope[high if of.sense == "<=" else low] = 1.0
    elif of.kind == "gap":
        slope[high] += 1.0
        slope[low] -= 1.0
    else:
        slope[low] += 1 / rates[j, high]
        slope[high] -= each[j] / rates[j, high]
    return float(np.sqrt(slope @ covariance[j] @ slope))
