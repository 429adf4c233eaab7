"""Disparities of counts beside what chance would make of them."""

from __future__ import annotations

import numpy as np

from equipoise.audit.counts import Counts
from equipoise.audit.parity import Parity, draws_for, parity_of_estimates, parity_of_shares
from equipoise.constraints import Disparity


def judge(
    counts: Counts,
    disparity: Disparity,
    confidence: float,
    n_boot: int,
    random_state: int,
    component: int | None = None,
) -> Parity:
    """Judge a disparity against parity, by draws of shares where groups have no row in common.

    Parameters
    ----------
    counts : Counts
    disparity : Disparity
        A gap or a ratio.
    confidence : float
    n_boot : int
        Draws at least.
    random_state : int
    component : int, optional
        Which component of the rate alone, instead of all of them together.

    Returns
    -------
    Parity
    """
    rate = disparity.rate
    chosen = slice(None) if component is None else slice(component, component + 1)
    random = np.random.default_rng(random_state)
    if counts.disjoint and not rate.of_loss:
        success, trials = (x[chosen] for x in counts.fractions(rate))
        return parity_of_shares(success, trials, disparity, confidence, n_boot, random)
    draws = counts.resample(rate, draws_for(confidence, n_boot), random)
    values = counts.rates(rate)
    return parity_of_estimates(values[chosen], draws[:, chosen], disparity, confidence)
