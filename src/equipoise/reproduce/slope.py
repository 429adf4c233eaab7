"""How fast one figure grows with another, from a straight line through points."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from equipoise.audit import Estimate
from equipoise.reproduce.judge import CONFIDENCE


def slope(x: ArrayLike, y: ArrayLike) -> Estimate:
    """The slope of the least-squares line, with its interval (Student's).

    Parameters
    ----------
    x, y : array-like of float, shape (n,)
        At least three points, and not all of one x. Of logarithms the slope is an exponent.

    Returns
    -------
    Estimate
    """
    fit = stats.linregress(x, y)
    # Of equal y there is no correlation, from which the fit's standard error would be found.
    error = float(np.nan_to_num(fit.stderr))
    half = error * stats.t.isf((1 - CONFIDENCE) / 2, len(np.asarray(x)) - 2)
    return Estimate(float(fit.slope), float(fit.slope - half), float(fit.slope + half))
