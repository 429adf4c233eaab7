"""Celis, Mehrotra and Vishnoi (NeurIPS 2021, arXiv 2106.05964): flips by an adversary.

An adversary may change the groups of a share eta of all rows as he likes. If the event has at least
a share lambda of the rows in each group, numerators and denominators move by at most a factor of
1 +- eta / lambda, so the promise is eased by that, twice, and the floor by eta: what is then found
for the observed groups is as good as what would be found for the true ones. No flip matrix is
needed, and nothing is left of the promise where eta reaches lambda.
"""

from __future__ import annotations

from dataclasses import replace

from equipoise.learn.noisy.inequalities import Asked


def against_adversary(asked: Asked, eta: float) -> Asked:
    """What to ask of the observed groups.

    Parameters
    ----------
    asked : Asked
        Of the true groups: ratios, with a floor above eta.
    eta : float
        The share of all rows whose group may be wrong.

    Returns
    -------
    Asked

    Raises
    ------
    ValueError
        If something else than ratios is asked, or the floor is not above eta.
    """
    if any(promise.disparity.kind != "ratio" for promise in asked.promises):
        raise ValueError(f"{asked.promises[0]} is not a ratio, which alone are eased so.")
    if not 0 <= eta < asked.floor:
        raise ValueError(
            f"eta = {eta:g} must be at least 0 and below the floor, {asked.floor:g}: otherwise the "
            "adversary may change all that the promise is about, and nothing is left of it."
        )
    part = eta / asked.floor
    factor = ((1 - part) / (1 + part)) ** 2
    eased = tuple(replace(one, bound=one.bound * factor) for one in asked.promises)
    return Asked(eased, asked.floor - eta, asked.slack)
