"""What is claimed of mixtures, and what the controls say to it."""

from __future__ import annotations

import numpy as np

from equipoise.reproduce.claim import Claim, Verdict
from equipoise.reproduce.judge import (
    judged,
    over_seeds,
    share,
    shown_above,
    shown_at_least,
    shown_below,
)
from equipoise.reproduce.minmax import published
from equipoise.reproduce.minmax.gaussians.mixture import WEIGHTED_RING
from equipoise.reproduce.minmax.gaussians.results import Array, Results
from equipoise.reproduce.minmax.stack.variants import (
    COIN,
    CONTROLS,
    COUNTERFACTUAL,
    GDA,
    GDA_ONCE,
    OPTIMISTIC,
    POLICIES,
    SKIP,
    UNROLLED,
)

_NEARLY_ALL = 0.9
_AGAINST = {
    GDA_ONCE: "4 against 1",
    GDA: published.NONE,
    OPTIMISTIC: "4 against 1",
    UNROLLED: "4 against a cycle",
    COIN: published.NONE,
    SKIP: published.NONE,
}


def mixture_claims(results: Results) -> list[Claim]:
    """The claims on one mixture.

    Accept/reject is there the variant that compares with the counterfactual, which was fixed before
    anything was run: the best of three policies would be chosen by what it is judged by.

    Parameters
    ----------
    results : Results

    Returns
    -------
    list of Claim
    """
    claims = _headline(results) if results.setting.mixture == WEIGHTED_RING else []
    for other, paper in _AGAINST.items():
        if other in results.runs:
            claims.append(_more_modes(results, other, paper))
    claims.append(_at_equal_gradients(results))
    claims += [_steadier(results, other) for other in (GDA_ONCE, GDA) if other in results.runs]
    return [*claims, *_no_better_than_skipping(results)]


def _headline(results: Results) -> list[Claim]:
    all_found = share(results.runs[COUNTERFACTUAL].last == 4)
    collapsed = share(results.runs[GDA_ONCE].last <= 1)
    where = _where(results)
    return [
        judged(
            f"{where}: accept/reject ends with all four modes in at least {published.FOUR_MODES:g} "
            "of the runs",
            f"{published.FOUR_MODES:g}",
            all_found,
            shown_at_least(all_found, published.FOUR_MODES),
        ),
        judged(
            f"{where}: descent-ascent with k = 1 ends with one mode at most in at least "
            f"{_NEARLY_ALL:g} of the runs",
            f"{published.GDA_ONE_MODE:g}",
            collapsed,
            shown_at_least(collapsed, _NEARLY_ALL),
        ),
    ]


def _more_modes(results: Results, other: str, paper: str) -> Claim:
    ours, theirs = results.runs[COUNTERFACTUAL].last, results.runs[other].last
    n = len(theirs)  # costly ones have fewer seeds, the first of ours
    found = over_seeds(ours[:n] - theirs)
    fewer = f" on {n} seeds" if n < len(ours) else ""
    verdict, condition = shown_above(found, 0), ""
    of_k = shown_above(over_seeds(ours - results.runs[GDA].last), 0) != "holds"
    # The others take one step of the discriminator where accept/reject takes k.
    if verdict == "holds" and other in (GDA_ONCE, OPTIMISTIC, UNROLLED) and of_k:
        verdict, condition = "holds with a condition", f"; not shown against {GDA}"
    published_here = results.setting.mixture == WEIGHTED_RING
    return Claim(
        f"{_where(results)}: accept/reject ends with more modes than {other}{condition}; modes "
        f"more, paired{fewer}",
        paper if published_here else published.NONE,
        found.value,
        found.low,
        found.high,
        verdict,
    )


def _at_equal_gradients(results: Results) -> Claim:
    ours, theirs = results.runs[COUNTERFACTUAL], results.runs[GDA]
    found = over_seeds(ours.modes_at(theirs.gradients[-1]) - theirs.last)
    return judged(
        f"{_where(results)}: for as many gradients as {GDA} takes, accept/reject has more modes; "
        "modes more, paired",
        published.NONE,
        found,
        shown_above(found, 0),
    )


def _steadier(results: Results, other: str) -> Claim:
    each = results.runs[COUNTERFACTUAL].lost - results.runs[other].lost
    found = over_seeds(each)
    # A seed on which either never had a mode says nothing, and one seed alone has no interval.
    alone = np.isfinite(each).sum() < 2
    verdict: Verdict = "cannot be told" if alone else shown_below(found, 0)
    what = (
        f"{_where(results)}: a mode that accept/reject has is less often lost by the next look "
        f"than with {other}"
    )
    paper = "fewer, by eye" if other == GDA_ONCE else published.NONE
    # Whoever moves less loses less: controls that move as often have to lose more.
    controls = {COIN: "a coin", SKIP: "skipping"}
    equals = [said for name, said in controls.items() if not _loses_more(results, name)]
    if verdict == "holds" and equals:
        text = f"{what}; not shown against {' and '.join(equals)}; difference in shares, paired"
        return Claim(text, paper, found.value, found.low, found.high, "holds with a condition")
    return judged(f"{what}; difference in shares, paired", paper, found, verdict)


def _loses_more(results: Results, control: str) -> bool:
    if control not in results.runs:
        return True
    each = results.runs[COUNTERFACTUAL].lost - results.runs[control].lost
    return np.isfinite(each).sum() > 1 and shown_below(over_seeds(each), 0) == "holds"


def _no_better_than_skipping(results: Results) -> list[Claim]:
    # Each policy against the generator that skips as many moves at random.
    claims = []
    for policy in POLICIES:
        for control in CONTROLS.get(policy, ()):
            if control == COIN or control not in results.runs:
                continue
            found = over_seeds(results.runs[control].last - results.runs[policy].last)
            claims.append(
                judged(
                    f"{_where(results)}: skipping as many moves at random finds at least as many "
                    f"modes as {policy}; modes more, paired",
                    published.NONE,
                    found,
                    shown_at_least(found, 0),
                )
            )
    return claims


def _where(results: Results) -> str:
    return results.setting.mixture.name


def all_found(results: Results, name: str) -> Array:
    """Which seeds of a variant end with all modes, as 0 and 1.

    Parameters
    ----------
    results : Results
    name : str

    Returns
    -------
    ndarray, shape (r,)
    """
    whole = results.runs[name].last == len(results.setting.mixture.centres)
    return np.asarray(whole, np.float64)
