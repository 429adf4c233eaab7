"""The eps that gives a coreset about as many points as one asks for."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import numpy as np

from equipoise.coresets.checks import as_count
from equipoise.coresets.coreset import Coreset
from equipoise.coresets.lines import Lines
from equipoise.coresets.lines_as_coded import LinesAsCoded

ByEps = TypeVar("ByEps", bound=Lines | LinesAsCoded)

_TRIES = 24
_NEAR_ENOUGH = 0.02


def with_size(
    builder: ByEps, larger: Coreset, size: int, seed: int | np.random.SeedSequence = 0
) -> ByEps:
    """Change the eps of a builder, so that coresets of about a size can be compared.

    Parameters
    ----------
    builder : Lines or LinesAsCoded
        Its eps is where the search begins.
    larger : Coreset
        What it is to summarise.
    size : int
        How many points it should make of it.
    seed : int or SeedSequence
        With which it is to be used: for each seed the number of points is another.

    Returns
    -------
    Lines or LinesAsCoded
        The one whose number of points came nearest to `size` in a bisection that ends within 2 %
        of it. There may be none so near: numbers of lines change in leaps.

    Raises
    ------
    ValueError
        If `size` is no positive integer, or no eps that :class:`Lines` can be used with
        makes so many points.
    """
    size = as_count(size, "size")
    tried: dict[float, int] = {}

    def points(eps: float) -> int:
        tried[eps] = len(larger.reduce(replace(builder, eps=eps), seed))
        return tried[eps]

    low = high = builder.eps
    many = points(low)
    while many < size and low > builder.eps * 1e-4 and many < len(larger):
        low /= 2
        many = points(low)
    few = tried[high]
    while few > size and high < builder.eps * 1e4:
        high *= 2
        few = points(high)
    for _ in range(_TRIES):
        if min(abs(m - size) for m in tried.values()) <= _NEAR_ENOUGH * size:
            break
        # Of the bracket that is there now, whichever side it was widened to.
        low = max((e for e, m in tried.items() if m >= size), default=low)
        high = min((e for e, m in tried.items() if m <= size and e > low), default=high)
        if not low < high or high / low < 1 + 1e-6:
            break
        points(float(np.sqrt(low * high)))
    return replace(builder, eps=min(tried, key=lambda eps: (abs(tried[eps] - size), eps)))
