"""Uniform draws from a ball."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def uniform_in_ball(number: int, dimension: int, *, radius: float = 1.0, seed: int) -> Array:
    """Independent points, uniform in a ball around the origin.

    A ball is no polytope, and so :func:`sample` knows nothing of it; but every body holds one, and
    it is where an annealed rounding starts.

    Parameters
    ----------
    number : int
    dimension : int
    radius : float
    seed : int

    Returns
    -------
    ndarray, shape (number, dimension)

    Raises
    ------
    ValueError
        If a number is not positive.
    """
    for name, value in (("number", number), ("dimension", dimension), ("radius", radius)):
        if not (value > 0 and np.isfinite(value)):
            raise ValueError(f"{name} is above 0 and finite, not {value}")
    rng = np.random.default_rng(seed)
    points = rng.standard_normal((number, dimension))
    lengths = radius * rng.random(number) ** (1 / dimension)
    return np.asarray(points * (lengths / np.linalg.norm(points, axis=1))[:, None])
