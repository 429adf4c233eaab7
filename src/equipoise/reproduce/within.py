"""Verdicts on figures that are to lie between two limits."""

from __future__ import annotations

from equipoise.audit import Estimate
from equipoise.reproduce.claim import Claim
from equipoise.reproduce.judge import judged


def within(text: str, paper: str, figure: Estimate, low: float, high: float) -> Claim:
    """A claim that a figure lies between limits.

    Parameters
    ----------
    text, paper : str
    figure : Estimate
    low, high : float

    Returns
    -------
    Claim
        It holds if the whole interval is inside, does not if all of it is outside, and cannot be
        told otherwise.
    """
    if low <= figure.low and figure.high <= high:
        return judged(text, paper, figure, "holds")
    outside = figure.high < low or figure.low > high
    return judged(text, paper, figure, "does not hold" if outside else "cannot be told")
