"""Flips of people who were asked to answer at random now and then."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from equipoise.noise.flips import FlipMatrix


def randomised_response(names: Sequence[str], keep: float) -> FlipMatrix:
    """The flips of a survey in which the true group is told with a known probability.

    Otherwise any of the others is told, each as often (Warner 1965, JASA 60, 63; of several groups
    Kairouz, Oh and Viswanath, NeurIPS 2014). Of local differential privacy with parameter epsilon,
    ``keep`` is exp(epsilon) / (exp(epsilon) + p - 1). Where people tell the truth with probability
    t and draw any of the p groups otherwise, their own among them, it is t + (1 - t) / p.

    Parameters
    ----------
    names : sequence of str, length p
        At least two groups.
    keep : float
        P(observed = true), above 1 / p.

    Returns
    -------
    FlipMatrix

    Raises
    ------
    ValueError
        If there is one group, or what is told says nothing of the truth.

    Examples
    --------
    >>> randomised_response(["yes", "no"], keep=0.75).p_flip
    array([[0.75, 0.25],
           [0.25, 0.75]])
    """
    p = len(names)
    if p < 2:
        raise ValueError(f"names must be of two groups or more to be told apart, not {p}.")
    if not 1 / p < keep <= 1:
        raise ValueError(
            f"keep must be above 1/{p}, where answers say nothing of the truth, and at most 1, "
            f"not {keep:g}."
        )
    return FlipMatrix(symmetric(p, keep), names)


def symmetric(p: int, keep: float) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """The flip matrix with one probability to keep, and one of each flip.

    Parameters
    ----------
    p : int
    keep : float

    Returns
    -------
    ndarray, shape (p, p)
    """
    matrix = np.full((p, p), (1 - keep) / (p - 1))
    np.fill_diagonal(matrix, keep)
    return matrix
