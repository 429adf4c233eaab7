"""Figures as a reader sees them, and as JSON can hold them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from equipoise.audit.weights import effective_rows

if TYPE_CHECKING:
    from equipoise.audit.certificate import Certificate
    from equipoise.audit.counts import Counts
    from equipoise.audit.noisy_counts import NoisyCounts
    from equipoise.audit.parity import Parity
    from equipoise.audit.result import Estimate
    from equipoise.constraints import Disparity

_UNDEFINED = "undefined"


def level(confidence: float) -> str:
    """A level of confidence.

    Parameters
    ----------
    confidence : float

    Returns
    -------
    str
        Such as ``95%`` or ``99.9%``, which is not 100%.
    """
    return f"{100 * confidence:.10g}%"


def how_many_rows(counts: Counts | NoisyCounts) -> str:
    """The number of rows and, where they are weighted, how much they tell.

    Parameters
    ----------
    counts : Counts

    Returns
    -------
    str
        Such as ``1,000 rows (weighted: they tell as much as 612 equal ones)``.
    """
    rows = f"{counts.n_rows:,} rows"
    if counts.weight is None:
        return rows
    return (
        f"{rows} (weighted: they tell as much as {effective_rows(counts.weight):,.0f} equal ones)"
    )


def percent(share: float) -> str:
    """A share in percent.

    Parameters
    ----------
    share : float

    Returns
    -------
    str
        Such as ``84.1 %``; "undefined" for NaN.
    """
    return _UNDEFINED if math.isnan(share) else f"{100 * share:.1f} %"


def percent_with_interval(estimate: Estimate) -> str:
    """A share with its interval, in percent.

    Parameters
    ----------
    estimate : Estimate

    Returns
    -------
    str
        Such as ``84.1 % [83.7, 84.5]``; the share alone where it has no interval.
    """
    if math.isnan(estimate.low):
        return percent(estimate.value)
    low, high = (f"{100 * end:.1f}" for end in (estimate.low, estimate.high))
    return f"{percent(estimate.value)} [{low}, {high}]"


def with_interval(estimate: Estimate) -> str:
    """A figure with its interval.

    Parameters
    ----------
    estimate : Estimate

    Returns
    -------
    str
        Such as ``0.212 [0.183, 0.241]``.
    """
    if math.isnan(estimate.value):
        return _UNDEFINED
    if math.isnan(estimate.low):
        return f"{estimate.value:.3f}"
    return f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"


def number(value: float) -> str:
    """A figure alone.

    Parameters
    ----------
    value : float

    Returns
    -------
    str
        Such as ``0.212``; "undefined" for NaN.
    """
    return _UNDEFINED if math.isnan(value) else f"{value:.3f}"


def p_value(p: float) -> str:
    """A p-value, to as many digits as matter.

    Parameters
    ----------
    p : float

    Returns
    -------
    str
        Such as ``0.034`` or ``< 0.001``.
    """
    if math.isnan(p):
        return _UNDEFINED
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def by_chance(parity: Parity, disparity: Disparity) -> str:
    """What a disparity would be under parity.

    Parameters
    ----------
    parity : Parity
    disparity : Disparity

    Returns
    -------
    str
        Such as ``0.042 (≤ 0.064)``: on average, and as far as it goes with that confidence.
    """
    if math.isnan(parity.expected):
        return _UNDEFINED
    sign = "≥" if disparity.kind == "ratio" else "≤"
    return f"{parity.expected:.3f} ({sign} {parity.limit:.3f})"


def bound(certificate: Certificate) -> str:
    """What a certificate shows of the promised figure.

    Parameters
    ----------
    certificate : Certificate

    Returns
    -------
    str
        Such as ``≤ 0.043``: on the bad side, unless the promise is shown to be broken.
    """
    if math.isnan(certificate.cautious):
        return "unknown"
    upper = certificate.constraint.sense == "<="
    shown = certificate.cautious
    if certificate.verdict == "broken":
        upper, shown = not upper, certificate.optimistic
    # Rounded away from the figure: a bound must not be printed as stronger than it is.
    outward = math.ceil if upper else math.floor
    return f"{'≤' if upper else '≥'} {outward(1000 * shown) / 1000:.3f}"


def number_or_none(value: float) -> float | None:
    """A number for JSON, which has none for what is undefined.

    Parameters
    ----------
    value : float

    Returns
    -------
    float or None
        None for NaN and infinity.
    """
    return float(value) if math.isfinite(value) else None
