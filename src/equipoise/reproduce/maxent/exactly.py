"""Verdicts on figures without an interval."""

from __future__ import annotations

import numpy as np

from equipoise.audit import Estimate
from equipoise.reproduce.claim import Claim
from equipoise.reproduce.judge import judged


def exactly(
    text: str, paper: str, found: float, high: float = np.inf, low: float = -np.inf
) -> Claim:
    """A claim that a figure, which is a maximum or minimum and no estimate, is within limits.

    Parameters
    ----------
    text, paper : str
    found : float
    high, low : float

    Returns
    -------
    Claim
    """
    holds = low <= found <= high
    return judged(text, paper, Estimate(found, found, found), "holds" if holds else "does not hold")
