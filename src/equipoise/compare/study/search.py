"""Learning rates on a grid of half decades, widened until the best is not at its edge."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")

_BESIDE = 2
_WIDEST = 4


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
    losses: Sequence[Callable[[T], float]],
    *,
    beside: int = _BESIDE,
    widest: int = _WIDEST,
) -> dict[int, T]:
    """Try places around a usual one, and further ones while the best of some loss is at an edge.

    Every optimizer is granted the same: as many places at first, and at most as many more.

    Parameters
    ----------
    middle : int
        The place in the middle at first.
    attempt : callable
        Tries several places at once.
    losses : sequence of callable
        From what was tried to a loss, the less the better, NaN of what diverged. Each is to have
        its best place within the grid.
    beside : int
        Places on each side of the middle at first.
    widest : int
        Further places at most.

    Returns
    -------
    dict
        By place, rising.
    """
    places = list(range(middle - beside, middle + beside + 1))
    tried = dict(zip(places, attempt(places), strict=True))
    while len(tried) < len(places) + widest:
        best = {best_place(tried, loss) for loss in losses}
        beyond = [min(tried) - 1] * (min(tried) in best) + [max(tried) + 1] * (max(tried) in best)
        beyond = beyond[: len(places) + widest - len(tried)]
        if not beyond:
            break
        tried.update(zip(beyond, attempt(beyond), strict=True))
    return dict(sorted(tried.items()))


def best_place(tried: dict[int, T], loss: Callable[[T], float]) -> int:
    """Where a loss is least.

    Parameters
    ----------
    tried : dict
        By place.
    loss : callable
        NaN of what diverged, which is worse than anything.

    Returns
    -------
    int
        Of equal ones the smallest rate.
    """
    values = {place: loss(one) for place, one in sorted(tried.items())}
    return min(values, key=lambda at: math.inf if math.isnan(values[at]) else values[at])
