"""What is claimed of classes made rare, task by task."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from equipoise.reproduce.autobalance import published
from equipoise.reproduce.autobalance.claims import Comparison, no_harm
from equipoise.reproduce.autobalance.results import Results
from equipoise.reproduce.autobalance.tail_methods import AUTOBALANCE, POST_HOC
from equipoise.reproduce.claim import Claim
from equipoise.reproduce.judge import at_least, at_most, judged, over_seeds

_PUBLISHED_ON = "CIFAR10-LT"


def tail_claims(results: Results) -> list[Claim]:
    """The claims on one task.

    Parameters
    ----------
    results : Results

    Returns
    -------
    list of Claim
    """
    where = results.task.name
    against_post_hoc = results.behind(AUTOBALANCE, POST_HOC)
    return [
        _below(results, AUTOBALANCE, "CE", f"{where}: AutoBalance's balanced error less CE's"),
        _below(
            results,
            "l&Delta, LA init",
            "LA",
            f"{where}: learning l and Delta of each class from LA improves on LA; points",
        ),
        judged(
            f"{where}: AutoBalance is at most one standard error above post-hoc LA with tau tuned "
            "on the same rows; points",
            "not compared",
            over_seeds(against_post_hoc),
            no_harm([Comparison(where, POST_HOC, against_post_hoc)]),
        ),
        *_monotone(results),
    ]


def _below(results: Results, ours: str, other: str, text: str) -> Claim:
    theirs = published.TABLE_1["l&Delta, LA init"][_PUBLISHED_ON]
    theirs -= published.TABLE_1[other][_PUBLISHED_ON]
    found = over_seeds(results.behind(ours, other))
    return judged(text, f"{theirs:+.2f} ({_PUBLISHED_ON})", found, at_most(found, 0))


def _monotone(results: Results) -> list[Claim]:
    counts = results.counts[:, 0]
    claims = []
    for term, name in (("additive", "l"), ("multiplicative", "Delta")):
        each = np.array(
            [rank_correlation(getattr(one, term), counts) for one in results.records["l&Delta"]]
        )
        found = over_seeds(each)
        claims.append(
            judged(
                f"{results.task.name}: learnt from CE, {name} grows with the frequency of a class; "
                "rank correlation",
                "figure 3",
                found,
                at_least(found, 0),
            )
        )
    return claims


def rank_correlation(term: NDArray[np.float64] | None, counts: NDArray[np.int64]) -> float:
    """Spearman's correlation of a term with the numbers of rows.

    Parameters
    ----------
    term : ndarray, shape (K,), or None
        None where training failed.
    counts : ndarray of int64, shape (K,)

    Returns
    -------
    float
        NaN if the term is not there or is the same for all classes.
    """
    if term is None or np.ptp(term) == 0:
        return float("nan")
    return float(stats.spearmanr(term, counts).statistic)
