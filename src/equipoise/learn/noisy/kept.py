"""What a rule keeps of a promise on rows, with standard errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equipoise.constraints import Constraint
from equipoise.learn.noisy.moments import Moments
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
        Their standard errors, of rows drawn at random with their noise; the flip matrix is taken
        as known.
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

    Returns
    -------
    Kept
    """
    moments = Moments.of([promise])
    c, p = moments.n_components, membership.shape[1]
    rates, errors, numerators = (np.empty((c, p)) for _ in range(3))
    influence = np.empty((c, p, len(chance)))
    for j in range(c):
        event = moments.fixed[j][label] + chance * moments.added[j][label]
        among = moments.fixed[c + j][label] + chance * moments.added[c + j][label]
        for i in range(p):
            own = weight * membership[:, i]
            numerators[j, i], size = own @ event, own @ among
            rates[j, i] = divide(numerators[j, i], size)
            influence[j, i] = own * (event - rates[j, i] * among) / size if size > 0 else np.nan
            errors[j, i] = np.sqrt((influence[j, i] ** 2).sum())
    value = float(promise.disparity.value(rates))
    kept = bool(promise.kept_by(rates))
    error = _error(promise, rates, influence)
    return Kept(promise, rates, errors, value, error, kept, numerators)


def _error(promise: Constraint, rates: Array, influence: Array) -> float:
    of = promise.disparity
    each = of.of_components(rates)
    if np.isnan(each).any():
        return float("nan")
    j = int(each.argmax() if of.sense == "<=" else each.argmin())
    low, high = int(rates[j].argmin()), int(rates[j].argmax())
    if of.kind == "worst":
        moved = influence[j, high if of.sense == "<=" else low]
    elif of.kind == "gap":
        moved = influence[j, high] - influence[j, low]
    else:
        moved = (influence[j, low] - each[j] * influence[j, high]) / rates[j, high]
    return float(np.sqrt((moved**2).sum()))
