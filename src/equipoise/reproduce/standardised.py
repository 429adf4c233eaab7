"""Differences from known values in units of their standard errors, over many runs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from equipoise.audit import Estimate
from equipoise.reproduce.judge import over_seeds

CALIBRATED = (0.7, 1.3)
"""Between which the root mean square lies where estimates and their errors are right: it is 1 but
for the error of the errors, some per cent of a mean's."""


def spread(found: Sequence[Sequence[float]]) -> Estimate:
    """Root mean square of standardised differences, with an interval over runs.

    Parameters
    ----------
    found : sequence of sequence of float
        Of each run, which are independent, those of one run not necessarily.

    Returns
    -------
    Estimate
    """
    square = over_seeds(np.array([np.mean(np.square(one)) for one in found]))
    return Estimate(*(float(np.sqrt(max(value, 0.0))) for value in square))
