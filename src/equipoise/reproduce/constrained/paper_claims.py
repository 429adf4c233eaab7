"""What the paper claims of its methods, judged on our re-run of its setting."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from equipoise.audit import Estimate
from equipoise.reproduce.claim import Claim
from equipoise.reproduce.constrained import published
from equipoise.reproduce.constrained.paper import PaperResults
from equipoise.reproduce.judge import at_least, at_most, judged, over_seeds, share

Array = NDArray[np.float64]

_CONSTRAINED = ("ghost", "alm", "ssl-alm", "switching")
_LAGRANGIAN = ("alm", "ssl-alm")
_OTHERS = ("ghost", "switching")
# What the claims' words are taken to mean: parts of SGD's gain over the majority class.
_BARELY = 0.5
_NEAR_MAJORITY = 0.25
# A violation with many groups that counts as none.
_NEGLIGIBLE = 0.01


def paper_claims(results: PaperResults) -> list[Claim]:
    """The paper's claims, judged.

    Parameters
    ----------
    results : PaperResults

    Returns
    -------
    list of Claim
    """
    name = results.ready.task.name
    where = f"[{name}, {len(results.ready.parts['train']):,} + "
    where += f"{len(results.ready.parts['test']):,} rows, no state, equal samples]"
    claims = [*_on_sgd(results, where), *_on_feasibility(results), *_on_ranking(results)]
    return claims + (_on_many(results) if results.many else [])


def _on_sgd(of: PaperResults, where: str) -> list[Claim]:
    paper = published.published("test", "sgd", "inaccuracy")
    relative = over_seeds(of.of("test", "sgd", "inaccuracy") / of.majority_error("test"))
    theirs = paper / published.MAJORITY_ERROR["test"]
    limit = (1 + theirs) / 2
    gap = over_seeds(of.of("train", "sgd", "loss_gap"))
    error = over_seeds(of.of("test", "sgd", "standard_error"))
    return [
        judged(
            f"SGD's test error over that of the majority class is at most {limit:.2f}, halfway "
            f"from the paper's figure to 1 {where}",
            f"{theirs:.3f}",
            relative,
            at_most(relative, limit),
        ),
        judged(
            "unconstrained SGD breaks the level of 0.005: its train loss gap",
            f"{published.published('train', 'sgd', 'loss_gap')}",
            gap,
            at_least(gap, published.LEVEL),
        ),
        judged(
            "the level of 0.005 is below what the test rows can tell: standard error of SGD's gap "
            "(theirs follows from their numbers of rows)",
            f"{published.TEST_ERROR_OF_GAP}",
            error,
            at_least(error, published.LEVEL),
        ),
    ]


def _on_feasibility(of: PaperResults) -> list[Claim]:
    gaps = {m: over_seeds(of.of("train", m, "loss_gap")) for m in _CONSTRAINED}
    nearest = min(gaps, key=lambda m: _or_infinite(gaps[m].value))
    kept = share(of.of("train", "switching", "violation") <= 0)
    # Who decides one way for a whole group has no sufficiency.
    each = np.stack([of.of("train", m, "sufficiency") for m in _CONSTRAINED])
    defined = ~np.isnan(each)
    each = np.where(defined, each, 0).sum(axis=0) / defined.sum(axis=0).clip(min=1)
    each[~defined.any(axis=0)] = np.nan
    worse = over_seeds(each - of.of("train", "sgd", "sufficiency"))
    theirs = np.mean(
        [published.published("train", m, "sufficiency") for m in _CONSTRAINED]
    ) - published.published("train", "sgd", "sufficiency")
    return [
        judged(
            f"no method reaches 0.005 even on the training rows: smallest mean gap ({nearest})",
            "0.0171 (alm)",
            gaps[nearest],
            at_least(gaps[nearest], published.LEVEL),
        ),
        judged(
            "switching satisfies the constraint: at least half of the seeds are within 0.005 on "
            "the training rows (said of it; its table has a gap of 0.0328)",
            "yes",
            kept,
            at_least(kept, 0.5),
        ),
        judged(
            "sufficiency gets worse under a loss-gap constraint: mean of the four (where "
            "defined) minus SGD, train",
            f"{theirs:+.4f}",
            worse,
            at_least(worse, 0.0),
        ),
    ]


def _on_ranking(of: PaperResults) -> list[Claim]:
    ghost, switching = (_learnt(of, m) for m in ("ghost", "switching"))
    difference = _advantage(of)
    theirs = {m: _paper_cost(m) for m in _CONSTRAINED}
    best = min(theirs[m] for m in _LAGRANGIAN)
    rest = min(theirs[m] for m in _OTHERS)
    return [
        judged(
            "augmented Lagrangian methods have the best trade-off: test error + loss gap of the "
            "better of them minus that of the best other constrained method",
            f"{best - rest:+.4f}",
            difference,
            at_most(difference, 0.0),
        ),
        judged(
            "switching barely minimises: of SGD's gain over the majority class on the training "
            f"rows it makes at most half{_diverged(of, 'switching')}",
            f"{_paper_learnt('switching'):.2f}",
            switching,
            at_most(switching, _BARELY),
        ),
        judged(
            "Ghost's error is near the majority class: of the same gain it makes at most a quarter",
            f"{_paper_learnt('ghost'):.2f}",
            ghost,
            at_most(ghost, _NEAR_MAJORITY),
        ),
    ]


def _on_many(of: PaperResults) -> list[Claim]:
    claims = []
    for method in ("sgd", "ssl-alm", "switching", "ghost"):
        violation = over_seeds(np.maximum(of.many[method].of("test", "violation"), 0))
        theirs = published.MANY_GROUPS[method][1]
        breaks = theirs > _NEGLIGIBLE
        claims.append(
            judged(
                f"five groups by marital status, gap at most 0.05: {method} "
                f"{'breaks' if breaks else 'keeps'} it up to 0.01, violation on test rows (theirs, "
                "at second hand, is from each group to the mean)",
                f"{theirs}",
                violation,
                at_least(violation, _NEGLIGIBLE) if breaks else at_most(violation, _NEGLIGIBLE),
            )
        )
    return claims


def _diverged(of: PaperResults, method: str) -> str:
    n = of.records[method].n_diverged
    return f" ({n} of {of.size.seeds} runs diverged and are left out)" if n else ""


def _learnt(of: PaperResults, method: str) -> Estimate:
    majority = of.majority_error("train")
    gain = majority - of.of("train", method, "inaccuracy")
    return over_seeds(gain / (majority - of.of("train", "sgd", "inaccuracy").mean()))


def _paper_learnt(method: str) -> float:
    majority = published.MAJORITY_ERROR["train"]
    gain = majority - published.published("train", method, "inaccuracy")
    return gain / (majority - published.published("train", "sgd", "inaccuracy"))


def _paper_cost(method: str) -> float:
    return sum(published.published("test", method, what) for what in ("inaccuracy", "loss_gap"))


def _advantage(of: PaperResults) -> Estimate:
    costs = {m: of.of("test", m, "inaccuracy") + of.of("test", m, "loss_gap") for m in _CONSTRAINED}

    def best(methods: tuple[str, ...]) -> Array:
        return costs[min(methods, key=lambda m: _or_infinite(costs[m].mean()))]

    return over_seeds(best(_LAGRANGIAN) - best(_OTHERS))


def _or_infinite(value: float) -> float:
    return np.inf if np.isnan(value) else float(value)
