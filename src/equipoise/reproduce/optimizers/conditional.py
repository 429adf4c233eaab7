"""Claims that hold at one learning rate for all, and not where each optimizer has its own."""

from __future__ import annotations

from equipoise.audit import Estimate
from equipoise.reproduce.claim import Claim, Verdict
from equipoise.reproduce.judge import judged, shown_above


def only_so(text: str, paper: str, figure: Estimate, limit: float) -> Claim:
    """A claim that a figure is above a limit, under the condition that the text names.

    Parameters
    ----------
    text, paper : str
    figure : Estimate
    limit : float

    Returns
    -------
    Claim
        Where it is shown to be above, it holds with a condition.
    """
    verdict: Verdict = shown_above(figure, limit)
    if verdict != "holds":
        return judged(text, paper, figure, verdict)
    return Claim(text, paper, figure.value, figure.low, figure.high, "holds with a condition")
