"""How large a difference must be for rows like these to show it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

_POWER = 0.8


def detectable(
    success: NDArray[Any], trials: NDArray[Any], confidence: float, power: float = _POWER
) -> NDArray[np.float64]:
    """The least difference between a group's rate and the others' that would probably be shown.

    Of a two-sided test of the group against all others, at the error that is left to each group
    where every one is tested (Bonferroni).

    Parameters
    ----------
    success, trials : ndarray of int, shape (c, g)
    confidence : float
    power : float
        How probable it is that the difference is shown.

    Returns
    -------
    ndarray of float64, shape (c, g)
        At most 1, which nothing can show; NaN of a group that has no rows, or all of them.
    """
    total = trials.sum(-1, keepdims=True)
    others = total - trials
    known = (trials > 0) & (others > 0)
    # Two imaginary successes and failures: a rate of 0 in few rows is not known to be 0.
    pooled = (success.sum(-1, keepdims=True) + 2) / (total + 4)
    z = stats.norm.isf((1 - confidence) / 2 / trials.shape[-1]) + stats.norm.ppf(power)
    inverse = np.divide(1.0, trials, out=np.full(trials.shape, np.nan), where=known)
    inverse = inverse + np.divide(1.0, others, out=np.full(trials.shape, np.nan), where=known)
    return np.asarray(np.minimum(z * np.sqrt(pooled * (1 - pooled) * inverse), 1.0))
