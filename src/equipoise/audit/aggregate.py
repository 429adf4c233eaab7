"""Several figures of one kind, of classes or of labels, as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from equipoise.audit.parity import Parity
from equipoise.rates import Rate

Aggregate = Literal["max", "mean", "prevalence"]
"""The figure that is worst, the mean, or the mean with the weights of how often each occurs."""


def component_weights(rate: Rate, by_class: NDArray[Any], aggregate: Aggregate) -> NDArray[Any]:
    """How much each component of a rate counts in a mean.

    Parameters
    ----------
    rate : Rate
    by_class : ndarray, shape (k,)
        How often each class is the label.
    aggregate : {"mean", "prevalence"}

    Returns
    -------
    ndarray of float64, shape (c,)
        They add up to 1. The parts of a rate, such as the two of equalized odds, count the same.

    Raises
    ------
    ValueError
        If the aggregate is neither.
    """
    if aggregate not in ("mean", "prevalence"):
        raise ValueError(f"aggregate must be 'max', 'mean' or 'prevalence', not {aggregate!r}.")
    weights = []
    parts = rate.parts or (rate,)
    for part in parts:
        components = part.n_components(len(by_class))
        share = np.full(components, 1 / components)
        if aggregate == "prevalence" and components == len(by_class):
            share = by_class / by_class.sum()
        weights.append(share / len(parts))
    return np.concatenate(weights)


def mean_interval(parts: Sequence[Parity], weights: NDArray[np.float64]) -> tuple[float, float]:
    """An interval of the mean of disparities, from intervals that all hold at once.

    Parameters
    ----------
    parts : sequence of Parity
    weights : ndarray, of the same length

    Returns
    -------
    low, high : float
        It holds at least as often as all of theirs do together.
    """
    low = float(weights @ [part.low for part in parts])
    return low, float(weights @ [part.high for part in parts])
