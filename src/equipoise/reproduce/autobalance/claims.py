"""What is claimed of AutoBalance on all tasks together: no harm, and often some good."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equipoise.audit import Estimate
from equipoise.reproduce.autobalance import published
from equipoise.reproduce.autobalance.birds_methods import BALANCED
from equipoise.reproduce.autobalance.results import Results, standard_error
from equipoise.reproduce.autobalance.tail import TailTask
from equipoise.reproduce.autobalance.tail_methods import AUTOBALANCE
from equipoise.reproduce.claim import Claim, Verdict
from equipoise.reproduce.judge import at_least, judged, over_seeds

Array = NDArray[np.float64]

_OURS = "l&Delta, LA init"
_FIXED = ("CE", "LDAM-DRW", "LA", "CDT")


@dataclass(frozen=True, eq=False)
class Comparison:
    """AutoBalance beside the best of the fixed losses.

    Attributes
    ----------
    task : str
    best : str
        The fixed loss of least mean test error.
    behind : ndarray, shape (r,)
        By how many points AutoBalance is worse than it, on each seed.
    """

    task: str
    best: str
    behind: Array

    @property
    def beyond(self) -> float:
        """By how much the mean difference exceeds its standard error; NaN if training failed."""
        return float(self.behind.mean()) - standard_error(self.behind)


def comparisons(results: Sequence[Results]) -> list[Comparison]:
    """AutoBalance on every task, by the balanced error.

    Parameters
    ----------
    results : sequence of Results

    Returns
    -------
    list of Comparison
    """
    found = []
    for one in results:
        ours = AUTOBALANCE if isinstance(one.task, TailTask) else BALANCED
        best = one.best()
        found.append(Comparison(one.task.name, best, one.behind(ours, best)))
    return found


def overall_claims(found: Sequence[Comparison]) -> list[Claim]:
    """The two claims on all tasks.

    Parameters
    ----------
    found : sequence of Comparison

    Returns
    -------
    list of Claim
    """
    worst = max(found, key=lambda one: np.inf if np.isnan(one.beyond) else one.beyond)
    least = f"{len(found)} tasks" if len(found) > 1 else "one task"
    return [
        judged(
            "AutoBalance's balanced error is at most one standard error above the best fixed "
            f"loss's on each of {least}; points above it where that is nearest to fail, on "
            f"{worst.task} against {worst.best}",
            _published_difference(),
            over_seeds(worst.behind),
            no_harm(found),
        ),
        _better_on_half(found),
    ]


def no_harm(found: Sequence[Comparison]) -> Verdict:
    """Whether AutoBalance is nowhere worse by more than one standard error.

    The rule is about figures as measured, so there is nothing between holding and not.

    Parameters
    ----------
    found : sequence of Comparison

    Returns
    -------
    {"holds", "does not hold"}
        The latter also where a training failed.
    """
    return "holds" if all(one.beyond <= 0 for one in found) else "does not hold"


def share_better(found: Sequence[Comparison]) -> Estimate:
    """The share of tasks on which AutoBalance is better than the best fixed loss.

    Parameters
    ----------
    found : sequence of Comparison

    Returns
    -------
    Estimate
        By the means; its ends are the share of tasks whose interval says so, and the share whose
        interval does not say the contrary.
    """
    each = [over_seeds(one.behind) for one in found]
    return Estimate(
        float(np.mean([one.value < 0 for one in each])),
        float(np.mean([one.value < 0 and one.high < 0 for one in each])),
        float(np.mean([one.value < 0 or one.low < 0 for one in each])),
    )


def _better_on_half(found: Sequence[Comparison]) -> Claim:
    share = share_better(found)
    ahead = [
        min(row[name] for name in _FIXED) > row[_OURS]
        for row in (
            {method: figures[data] for method, figures in published.TABLE_1.items()}
            for data in published.TABLE_1[_OURS]
        )
    ]
    return judged(
        "AutoBalance's balanced error is below the best fixed loss's on at least half of the "
        "tasks; share of tasks",
        f"{sum(ahead)} of {len(ahead)}",
        share,
        at_least(share, 0.5),
    )


def _published_difference() -> str:
    differences = {
        data: published.TABLE_1[_OURS][data] - min(published.TABLE_1[m][data] for m in _FIXED)
        for data in published.TABLE_1[_OURS]
    }
    worst = max(differences, key=lambda data: differences[data])
    return f"{differences[worst]:+.2f} ({worst})"
