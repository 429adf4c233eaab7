"""What is claimed of images, and what the controls say to it."""

from __future__ import annotations

from equipoise.reproduce.claim import Claim
from equipoise.reproduce.judge import (
    judged,
    over_seeds,
    share,
    shown_above,
    shown_at_least,
    shown_at_most,
    shown_below,
)
from equipoise.reproduce.minmax import published
from equipoise.reproduce.minmax.images.results import Array, Results
from equipoise.reproduce.minmax.stack.variants import GDA, KEPT, OPTIMISTIC, SKIP_KEPT

_HALF = 0.5


def image_claims(results: Results) -> list[Claim]:
    """The claims on one set of images.

    Accept/reject is there what the authors' program for MNIST does, f after one step of each
    player against f before them. Against the counterfactual, one step refuses next to nothing: a
    step down the gradient is as good before a single step of the discriminator as after it.

    Parameters
    ----------
    results : Results

    Returns
    -------
    list of Claim
    """
    claims = _both(results) if results.task.n_classes == 2 else [_more_classes(results)]
    others = [name for name in (GDA, SKIP_KEPT) if name in results.runs]
    claims += [_more_even(results, other) for other in others]
    claims += [_closer(results, other) for other in others]
    if results.task.source == "cifar10":
        claims += [_higher_score(results, other) for other in (GDA, OPTIMISTIC)]
    return claims


def _both(results: Results) -> list[Claim]:
    ours, theirs = (share(results.made(name) == 2) for name in (KEPT, GDA))
    return [
        judged(
            f"{results.task.name}: accept/reject ends with both digits in at least "
            f"{published.BOTH_DIGITS:g} of the runs",
            f"{published.BOTH_DIGITS:g} (MNIST)",
            ours,
            shown_at_least(ours, published.BOTH_DIGITS),
        ),
        judged(
            f"{results.task.name}: descent-ascent ends with both digits in at most {_HALF:g} of "
            "the runs",
            f"{published.GDA_BOTH_DIGITS:g} (MNIST)",
            theirs,
            shown_at_most(theirs, _HALF),
        ),
    ]


def _more_classes(results: Results) -> Claim:
    return _above(
        results,
        f"accept/reject ends with more classes than {GDA}",
        "classes more, paired",
        published.NONE,
        results.made(KEPT) - results.made(GDA),
        results.made(KEPT) - results.made(SKIP_KEPT),
    )


def _above(
    results: Results, what: str, unit: str, paper: str, more: Array, than_skipping: Array
) -> Claim:
    found = over_seeds(more)
    verdict = shown_above(found, 0)
    text = f"{results.task.name}: {what}"
    # What skipping as many moves does too is no merit of the judge.
    if verdict == "holds" and shown_above(over_seeds(than_skipping), 0) != "holds":
        text = f"{text}; not shown against {SKIP_KEPT}; {unit}"
        return Claim(text, paper, found.value, found.low, found.high, "holds with a condition")
    return judged(f"{text}; {unit}", paper, found, verdict)


def _more_even(results: Results, other: str) -> Claim:
    found = over_seeds(results.uneven(KEPT) - results.uneven(other))
    return judged(
        f"{results.task.name}: accept/reject's shares of classes are nearer to the real ones than "
        f"those of {other}, after the first third; difference in unevenness, paired",
        "by eye" if other == GDA else published.NONE,
        found,
        shown_below(found, 0),
    )


def _closer(results: Results, other: str) -> Claim:
    found = over_seeds(results.runs[KEPT].distance - results.runs[other].distance)
    return judged(
        f"{results.task.name}: accept/reject's images end nearer to the real ones than those of "
        f"{other}; difference in Frechet distance of our features, paired",
        published.NONE,
        found,
        shown_below(found, 0),
    )


def _higher_score(results: Results, other: str) -> Claim:
    paper = published.INCEPTION_CIFAR
    name = "GDA" if other == GDA else "optimistic"
    scores = {each: run.score for each, run in results.runs.items()}
    return _above(
        results,
        f"accept/reject ends with a higher class score than {other}",
        "difference, paired",
        f"{paper['accept/reject'] - paper[name]:+.2g} of the Inception score",
        scores[KEPT] - scores[other],
        scores[KEPT] - scores[SKIP_KEPT],
    )
