"""What can be promised of a model, from counts on rows that chose nothing.

A gap is at most b exactly when every ordered pair of groups differs by at most b. A test that
rejects "some pair differs by more" only when each pair's own test does is a valid test at the
level of a single pair (intersection-union; Berger 1982, Technometrics 24), so no correction is
due for the number of groups: the largest of the pairs' upper bounds is an upper bound of the gap.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from equipoise.audit.counts import Counts
from equipoise.audit.largest_pair import largest_pair_bound
from equipoise.audit.words import level, number_or_none
from equipoise.constraints import Constraint

Verdict = Literal["kept", "not shown", "broken"]


@dataclass(frozen=True)
class Certificate:
    """Whether a promise is kept, as far as the counts can tell.

    Attributes
    ----------
    constraint : Constraint
    confidence : float
        That all certificates issued together are true.
    n_certificates : int
        How many were issued together; each is held to 1 - (1 - confidence) / n_certificates.
    estimate : float
        The disparity on the counts.
    optimistic, cautious : float
        One-sided confidence bounds on the good and on the bad side. The promise is shown to be
        kept when the cautious one keeps it, and to be broken when the optimistic one breaks it.
    verdict : {"kept", "not shown", "broken"}
    reason : str
        Why nothing could be computed; empty otherwise.
    """

    constraint: Constraint
    confidence: float
    n_certificates: int
    estimate: float
    optimistic: float
    cautious: float
    verdict: Verdict
    reason: str = ""

    def __str__(self) -> str:
        return f"kept ({level(self.confidence)})" if self.verdict == "kept" else self.verdict

    def to_dict(self) -> dict[str, Any]:
        """The certificate as JSON can hold it; None for what is undefined."""
        return {
            "verdict": self.verdict,
            "reason": self.reason,
            "confidence": self.confidence,
            "n_certificates": self.n_certificates,
            "estimate": number_or_none(self.estimate),
            "cautious": number_or_none(self.cautious),
            "optimistic": number_or_none(self.optimistic),
        }


def certify(
    counts: Counts, constraint: Constraint, confidence: float = 0.95, n_certificates: int = 1
) -> Certificate:
    """Certify one model, from counts on rows used for nothing else.

    Parameters
    ----------
    counts : Counts
    constraint : Constraint
    confidence : float
        Between 0 and 1.
    n_certificates : int
        How many are issued together, one for each model and promise (Bonferroni).

    Returns
    -------
    Certificate
        Its bounds do not lean on large samples: they hold for any sizes of groups, as long as the
        rows are independent draws from the population that is spoken of. A promise about losses,
        which have no upper end, is never shown either way.
    """
    require_confidence(confidence, n_certificates)
    disparity = constraint.disparity
    estimate = float(disparity.value(counts.rates(disparity.rate)))

    def unknown(reason: str) -> Certificate:
        return Certificate(
            constraint, confidence, n_certificates, estimate, np.nan, np.nan, "not shown", reason
        )

    if disparity.rate.of_loss:
        return unknown("losses have no upper end, so no bound holds for every model")
    success, trials = counts.fractions(disparity.rate)
    if (trials == 0).any():
        component, group = np.argwhere(trials == 0)[0]
        name = disparity.rate.component_names(counts.classes)[component]
        which = "such rows" if counts.weight is None else "such rows of any weight"
        return unknown(f"{name} of {counts.groups[group]!r} is undefined: it has no {which}")
    alpha = (1 - confidence) / n_certificates
    bounds = _worst_bounds if disparity.kind == "worst" else _pair_bounds
    optimistic, cautious = bounds(success, trials, constraint, alpha, counts.disjoint)
    verdict = verdict_of(constraint, optimistic, cautious)
    return Certificate(
        constraint, confidence, n_certificates, estimate, optimistic, cautious, verdict
    )


def require_confidence(confidence: float, n_certificates: int) -> None:
    """Refuse a confidence that is none, or a number of certificates that cannot be.

    Parameters
    ----------
    confidence : float
    n_certificates : int

    Raises
    ------
    ValueError
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, not {confidence}.")
    if n_certificates < 1:
        raise ValueError(f"n_certificates must be at least 1, not {n_certificates}.")


def verdict_of(constraint: Constraint, optimistic: float, cautious: float) -> Verdict:
    """What bounds on both sides show of a promise.

    Parameters
    ----------
    constraint : Constraint
    optimistic, cautious : float
        As a :class:`Certificate` has them.

    Returns
    -------
    {"kept", "not shown", "broken"}
    """
    sign = 1 if constraint.sense == "<=" else -1
    if sign * cautious <= sign * constraint.bound:
        return "kept"
    return "broken" if sign * optimistic > sign * constraint.bound else "not shown"


def _worst_bounds(
    success: NDArray[Any], trials: NDArray[Any], constraint: Constraint, alpha: float, _: bool
) -> tuple[float, float]:
    low = np.where(success > 0, stats.beta.ppf(alpha, success, trials - success + 1), 0.0)
    high = np.where(success < trials, stats.beta.isf(alpha, success + 1, trials - success), 1.0)
    # The good side must hold for every group at once, hence the correction; the bad side not.
    shared = alpha / success.size
    if constraint.sense == "<=":
        all_low = stats.beta.ppf(shared, success, trials - success + 1)
        return float(np.where(success > 0, all_low, 0.0).max()), float(high.max())
    all_high = stats.beta.isf(shared, success + 1, trials - success)
    return float(np.where(success < trials, all_high, 1.0).min()), float(low.min())


def _pair_bounds(
    success: NDArray[Any],
    trials: NDArray[Any],
    constraint: Constraint,
    alpha: float,
    disjoint: bool,
) -> tuple[float, float]:
    kind: Literal["gap", "ratio"] = "ratio" if constraint.disparity.kind == "ratio" else "gap"
    groups = success.shape[1]
    if groups == 1:
        return (0.0, 0.0) if kind == "gap" else (1.0, 1.0)
    # Upper bounds of the rate of a minus, or over, the rate of b. Over the pairs that bounds the
    # gap (or the inverse of the ratio) from above, at the level of a single pair.
    high = largest_pair_bound(success, trials, alpha, kind, "upper", disjoint)
    # From below, one pair suffices, and the best of many is looked at: that is corrected for.
    shared = alpha / (len(success) * groups * (groups - 1))
    low = largest_pair_bound(success, trials, shared, kind, "lower", disjoint)
    if kind == "gap":
        return float(max(low, 0.0)), float(high)
    return float(min(1 / max(low, 1.0), 1.0)), float(1 / high)
