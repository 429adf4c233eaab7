"""The greedy max function of one number, by a walk, and its smoothing, by quadrature.

No draws and no ascent: an answer to compare those with.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats
from torch import Tensor

from equipoise.optim.minmax.games import Game

Array = NDArray[np.float64]

_STEP = 2e-3
_REACH = 30.0
_ROWS = 64
# A slope that is 0 but for rounding does not end a path that its curvature carries on.
_ROUNDING = 1e-9
_NODES, _END = 1201, 6.0


def greedy_max(game: Game, x: Array, y: float, tolerance: float) -> Array:
    """The best that a greedy path from y reaches, at each of several x.

    A path goes on for as long as f rises along it, by more than the tolerance an unit of length or
    with a curvature of more than its root (arXiv 2006.12363). With one number there are two ways
    to go, and both are walked to their end.

    Parameters
    ----------
    game : Game
        Of one number for each player.
    x : ndarray, shape (n,)
    y : float
    tolerance : float
        eps.

    Returns
    -------
    ndarray, shape (n,)
        To about the tolerance times a step of 0.002.

    Raises
    ------
    ValueError
        If a path does not end within 30 of its start.
    """
    best = np.full(len(x), -np.inf)
    for way in (1.0, -1.0):
        end = y + way * _REACH if game.box is None else way * game.box
        if (end - y) * way < 2 * _STEP:  # it stands at the edge of the box
            found = _values(game, x, np.array([y]))[:, 0]
        else:
            places = np.linspace(y, end, math.ceil(abs(end - y) / _STEP) + 1)
            parts = np.array_split(x, math.ceil(len(x) / _ROWS))
            found = np.concatenate([_walk(game, part, places, tolerance) for part in parts])
        best = np.maximum(best, found)
    return best


def _walk(game: Game, x: Array, places: Array, tolerance: float) -> Array:
    heights = _values(game, x, places)
    length = abs(places[1] - places[0])
    slope = np.diff(heights, axis=1) / length
    bend = np.diff(slope, axis=1) / length
    bend = np.concatenate([bend, bend[:, -1:]], axis=1)
    goes_on = (slope >= -_ROUNDING) & ((slope > tolerance) | (bend > math.sqrt(tolerance)))
    n_steps = np.cumprod(goes_on, axis=1).sum(1)
    if game.box is None and (n_steps == goes_on.shape[1]).any():
        raise ValueError(f"{game.name}: a greedy path does not end within {_REACH} of its start.")
    return heights[np.arange(len(x)), n_steps]


def _values(game: Game, x: Array, y: Array) -> Array:
    # Of all pairs, shape (len(x), len(y)).
    def one(a: Tensor, b: Tensor) -> Tensor:
        return game.value(a[None], b[None])

    every = torch.vmap(torch.vmap(one, (None, 0)), (0, None))
    with torch.no_grad():
        found: Array = every(torch.from_numpy(x), torch.from_numpy(y)).numpy()
    return found


@dataclass(frozen=True)
class Smoothed:
    """The truncated smoothing S of a greedy max function at a point.

    Attributes
    ----------
    slope, bend : float
        S' and S''.
    improving : float
        Probability that a draw of the smoothing is lower than the point.
    """

    slope: float
    bend: float
    improving: float


def smooth_at(
    g: Callable[[Array], Array], x: float, sigma: float, *, nodes: int = _NODES
) -> Smoothed:
    """Truncate a function at its height at x, smooth it, and differentiate there.

    Parameters
    ----------
    g : callable
        Of places, shape (n,); returns shape (n,).
    x : float
    sigma : float
    nodes : int
        Of the trapezoidal rule on six standard deviations to each side.

    Returns
    -------
    Smoothed
    """
    z = np.linspace(-_END, _END, nodes)
    weight = stats.norm.pdf(z) * (z[1] - z[0])
    below = np.minimum(g(x + sigma * z) - g(np.array([x])), 0.0)
    return Smoothed(
        float((z * below * weight).sum() / sigma),
        float(((z**2 - 1) * below * weight).sum() / sigma**2),
        float((weight * (below < 0)).sum()),
    )


def smooth_along(values: Array, x: Array, sigma: float, at: Array) -> Array:
    """Smooth a function that is known on a fine and wide grid.

    Parameters
    ----------
    values : ndarray, shape (n,)
    x : ndarray, shape (n,)
        Evenly spaced, and some six standard deviations wider than ``at`` to each side.
    sigma : float
    at : ndarray, shape (m,)

    Returns
    -------
    ndarray, shape (m,)
    """
    weight = stats.norm.pdf((x - at[:, None]) / sigma)
    return np.asarray(weight @ values / weight.sum(1))
