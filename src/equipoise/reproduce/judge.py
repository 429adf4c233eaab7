"""From figures of several seeds to a verdict: intervals, paired tests, wins and losses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from equipoise.audit import Estimate, share_interval
from equipoise.reproduce.claim import Claim, Verdict

Array = NDArray[np.float64]
Comparison = Literal["win", "tie", "loss"]

CONFIDENCE = 0.95


def over_seeds(values: Array) -> Estimate:
    """A mean over seeds with its interval (Student's).

    Parameters
    ----------
    values : ndarray, shape (r,)
        Those that are NaN, of runs that diverged or rates that are undefined, are left out.

    Returns
    -------
    Estimate
    """
    values = values[~np.isnan(values)]
    runs = len(values)
    mean = float(values.mean()) if runs else np.nan
    if runs < 2:
        return Estimate(mean, mean, mean)
    half = stats.t.isf((1 - CONFIDENCE) / 2, runs - 1) * values.std(ddof=1) / np.sqrt(runs)
    return Estimate(mean, mean - float(half), mean + float(half))


def share(kept: NDArray[np.bool_]) -> Estimate:
    """A share of runs with the interval of Clopper and Pearson.

    Parameters
    ----------
    kept : ndarray of bool

    Returns
    -------
    Estimate
    """
    low, high = share_interval(int(kept.sum()), kept.size, CONFIDENCE, "exact")
    return Estimate(float(kept.mean()), float(low), float(high))


def compare(ours: Array, theirs: Array) -> Comparison:
    """Whether one method's costs are lower than another's on the same seeds.

    Wilcoxon's signed-rank test, two-sided, at 5 %. Fewer than six seeds cannot win.

    Parameters
    ----------
    ours, theirs : ndarray, shape (r,)
        Lower is better; a run that failed is NaN and counts as worse than any.

    Returns
    -------
    {"win", "tie", "loss"}
        For the first.
    """
    a, b = (np.where(np.isnan(x), np.inf, x) for x in (ours, theirs))
    with np.errstate(invalid="ignore"):
        # Infinities of both cancel; one alone is larger than any cost.
        difference = np.nan_to_num(a - b, posinf=1e9, neginf=-1e9)
    if not difference.any():
        return "tie"
    if stats.wilcoxon(difference, zero_method="zsplit").pvalue >= 1 - CONFIDENCE:
        return "tie"
    return "win" if np.median(difference) < 0 else "loss"


def record_of_wins(
    costs: Sequence[Mapping[str, Array]], methods: Sequence[str]
) -> dict[tuple[str, str], tuple[int, int, int]]:
    """Wins, ties and losses of every method against every other.

    Parameters
    ----------
    costs : sequence of mapping from methods to ndarray, shape (r,)
        One a task; a method may be absent from some.
    methods : sequence of str

    Returns
    -------
    dict of (int, int, int)
        By (method, other): on how many tasks the first wins, ties, loses.
    """
    found = {}
    for a in methods:
        for b in methods:
            if a == b:
                continue
            each = [compare(task[a], task[b]) for task in costs if a in task and b in task]
            found[a, b] = (each.count("win"), each.count("tie"), each.count("loss"))
    return found


def at_most(figure: Estimate, limit: float) -> Verdict:
    """Whether a figure is shown to be at most a limit.

    Parameters
    ----------
    figure : Estimate
    limit : float

    Returns
    -------
    {"holds", "holds with a condition", "does not hold"}
        The second where its interval contains the limit and the figure itself is within it.
    """
    if figure.high <= limit:
        return "holds"
    if figure.value <= limit:
        return "holds with a condition"
    return "does not hold"


def at_least(figure: Estimate, limit: float) -> Verdict:
    """Whether a figure is shown to be at least a limit; see :func:`at_most`.

    Parameters
    ----------
    figure : Estimate
    limit : float

    Returns
    -------
    {"holds", "holds with a condition", "does not hold"}
    """
    return at_most(_negated(figure), -limit)


def shown_at_most(figure: Estimate, limit: float) -> Verdict:
    """Whether a figure is shown to be at most a limit, or to be above it.

    Parameters
    ----------
    figure : Estimate
    limit : float

    Returns
    -------
    {"holds", "does not hold", "cannot be told"}
        The last where its interval contains the limit, wherever the figure itself is.
    """
    if figure.high <= limit:
        return "holds"
    return "does not hold" if figure.low > limit else "cannot be told"


def shown_at_least(figure: Estimate, limit: float) -> Verdict:
    """Whether a figure is shown to be at least a limit, or below; see :func:`shown_at_most`.

    Parameters
    ----------
    figure : Estimate
    limit : float

    Returns
    -------
    {"holds", "does not hold", "cannot be told"}
    """
    return shown_at_most(_negated(figure), -limit)


def shown_below(figure: Estimate, limit: float) -> Verdict:
    """Whether a figure is shown to be below a limit, which it may not be equal to.

    Parameters
    ----------
    figure : Estimate
    limit : float

    Returns
    -------
    {"holds", "does not hold", "cannot be told"}
    """
    if figure.high < limit:
        return "holds"
    return "does not hold" if figure.low >= limit else "cannot be told"


def shown_above(figure: Estimate, limit: float) -> Verdict:
    """Whether a figure is shown to be above a limit; see :func:`shown_below`.

    Parameters
    ----------
    figure : Estimate
    limit : float

    Returns
    -------
    {"holds", "does not hold", "cannot be told"}
    """
    return shown_below(_negated(figure), -limit)


def _negated(figure: Estimate) -> Estimate:
    return Estimate(-figure.value, -figure.high, -figure.low)


def judged(text: str, paper: str, figure: Estimate, verdict: Verdict) -> Claim:
    """A claim, with the condition in words where there is one.

    Parameters
    ----------
    text, paper : str
    figure : Estimate
    verdict : {"holds", "holds with a condition", "does not hold", "cannot be told"}

    Returns
    -------
    Claim
        If there is no figure, because training failed or a rate is undefined, it does not hold.
    """
    if np.isnan(figure.value):
        return Claim(f"{text} (undefined)", paper, 0.0, 0.0, 0.0, "does not hold")
    if verdict == "holds with a condition":
        text = f"{text} (the interval leaves it open)"
    return Claim(text, paper, figure.value, figure.low, figure.high, verdict)
