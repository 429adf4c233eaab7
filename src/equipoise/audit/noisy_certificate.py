"""What can be promised to groups that are observed with errors.

A promise is shown pair by pair, as where groups are known: the largest of the pairs' bounds needs
no correction for their number (Berger 1982). The bound of a pair puts together the score intervals
of its two corrected rates, each with the price of the correction in it (MOVER; Zou and Donner 2008,
Statistics in Medicine 27, with the correlation of the two, which the same rows make; of a ratio, on
logarithms). Unlike :func:`equipoise.audit.certify` it leans on large samples: a corrected rate is
no share of rows of its own, and no exact bound of it is known that is not far too wide. So where
the rows tell no more than a few of known group would, nothing is shown.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from equipoise.audit.certificate import Certificate, require_confidence, verdict_of
from equipoise.audit.noisy_counts import NoisyCounts
from equipoise.audit.noisy_spread import IMPOSSIBLE, beyond, covariance, price, score_interval
from equipoise.constraints import Constraint
from equipoise.rates import Rate

Array = NDArray[np.float64]

FEWEST = 50
"""Where a group's rows tell less than so many of known group would, nothing is shown: of fewer a
bound of a small rate was seen to fail nearly twice as often as it says."""


def certify_noisy(
    counts: NoisyCounts, constraint: Constraint, confidence: float = 0.95, n_certificates: int = 1
) -> Certificate:
    """Certify one model to the true groups, from counts by observed ones.

    Parameters
    ----------
    counts : NoisyCounts
        Of rows used for nothing else.
    constraint : Constraint
    confidence : float
        Between 0 and 1.
    n_certificates : int
        How many are issued together, one for each model and promise (Bonferroni).

    Returns
    -------
    Certificate
        Its bounds lean on large samples. Nothing is shown where a group's rows tell less than 50
        rows of known group would, where a rate contradicts the flips, or of losses.
    """
    require_confidence(confidence, n_certificates)
    disparity = constraint.disparity
    rate = disparity.rate

    def unknown(reason: str, estimate: float) -> Certificate:
        return Certificate(
            constraint, confidence, n_certificates, estimate, np.nan, np.nan, "not shown", reason
        )

    if rate.of_loss:
        return unknown("losses cannot be corrected for errors in the groups", np.nan)
    estimate = float(disparity.value(counts.rates(rate)))
    reason = _why_nothing_is_shown(counts, rate)
    if reason:
        return unknown(reason, estimate)
    alpha = (1 - confidence) / n_certificates
    if disparity.kind == "worst":
        optimistic, cautious = _worst_bounds(counts, constraint, alpha)
    elif disparity.kind == "gap":
        optimistic, cautious = _gap_bounds(counts, rate, alpha)
    else:
        if (counts.rates(rate) <= 0).any():
            return unknown("a corrected rate is not positive, and has no ratio", estimate)
        optimistic, cautious = _ratio_bounds(counts, rate, alpha)
    verdict = verdict_of(constraint, optimistic, cautious)
    return Certificate(
        constraint, confidence, n_certificates, estimate, optimistic, cautious, verdict
    )


def _why_nothing_is_shown(counts: NoisyCounts, rate: Rate) -> str:
    names = rate.component_names(counts.classes)
    values = counts.rates(rate)
    for c, g in np.argwhere(np.isnan(values)):
        return f"{names[c]} of {counts.groups[g]!r} is undefined: by the flips it has no such rows"
    for c, g in np.argwhere(beyond(counts, rate, IMPOSSIBLE)):
        return (
            f"{names[c]} of {counts.groups[g]!r} would be {values[c, g]:.3f}, outside 0 and 1 by "
            "more than chance: the flips cannot be right"
        )
    told = counts.known_rows(rate) / np.fmax(price(counts, rate), 1.0)
    c, g = np.unravel_index(int(told.argmin()), told.shape)
    if told[c, g] < FEWEST:
        return (
            f"the rows of {counts.groups[g]!r} tell as much of {names[c]} as {told[c, g]:.0f} of "
            f"known group would, and it takes {FEWEST}"
        )
    return ""


class _Sides(NamedTuple):
    """One-sided bounds of each group's rate, and how the rates' errors go together.

    Attributes
    ----------
    value, low, high : ndarray, shape (c, p)
    correlation : ndarray, shape (c, p, p)
    """

    value: Array
    low: Array
    high: Array
    correlation: Array

    @classmethod
    def of(cls, counts: NoisyCounts, rate: Rate, alpha: float) -> _Sides:
        """Bounds that hold with one less alpha each."""
        value = counts.rates(rate)
        low, high = score_interval(counts, rate, float(stats.norm.isf(alpha)))
        c, p = value.shape
        spread = np.einsum("cgch->cgh", covariance(counts, rate).reshape(c, p, c, p))
        error = np.sqrt(np.einsum("cgg->cg", spread))
        return cls(value, low, high, spread / (error[:, :, None] * error[:, None]))

    def upper(self) -> Array:
        """Of each rate less each other's, shape (c, p, p); -inf of a rate less itself."""
        more, less = self.high - self.value, self.value - self.low
        square = (
            more[:, :, None] ** 2
            + less[:, None] ** 2
            - 2 * self.correlation * more[:, :, None] * less[:, None]
        )
        found = self.value[:, :, None] - self.value[:, None] + np.sqrt(square.clip(0.0))
        return np.where(np.eye(self.value.shape[1], dtype=bool), -np.inf, found)

    def logarithms(self) -> _Sides:
        """The same of the logarithms of positive rates; a bound may be -inf."""
        with np.errstate(divide="ignore"):
            logs = [np.log(np.maximum(x, 0.0)) for x in (self.value, self.low, self.high)]
        return _Sides(logs[0], logs[1], logs[2], self.correlation)


def _pairs(counts: NoisyCounts, rate: Rate) -> int:
    c, p = rate.n_components(len(counts.classes)), len(counts.groups)
    return max(c * p * (p - 1), 1)


def _gap_bounds(counts: NoisyCounts, rate: Rate, alpha: float) -> tuple[float, float]:
    if len(counts.groups) == 1:
        return 0.0, 0.0
    high = float(_Sides.of(counts, rate, alpha).upper().max())
    # From below, one pair suffices, and the best of many is looked at: that is corrected for.
    shared = _Sides.of(counts, rate, alpha / _pairs(counts, rate)).upper()
    low = -float(np.where(np.isneginf(shared), np.inf, shared).min())
    return max(low, 0.0), min(max(high, 0.0), 1.0)


def _ratio_bounds(counts: NoisyCounts, rate: Rate, alpha: float) -> tuple[float, float]:
    if len(counts.groups) == 1:
        return 1.0, 1.0
    # The largest ratio of any to any other: its inverse is what is promised.
    high = _largest_logarithm(_Sides.of(counts, rate, alpha))
    shared = _Sides.of(counts, rate, alpha / _pairs(counts, rate)).logarithms()
    apart = ~np.eye(len(counts.groups), dtype=bool)
    differences = shared.value[:, :, None] - shared.value[:, None]
    less, more = shared.value - shared.low, shared.high - shared.value
    a, b = less[:, :, None], more[:, None]
    with np.errstate(invalid="ignore"):
        # What is infinite has no part in the sum that could make it less.
        together = np.where(np.isinf(a), np.inf, a**2 + b**2 - 2 * shared.correlation * a * b)
    low = float((differences - np.sqrt(together.clip(0.0)))[:, apart].max())
    return float(np.exp(-max(low, 0.0))), float(np.exp(-max(high, 0.0)))


def _largest_logarithm(sides: _Sides) -> float:
    if (sides.low <= 0).any():
        return np.inf
    return float(sides.logarithms().upper().max())


def _worst_bounds(counts: NoisyCounts, constraint: Constraint, alpha: float) -> tuple[float, float]:
    rate = constraint.disparity.rate
    each = _Sides.of(counts, rate, alpha)
    # The good side must hold for every group at once, hence the correction; the bad side not.
    shared = _Sides.of(counts, rate, alpha / each.value.size)
    if constraint.sense == "<=":
        return float(shared.low.max()), float(each.high.max())
    return float(shared.high.min()), float(each.low.min())
