"""Where a chain on a body may start."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.sampling.body import Body
from equipoise.sampling.kernel import State

Array = NDArray[Any]


def must_be_inside(body: Body, position: Array) -> None:
    """Raise unless all positions are strictly inside.

    Parameters
    ----------
    body : Body
    position : ndarray, shape (chains, d)

    Raises
    ------
    ValueError
        Naming the chain and the row.
    """
    if position.shape[1] != body.dimension:
        raise ValueError(
            f"position has {body.dimension} coordinates, those of the body, "
            f"not {position.shape[1]}: map points of the polytope with Body.to_z"
        )
    slack = body.slack(position)
    worst = int(np.argmin(slack.min(axis=1)))
    row = int(np.argmin(slack[worst]))
    if slack[worst, row] < 0:
        raise ValueError(
            f"chain {worst} starts outside: row {row} is exceeded by {-slack[worst, row]:.3g}"
        )
    if slack[worst, row] == 0:
        raise ValueError(f"chain {worst} starts on facet {row}: start strictly inside")


def slack_state(body: Body, position: Array, counters: tuple[str, ...]) -> State:
    """State of a walk that carries its slacks along.

    Parameters
    ----------
    body : Body
    position : ndarray, shape (chains, d)
    counters : tuple of str

    Returns
    -------
    State

    Raises
    ------
    ValueError
        If a chain starts outside or on a facet.
    """
    must_be_inside(body, position)
    nothing = np.zeros(len(position), dtype=np.int64)
    return {
        "position": position,
        "slack": body.slack(position),
        **dict.fromkeys(counters, nothing),
    }
