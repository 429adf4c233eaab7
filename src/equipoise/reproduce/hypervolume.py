"""How much of a plane a set of points is better than."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def hypervolume(points: Array, corner: tuple[float, float]) -> float:
    """The area that points dominate below a corner, where both coordinates are to be small.

    Parameters
    ----------
    points : ndarray, shape (n, 2)
    corner : (float, float)

    Returns
    -------
    float
    """
    inside = points[(points < np.asarray(corner)).all(axis=1)]
    area, reached = 0.0, corner[1]
    for x, y in inside[np.lexsort((inside[:, 1], inside[:, 0]))]:
        if y < reached:
            area += (corner[0] - x) * (reached - y)
            reached = y
    return float(area)
