"""What the paper proves, which has no experiments; recalled, as its text was not at hand."""

from __future__ import annotations

import math

SOURCE = "Huang, Vishnoi 2020, STOC, arXiv 2004.06263"

NONE = "not published"


def log10_first_stage(k: int, power: float, eps: float, delta: float) -> float:
    """The size of the first sample with its constants.

    It is (168 z)^(10 z) eps^(-5z-15) k^5 log(k / delta).

    Parameters
    ----------
    k : int
    power : float
        z.
    eps, delta : float
        The error, and the chance of a larger one.

    Returns
    -------
    float
        Its logarithm to the base of 10.
    """
    constant = 10 * power * math.log10(168 * power)
    return constant - (5 * power + 15) * math.log10(eps) + math.log10(k**5 * math.log(k / delta))


def proved_exponent(power: float) -> float:
    """How the error falls with the size m: as m to this power.

    Parameters
    ----------
    power : float
        z.

    Returns
    -------
    float
        From a size of about eps^(-2z-2) k, whatever n and d.
    """
    return -1 / (2 * power + 2)
