"""The answer of a comparison in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from equipoise.audit import Counts
from equipoise.audit.words import bound, level, percent, percent_with_interval, with_interval
from equipoise.compare.summary import MethodSummary

if TYPE_CHECKING:
    from equipoise.compare.result import Comparison


class Answer(NamedTuple):
    """What a reader is told first.

    Attributes
    ----------
    heading : str
        One sentence.
    text : str
        Paragraphs.
    """

    heading: str
    text: str


def answer(comparison: Comparison) -> Answer:
    """Say which model to take and why, or that none keeps the promise and what would help.

    Parameters
    ----------
    comparison : Comparison

    Returns
    -------
    Answer
    """
    best, constraint = comparison.best, comparison.settings.constraint
    confidence = level(comparison.settings.confidence)
    if best is None:
        return Answer(
            f"No model is shown to keep {constraint}",
            f"{_nearest(comparison)}\n\n{what_helps(comparison)}",
        )
    chosen = best.trial.counts["test"][best.trial.chosen]
    others = [s for s in comparison.summaries if s is not best]
    rivals = " ".join(_against(best, other, comparison) for other in others)
    return Answer(
        f"Take the model of {best.method}",
        f"Of the models shown to keep {constraint} with {confidence} confidence it is the most "
        f"accurate on the validation rows. On rows used for nothing else its "
        f"{constraint.disparity} is {best.certificate.estimate:.3f}, which shows it to be "
        f"{bound(best.certificate)} with that confidence. It decides {percent(chosen.accuracy)} of "
        f"the test rows rightly.\n\nOver all models and the test rows, {best.method} decides "
        f"{percent_with_interval(best.accuracy)} rightly. {rivals}\n\n"
        f"{_if_trivial(chosen)}The model is in models/{best.method}/seed-{best.trial.chosen}; "
        "equipoise predict applies it.",
    )


def _if_trivial(counts: Counts) -> str:
    decided = counts.table.sum(axis=(0, 1))
    if np.count_nonzero(decided) > 1:
        return ""
    label = counts.classes[int(decided.argmax())]
    return (
        f"It decides {label!r} of every test row: a model that keeps the promise by making no "
        "difference between any two people.\n\n"
    )


def _against(best: MethodSummary, other: MethodSummary, comparison: Comparison) -> str:
    points = 100 * (other.accuracy.value - best.accuracy.value)
    verdict = {
        "kept": "keeps the promise too",
        "not shown": "is not shown to keep the promise",
        "broken": "breaks the promise",
    }[other.certificate.verdict]
    more = "more" if points >= 0 else "less"
    disparity = comparison.settings.constraint.disparity
    return (
        f"{other.method} is {abs(points):.1f} points {more} accurate and {verdict}: its "
        f"{disparity} is {with_interval(other.disparity)}."
    )


def _nearest(comparison: Comparison) -> str:
    parts = [
        f"{s.method}: {with_interval(s.disparity)} on the test rows, "
        f"{s.certificate.reason or bound(s.certificate) + ' by the certificate'}."
        for s in comparison.summaries
    ]
    return " ".join(parts)


def what_helps(comparison: Comparison) -> str:
    """Say what would let the rows show that the promise is kept.

    Parameters
    ----------
    comparison : Comparison

    Returns
    -------
    str
    """
    if comparison.settings.constraint.disparity.rate.of_loss:
        return "Nothing can be certified about losses, which have no upper end."
    sizes = comparison.description["groups"]["certificate"]
    smallest = int(np.argmin(sizes))
    resolution, constraint = comparison.description["resolution"], comparison.settings.constraint
    room = constraint.bound if constraint.sense == "<=" else 1 - constraint.bound
    if not resolution < room:
        return (
            f"So few rows can hardly show {constraint} of any model: the smallest group among the "
            f"certificate's is {comparison.description['group_names'][smallest]!r} with "
            f"{sizes[smallest]:,} rows. What would help: more rows, joining small groups "
            "(--min-group), or a looser bound."
        )
    return (
        "The rows kept for the certificate can show the promise where it is kept by roughly "
        f"{resolution:.3f} or more; the smallest group there is "
        f"{comparison.description['group_names'][smallest]!r} with {sizes[smallest]:,} rows. What "
        "would help: more rows, joining small groups (--min-group), or a looser bound."
    )
