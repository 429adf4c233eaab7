"""Functions of uniform draws whose means are known."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.sampling import Body

Array = NDArray[Any]


def away(name: str, x: Array, body: Body, z: Array) -> Array:
    """By how much functions of each draw differ from their known means.

    The last two are known of any body: with g the least factor by which it must be scaled around
    a point within it to hold the draw, g^d is uniform on [0, 1], so -d log g has mean 1. The
    point is the body's centre, and one halfway from there to the nearest wall.

    Parameters
    ----------
    name : {"cube", "simplex", "ordered", "cross", "birkhoff", "random"}
    x : ndarray, shape (chains, draws, n)
        In the coordinates of :mod:`equipoise.reproduce.polytope.bodies`.
    body : Body
    z : ndarray, shape (chains, draws, d)
        The same draws in the body's coordinates.

    Returns
    -------
    ndarray, shape (chains, draws, k)
    """
    wall = int(body.slack(body.centre).argmin())
    off_centre = body.centre + body.A[wall] * body.slack(body.centre)[wall] / 2
    blown_up = [_gauge(body, z, point) - 1 for point in (body.centre, off_centre)]
    return np.stack([*_of(name, x), *blown_up], axis=2)


def _of(name: str, x: Array) -> list[Array]:
    n = x.shape[2]
    first, squares = x[:, :, 0], (x**2).mean(axis=2)
    if name == "cube":
        near_wall = (np.abs(x) > 0.99).mean(axis=2)
        return [first, squares - 1 / 3, near_wall - 0.01]
    if name == "simplex":
        near_wall = (x < 0.01 / n).mean(axis=2)
        square = 2 / ((n + 1) * (n + 2))
        return [first - 1 / (n + 1), squares - square, near_wall - (1 - (1 - 0.01 / n) ** n)]
    if name == "ordered":
        places = np.arange(1, n + 1)
        square = (places * (places + 1)).mean() / ((n + 1) * (n + 2))
        return [first - 1 / (n + 1), x.mean(axis=2) - 1 / 2, squares - square]
    if name == "cross":
        size = np.abs(x).sum(axis=2)
        return [first, size - n / (n + 1), squares - 2 / ((n + 1) * (n + 2))]
    if name == "birkhoff":
        return [first - 1 / (round(n**0.5) + 1), x.mean(axis=2) - 1 / (round(n**0.5) + 1)]
    return []


def _gauge(body: Body, z: Array, point: Array) -> Array:
    towards = body.A @ point
    reach = (z @ body.A.T - towards) / (body.b - towards)
    return -body.dimension * np.log(np.asarray(reach.max(axis=2)))
