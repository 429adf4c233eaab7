"""The answer of a comparison in words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from equipoise.audit import Counts
from equipoise.audit.words import bound, level, percent, percent_with_interval, with_interval
from equipoise.compare.summary import MethodSummary, PromiseSummary
from equipoise.compare.table import how_many_diverged

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
    best, promised = comparison.best, listed(comparison.settings.constraints)
    confidence = level(comparison.settings.confidence)
    counts = None if best is None else best.trial.counts_of_chosen("test")
    if best is None or counts is None:
        return Answer(
            f"No model is shown to keep {promised}",
            f"{_nearest(comparison)}\n\n{_on_noise(comparison)}{what_helps(comparison)}",
        )
    others = [s for s in comparison.summaries if s is not best]
    rivals = " ".join(_against(best, other) for other in others)
    shown = ", and ".join(
        f"its {promise.constraint.disparity} is {promise.certificate.estimate:.3f}, which shows it "
        f"to be {bound(promise.certificate)}"
        for promise in best.promises
    )
    return Answer(
        f"Take the model of {best.method}",
        f"Of the models shown to keep {promised} with {confidence} confidence it is the most "
        f"accurate on the validation rows. On rows used for nothing else {shown} with that "
        f"confidence. It decides {percent(counts.accuracy)} of "
        f"the test rows rightly.\n\nOver all models and the test rows, {best.method} decides "
        f"{percent_with_interval(best.accuracy)} rightly. {rivals}\n\n"
        f"{_if_trivial(counts, len(best.promises))}{_on_noise(comparison)}"
        f"The model is in models/{best.method}/seed-{best.trial.chosen}; equipoise predict applies "
        "it.",
    )


def listed(things: Iterable[object]) -> str:
    """Several things in a sentence.

    Parameters
    ----------
    things : iterable

    Returns
    -------
    str
        Such as ``one, two and three``.
    """
    *first, last = map(str, things)
    return f"{', '.join(first)} and {last}" if first else last


def _on_noise(comparison: Comparison) -> str:
    if comparison.flips is None:
        return ""
    return (
        "Groups are observed with errors: all figures and certificates are of the true groups, as "
        "they follow from the flips that were given.\n\n"
    )


def _if_trivial(counts: Counts, promises: int) -> str:
    decided = counts.table.sum(axis=(0, 1))
    if np.count_nonzero(decided) > 1:
        return ""
    label = counts.classes[int(decided.argmax())]
    return (
        f"It decides {label!r} of every test row: a model that keeps the "
        f"{'promises' if promises > 1 else 'promise'} by making no difference between any two "
        "people.\n\n"
    )


def _against(best: MethodSummary, other: MethodSummary) -> str:
    if other.trial.chosen is None:
        return f"{other.method}: {other.promises[0].certificate.reason}."
    points = 100 * (other.accuracy.value - best.accuracy.value)
    more = "more" if points >= 0 else "less"
    figures = listed(
        f"its {p.constraint.disparity} is {with_interval(p.disparity)}" for p in other.promises
    )
    return (
        f"{other.method} is {abs(points):.1f} points {more} accurate and "
        f"{_verdict_in_words(other)}: {figures}."
    )


def _verdict_in_words(summary: MethodSummary) -> str:
    if len(summary.promises) == 1:
        return {
            "kept": "keeps the promise too",
            "not shown": "is not shown to keep the promise",
            "broken": "breaks the promise",
        }[summary.verdict]
    of = {
        verdict: [p.constraint for p in summary.promises if p.certificate.verdict == verdict]
        for verdict in ("not shown", "broken")
    }
    if of["broken"]:
        return f"breaks {listed(of['broken'])}"
    if of["not shown"]:
        return f"is not shown to keep {listed(of['not shown'])}"
    return "keeps the promises too"


def _nearest(comparison: Comparison) -> str:
    several = len(comparison.settings.constraints) > 1
    return ("\n\n" if several else " ").join(
        f"{s.method}: {s.promises[0].certificate.reason}."
        if s.trial.chosen is None
        else f"{s.method}: {'; '.join(_found(p, several) for p in s.promises)}."
        for s in comparison.summaries
    )


def _found(promise: PromiseSummary, by_name: bool) -> str:
    shown = promise.certificate.reason or bound(promise.certificate) + " by the certificate"
    name = f"{promise.constraint.disparity} " if by_name else ""
    return f"{name}{with_interval(promise.disparity)} on the test rows, {shown}"


def what_helps(comparison: Comparison) -> str:
    """Say what would let the rows show that what is promised is kept.

    Parameters
    ----------
    comparison : Comparison

    Returns
    -------
    str
    """
    promises = comparison.settings.constraints
    losses = [promise for promise in promises if promise.disparity.rate.of_loss]
    if losses:
        others = len(losses) < len(promises)
        rest = f" Without {listed(losses)} the others could be." if others else ""
        return f"Nothing can be certified about losses, which have no upper end.{rest}"
    described = comparison.description
    resolutions = [promise["resolution"] for promise in described["promises"]]
    hard = [
        promise
        for promise, resolution in zip(promises, resolutions, strict=True)
        if resolution is None
        or not resolution < (promise.bound if promise.sense == "<=" else 1 - promise.bound)
    ]
    sizes = described["groups"]["certificate"]
    smallest = int(np.argmin(sizes))
    group = f"{described['group_names'][smallest]!r} with {sizes[smallest]:,} rows. "
    joining = "joining small groups (--min-group)"
    if comparison.flips is not None:
        group = f"{described['group_names'][smallest]!r}, observed in {sizes[smallest]:,} rows. "
        joining = "groups that are observed with fewer errors"
    cure = f"What would help: more rows, {joining}, or a looser bound."
    if hard:
        return (
            f"So few rows can hardly show {listed(hard)} of any model: the smallest group among "
            f"the certificate's is {group}{cure}"
        )
    by = listed(
        f"{resolution:.3f}" + (f" ({promise.disparity})" if promises[1:] else "")
        for promise, resolution in zip(promises, resolutions, strict=True)
    )
    which = "each promise" if promises[1:] else "the promise"
    return (
        f"The rows kept for the certificate can show {which} where it is kept by roughly {by} or "
        f"more; the smallest group there is {group}{cure}"
    )


def left_out(comparison: Comparison) -> str:
    """Say which models are missing from the figures.

    Parameters
    ----------
    comparison : Comparison

    Returns
    -------
    str
        Empty if none diverged.
    """
    diverged = [
        f"{how_many} of {summary.method}"
        for summary in comparison.summaries
        if (how_many := how_many_diverged(summary))
    ]
    if not diverged:
        return ""
    return (
        f"Diverged, and left out of all figures: {listed(diverged)}. A smaller learning rate "
        "(--learning-rate) may cure it."
    )
