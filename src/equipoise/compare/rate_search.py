"""Learning rates on a grid of half decades, widened until the best is not at its edge."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

T = TypeVar("T")

# In half decades, about the middle of what is usual for small networks: defaults differ by a factor
# of a hundred.
_USUAL = {
    "SGD": -1,
    "ASGD": -1,
    "NormalisedSGD": -2,
    "Adadelta": 1,
    "Momentum": -3,
    "Nesterov": -3,
    "Adagrad": -3,
    "Adafactor": -3,
    "Muon": -3,
    "SAM": -3,
    "SignSGD": -6,
    "Lion": -6,
    "Sophia": -7,
}
_OF_ADAMS = -5
_BESIDE = 2
_WIDEST = 4


def usual_place(optimizer: str) -> int:
    """Where on the grid the rate lies that is usual for an optimizer.

    Parameters
    ----------
    optimizer : str
        As :data:`equipoise.learn.optimizers.OPTIMIZERS` has it.

    Returns
    -------
    int
    """
    return _USUAL.get(optimizer, _OF_ADAMS)


def rate_at(place: int) -> float:
    """The learning rate at a place of the grid.

    Parameters
    ----------
    place : int

    Returns
    -------
    float
        10^(place / 2), to two digits.
    """
    return float(f"{10 ** (place / 2):.2g}")


def search_places(
    middle: int,
    attempt: Callable[[list[int]], Sequence[T]],
    best_of: Callable[[Mapping[int, T]], Iterable[int]],
) -> dict[int, T]:
    """Try five places around a usual one, and up to four further ones while a best is at an edge.

    Every optimizer is granted the same.

    Parameters
    ----------
    middle : int
        The place in the middle at first.
    attempt : callable
        Tries several places at once.
    best_of : callable
        From what was tried, by place, to the places that are not to be at an edge.

    Returns
    -------
    dict
        By place, rising.
    """
    places = list(range(middle - _BESIDE, middle + _BESIDE + 1))
    tried = dict(zip(places, attempt(places), strict=True))
    most = len(places) + _WIDEST
    while len(tried) < most:
        best = set(best_of(tried))
        beyond = [min(tried) - 1] * (min(tried) in best) + [max(tried) + 1] * (max(tried) in best)
        beyond = beyond[: most - len(tried)]
        if not beyond:
            break
        tried.update(zip(beyond, attempt(beyond), strict=True))
    return dict(sorted(tried.items()))


def best_place(losses: Mapping[int, float]) -> int:
    """Where a loss is least.

    Parameters
    ----------
    losses : mapping
        By place; NaN, of what diverged, is worse than anything.

    Returns
    -------
    int
        Of equal ones the smallest rate.
    """
    return min(sorted(losses), key=lambda at: math.inf if math.isnan(losses[at]) else losses[at])
