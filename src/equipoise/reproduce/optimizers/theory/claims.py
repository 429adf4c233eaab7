"""What theorem 1 says, and what chains do."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from equipoise.audit import Estimate
from equipoise.optim.dynamics import TwoGroupQuadratic, stationary, threshold
from equipoise.optim.dynamics.stationary import Method
from equipoise.reproduce.claim import Claim
from equipoise.reproduce.judge import judged, shown_above, shown_below
from equipoise.reproduce.optimizers.conditional import only_so
from equipoise.reproduce.optimizers.published import NONE
from equipoise.reproduce.optimizers.theory.rest import VERY_NEAR, Rest, ratio
from equipoise.reproduce.part import Result

RATE = 0.2
SLOWER = 0.05
"""A rate at which one row a step does not yet make laws of chains meaningless."""

SHARES = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.9, 0.95)
HEADLINE, EXTREME = 0.9, 0.95
AROUND = (0.6, 0.8)
MATCHED = RATE / (2 * float(np.sqrt(EXTREME * (1 - EXTREME))))
"""The rate of SGD whose steps are those of RMSProp at :data:`RATE`, once its squares have come to
the variance of the gradient."""

METHODS: dict[str, Method] = {"RMSProp": "rmsprop", "SGD": "sgd"}
"""By the names of the tables."""

_CLOSE = 0.05


def theory_claims(found: Mapping[Rest, Result]) -> tuple[Claim, ...]:
    """The claims about the two quadratics.

    Parameters
    ----------
    found : mapping from settings to results

    Returns
    -------
    tuple of Claim
    """
    at = {p0: (found[Rest(p0, "RMSProp", RATE)], found[Rest(p0, "SGD", RATE)]) for p0 in SHARES}
    problem = TwoGroupQuadratic(HEADLINE)
    claims = [
        _variance(rule, result, stationary(problem, method, RATE, 1, "reported").variance)
        for (rule, method), result in zip(METHODS.items(), at[HEADLINE], strict=True)
    ]
    for rule in METHODS:
        equation = found[Rest(HEADLINE, rule, SLOWER, equation=True)]
        wider = ratio(equation, found[Rest(HEADLINE, rule, SLOWER)], "variance")
        deviation = Estimate(*(x**0.5 for x in wider))
        claims.append(
            judged(
                f"The stochastic equation of {rule} rests as the optimizer does, p0 = "
                f"{HEADLINE:g}, rate {SLOWER:g}: standard deviation over the chains' (within "
                f"{_CLOSE:.0%})",
                NONE,
                deviation,
                "holds" if abs(deviation.value - 1) <= _CLOSE else "does not hold",
            )
        )
    for p0 in (HEADLINE, EXTREME):
        more = ratio(*at[p0], "near")
        claims.append(
            only_so(
                f"At one learning rate ({RATE:g}) RMSProp is more often near the point where both "
                f"groups lose the same, p0 = {p0:g}: its share of chains over SGD's",
                "> 1",
                more,
                1,
            )
        )
    matched = ratio(
        found[Rest(EXTREME, "RMSProp", RATE)], found[Rest(EXTREME, "SGD", MATCHED)], "near"
    )
    claims.append(
        judged(
            f"And at equal step sizes, p0 = {EXTREME:g} (SGD at {MATCHED:.3g}): the same ratio",
            NONE,
            matched,
            shown_above(matched, 1),
        )
    )
    mean = ratio(*at[HEADLINE], "gap")
    claims.append(
        judged(
            f"RMSProp's mean gap between the groups' losses is the smaller one, p0 = "
            f"{HEADLINE:g}: over SGD's",
            NONE,
            mean,
            shown_below(mean, 1),
        )
    )
    for p0, side in zip(AROUND, ("below", "above"), strict=True):
        said = " and ".join(f"{threshold(RATE, 1, by):.2f}" for by in ("derived", "reported"))
        # Theorem 1 says what is so above its threshold, and nothing of what is below.
        more, paper = ratio(*at[p0], "very near"), NONE if side == "below" else "> 1"
        claims.append(
            judged(
                f"|p0 - p1| = {2 * p0 - 1:.1f}, {side} the threshold ({said} with the constants "
                f"derived and reported): RMSProp's share within {VERY_NEAR:g} of that point over "
                "SGD's",
                paper,
                more,
                shown_below(more, 1) if side == "below" else shown_above(more, 1),
            )
        )
    return tuple(claims)


def _variance(rule: str, result: Result, said: float) -> Claim:
    value, error = (x / said for x in result["variance"])
    ours = Estimate(value, value - 1.96 * error, value + 1.96 * error)
    return judged(
        f"{rule} rests with the variance of theorem 1 as reported, p0 = {HEADLINE:g}, rate "
        f"{RATE:g}: variance over that (within {_CLOSE:.0%})",
        "1",
        ours,
        "holds" if abs(value - 1) <= _CLOSE else "does not hold",
    )
