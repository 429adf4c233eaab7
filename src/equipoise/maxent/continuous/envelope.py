"""Exact draws from exponential tilts of a Dirichlet law, by rejection, many laws at once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.maxent.continuous.contour import saddles

Array = NDArray[Any]


def draw_dirichlet(
    parameter: Array, power: float, rng: np.random.Generator, number: int | None = None
) -> Array:
    """Draw p with density exp<parameter, p> with respect to Dirichlet(power, ..., power).

    With rates r_i = s - parameter_i at the saddle s, the exact marginal of p_i is close to
    Gamma(power, r_i), and their expectations add up to one. Two envelopes follow. *Ratios*:
    draw all of them and divide by their sum; the density of that with respect to the Dirichlet
    law is proportional to <r, p>^(-power n), and exp(-<r, p>) <r, p>^(power n) is at most its
    value at power n. Accepted are about 1 / sqrt(n sum mean^2): all where the parameter is
    constant, never less than about 1 / sqrt(n). *Exponentials* (power 1): draw all but the
    largest, which is what is left to one, and accept with probability exp(-r p) if that is not
    negative: about mean_max / sqrt(2 pi sum mean^2), better where one coordinate dominates.

    Parameters
    ----------
    parameter : ndarray, shape (n,) or (number, n)
    power : float
    rng : numpy.random.Generator
    number : int, optional
        Of draws, where there is one parameter.

    Returns
    -------
    ndarray, shape (number, n)
        Rows add up to one.
    """
    gaps = np.max(parameter, axis=-1, keepdims=True) - parameter
    if parameter.ndim == 1:
        gaps = gaps[None]
    rates = saddles(gaps, power)[:, None] + gaps
    largest = np.argmin(rates, axis=1)
    # Compare the two rates of acceptance; the sums of squares are the same on both sides.
    dominated = rates.min(axis=1) < np.sqrt(gaps.shape[1] / (2 * np.pi))
    exponentials = dominated & (power == 1)
    if parameter.ndim == 1 and number is not None:
        shape = (number, gaps.shape[1])
        rates, gaps = np.broadcast_to(rates, shape), np.broadcast_to(gaps, shape)
        largest = np.broadcast_to(largest, number)
        exponentials = np.broadcast_to(exponentials, number)
    drawn = np.empty(rates.shape)
    waiting = np.arange(len(rates))
    while len(waiting):
        r, j = rates[waiting], largest[waiting]
        w = rng.standard_gamma(power, r.shape) / r
        rows = np.arange(len(waiting))
        chance = rng.standard_exponential(len(waiting))
        total = w.sum(axis=1)
        left = 1 - (total - w[rows, j])
        level = power * r.shape[1]
        ratios = w / total[:, None]
        pull = (r * ratios).sum(axis=1)
        accept_ratios = chance > pull - level - level * np.log(pull / level)
        accept_left = (left >= 0) & (chance > r[rows, j] * left)
        w[rows, j] = left
        by_left = exponentials[waiting]
        accepted = np.where(by_left, accept_left, accept_ratios)
        drawn[waiting[accepted]] = np.where(by_left[:, None], w, ratios)[accepted]
        waiting = waiting[~accepted]
    return drawn
