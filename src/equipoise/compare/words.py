"""Figures and certificates as a reader sees them."""

from __future__ import annotations

import numpy as np

from equipoise.audit import Certificate
from equipoise.audit.result import Estimate


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
    if np.isnan(certificate.cautious):
        return "unknown"
    upper = certificate.constraint.sense == "<="
    if certificate.verdict == "broken":
        return f"{'≥' if upper else '≤'} {certificate.optimistic:.3f}"
    return f"{'≤' if upper else '≥'} {certificate.cautious:.3f}"


def with_interval(estimate: Estimate) -> str:
    """A figure with its interval.

    Parameters
    ----------
    estimate : Estimate

    Returns
    -------
    str
    """
    if np.isnan(estimate.value):
        return "undefined"
    if np.isnan(estimate.low):
        return f"{estimate.value:.3f}"
    return f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"


def percent(share: float) -> str:
    """A share in percent.

    Parameters
    ----------
    share : float

    Returns
    -------
    str
    """
    return "undefined" if np.isnan(share) else f"{100 * share:.1f} %"


def percent_with_interval(estimate: Estimate) -> str:
    """A share with its interval, in percent.

    Parameters
    ----------
    estimate : Estimate

    Returns
    -------
    str
    """
    if np.isnan(estimate.low):
        return percent(estimate.value)
    low, high = (f"{100 * end:.1f}" for end in (estimate.low, estimate.high))
    return f"{percent(estimate.value)} [{low}, {high}]"
