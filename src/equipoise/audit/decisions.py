"""The audit of decisions, row by row."""

from __future__ import annotations

from typing import Any, overload

from numpy.typing import ArrayLike

from equipoise.audit.counts import Counts
from equipoise.audit.labels import encode_pair
from equipoise.audit.noisy import NoisyAudit, audit_noisy
from equipoise.audit.one_pass import count_codes
from equipoise.audit.result import Audit
from equipoise.audit.weights import as_weights
from equipoise.groups import Groups, How
from equipoise.noise import NoisyGroups


@overload
def audit(
    label: ArrayLike,
    prediction: ArrayLike,
    *,
    sensitive_features: NoisyGroups,
    sample_weight: ArrayLike | None = None,
    how: How = "crossed",
    positive: Any = None,
    confidence: float = 0.95,
    n_boot: int = 2000,
    random_state: int = 0,
) -> NoisyAudit: ...


@overload
def audit(
    label: ArrayLike,
    prediction: ArrayLike,
    *,
    sensitive_features: Any,
    sample_weight: ArrayLike | None = None,
    how: How = "crossed",
    positive: Any = None,
    confidence: float = 0.95,
    n_boot: int = 2000,
    random_state: int = 0,
) -> Audit: ...


def audit(
    label: ArrayLike,
    prediction: ArrayLike,
    *,
    sensitive_features: Any,
    sample_weight: ArrayLike | None = None,
    how: How = "crossed",
    positive: Any = None,
    confidence: float = 0.95,
    n_boot: int = 2000,
    random_state: int = 0,
) -> Audit | NoisyAudit:
    """Audit predictions: rates by group, their disparities, and how sure one can be.

    Parameters
    ----------
    label, prediction : array-like, shape (n,)
        What was true and what was decided, in the same classes.
    sensitive_features : Groups, array-like, mapping or dataframe, or NoisyGroups
        One or several columns of n values; see :meth:`equipoise.Groups.of`. Of noisy groups, all
        figures are corrected for the flips.
    sample_weight : array-like, shape (n,), optional
        How much each row counts for, such as the inverse of the probability with which it was
        drawn. Intervals and tests are those of as many equal rows as would tell as much.
    how : {"crossed", "each", "lattice"}
        Whether several columns mean their intersections or stand side by side.
    positive : optional
        The positive class of a binary task; the larger by default.
    confidence : float
    n_boot : int
    random_state : int

    Returns
    -------
    Audit, or NoisyAudit of noisy groups
        Print it for a summary; ask :meth:`Audit.rates` and :meth:`Audit.disparity` for figures.

    Raises
    ------
    ValueError
        If lengths differ, values are missing, there is one class, predictions are scores, or a
        weight is negative or no number.

    Examples
    --------
    >>> from equipoise import audit, gap
    >>> result = audit([0, 1, 1, 0, 1, 0], [0, 1, 0, 0, 1, 1], sensitive_features=list("aaabbb"))
    >>> round(result.disparity(gap("selection")).value, 3)
    0.333
    """
    if isinstance(sensitive_features, NoisyGroups):
        return audit_noisy(
            label,
            prediction,
            groups=sensitive_features,
            sample_weight=sample_weight,
            positive=positive,
            confidence=confidence,
            n_boot=n_boot,
            random_state=random_state,
        )
    counts = None
    if sample_weight is None:
        counts = count_codes(label, prediction, sensitive_features, positive)
    if counts is None:
        y, p, classes = encode_pair(label, prediction, positive)
        weight = None if sample_weight is None else as_weights(sample_weight, len(y))
        groups = Groups.of(sensitive_features, how)
        counts = Counts._of_codes(y, p, groups, classes, weight=weight)
    return Audit(counts, confidence, n_boot=n_boot, random_state=random_state)
