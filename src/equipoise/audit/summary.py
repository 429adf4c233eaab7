"""What an audit found, in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from equipoise.audit.words import level, number, p_value
from equipoise.constraints import Disparity, gap, ratio

if TYPE_CHECKING:
    from equipoise.audit.noisy import NoisyAudit
    from equipoise.audit.result import Audit

_WORDS = {
    "selection": "how often people are selected",
    "true_positive": "how often those who deserve it are selected",
    "equalized_odds": "how often people who do, or do not, deserve it are selected",
    "predictive_value": "how often a selection is deserved",
    "accuracy": "how often decisions are right",
}
_QUESTIONS = tuple(gap(name) for name in ("selection", "true_positive", "equalized_odds",
                                          "predictive_value", "accuracy"))  # fmt: skip
_FOUR_FIFTHS = 0.8


class Summary(NamedTuple):
    """The findings of an audit in words.

    Attributes
    ----------
    heading : str
    paragraphs : list of str
    differs : bool
        Whether any difference between groups is more than chance would make.
    """

    heading: str
    paragraphs: list[str]
    differs: bool


def summarise(audit: Audit | NoisyAudit) -> Summary:
    """Say what differs between groups, what does not, and what cannot be told.

    Parameters
    ----------
    audit : Audit

    Returns
    -------
    Summary
    """
    if len(audit.counts.groups) == 1:
        told = f"All rows belong to {audit.counts.groups[0]!r}."
        return Summary("There is one group, and nothing to compare it with", [told], False)
    found = {d: audit.parity(d) for d in _QUESTIONS}
    apart = _beyond_chance({d: p.p_value for d, p in found.items()}, 1 - audit.confidence)
    unknown = [d for d, parity in found.items() if np.isnan(parity.value)]
    alike = [d for d in _QUESTIONS if d not in apart and d not in unknown]
    paragraphs = [_apart(audit, d) for d in apart]
    if alike:
        paragraphs.append(
            f"No more than chance would make: the differences in {_listed(alike)}. That does not "
            "show that there are none; their intervals say how large they may be."
        )
    if unknown:
        paragraphs.append(f"Not known, since some group has no rows to count: {_listed(unknown)}.")
    if len(audit.counts.classes) == 2:
        paragraphs += _four_fifths(audit)
    if not apart:
        return Summary("No difference between groups is more than chance", paragraphs, False)
    number_of = "One difference" if len(apart) == 1 else f"{len(apart)} differences"
    verb = "is" if len(apart) == 1 else "are"
    return Summary(f"{number_of} between groups {verb} more than chance", paragraphs, True)


def _beyond_chance(p_values: dict[Disparity, float], error: float) -> list[Disparity]:
    # Five questions are asked at once: Holm's correction, so that where groups are alike in all of
    # them none is answered wrongly but with that error.
    known = sorted((p, i) for i, p in enumerate(p_values.values()) if not np.isnan(p))
    rejected = set()
    for rank, (p, i) in enumerate(known):
        if p >= error / (len(known) - rank):
            break
        rejected.add(i)
    return [d for i, d in enumerate(p_values) if i in rejected]


def _apart(audit: Audit | NoisyAudit, disparity: Disparity) -> str:
    found, rate = audit.parity(disparity), disparity.rate
    rates = audit.counts.rates(rate)
    worst = int((rates.max(-1) - rates.min(-1)).argmax())
    low, high = int(rates[worst].argmin()), int(rates[worst].argmax())
    names = audit.counts.groups
    component = rate.component_names(audit.counts.classes)[worst]
    sure = level(audit.confidence)
    return (
        f"Groups differ in {_WORDS[rate.name]}: {component} ranges from {rates[worst, low]:.3f} "
        f"for {names[low]!r} to {rates[worst, high]:.3f} for {names[high]!r}. That is a gap of "
        f"{found.value:.3f}, between {found.low:.3f} and {found.high:.3f} with {sure} confidence, "
        f"where chance alone would make {number(found.expected)} on average "
        f"(p {_sign(found.p_value)}{p_value(found.p_value)}). Less what chance adds, the gap is "
        f"about {number(found.corrected)}."
    )


def _four_fifths(audit: Audit | NoisyAudit) -> list[str]:
    found = audit.parity(ratio("selection"))
    if np.isnan(found.value):
        return []
    sure = level(audit.confidence)
    rule = (
        "The four-fifths rule of US employment law takes it for a sign of adverse impact if a "
        "group is selected less than four fifths as often as another. Here the smallest share is "
        f"{found.value:.2f} of the largest, between {found.low:.2f} and {found.high:.2f} with "
        f"{sure} confidence: "
    )
    if found.high < _FOUR_FIFTHS:
        return [rule + "below four fifths, and more than chance."]
    if found.value < _FOUR_FIFTHS:
        return [rule + "below four fifths, but these rows do not show that it is."]
    if found.low >= _FOUR_FIFTHS:
        return [rule + "above four fifths, as these rows show."]
    return [rule + "above four fifths, but these rows do not show that it is."]


def _listed(disparities: list[Disparity]) -> str:
    return "; ".join(_WORDS[d.rate.name] for d in disparities)


def _sign(p: float) -> str:
    return "" if p < 0.001 else "= "
