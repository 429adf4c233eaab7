"""Which walk suits a polytope."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from equipoise.sampling.ball_walk import BallWalk
from equipoise.sampling.billiard import Billiard
from equipoise.sampling.body import Body
from equipoise.sampling.dikin import Dikin
from equipoise.sampling.hit_and_run import CoordinateHitAndRun, HitAndRun
from equipoise.sampling.prepare import rounded

Method = Literal["auto", "exact", "ball", "hit-and-run", "coordinate", "billiard", "dikin"]
Walk = BallWalk | HitAndRun | CoordinateHitAndRun | Billiard | Dikin

_SPARSE = 0.3  # share of non-zeros up to which unrounded coordinates are cheap
_SKEW = 30.0  # condition number a dimension, up to which they get about unrounded


def choose(plain: Body, method: Method) -> Walk:
    """Put a walk on a body, rounded if the walk wants it.

    Parameters
    ----------
    plain : Body
        Not rounded.
    method : str
        ``auto`` takes coordinates, unrounded, where columns are sparse and the axes are nearly
        those of the body; a billiard on the rounded body otherwise.

    Returns
    -------
    BallWalk, HitAndRun, CoordinateHitAndRun, Billiard or Dikin

    Raises
    ------
    ValueError
        If the method is unknown.
    """
    walks: dict[str, Any] = {"ball": BallWalk, "hit-and-run": HitAndRun, "billiard": Billiard}
    if method in walks:
        return walks[method](rounded(plain))
    if method == "dikin":
        return Dikin(plain)
    if method not in ("auto", "coordinate"):
        known = ("auto", "exact", "coordinate", *walks, "dikin")
        raise ValueError(f"method is one of {', '.join(known)}, not {method!r}")
    if lies_along_axes(plain):
        return CoordinateHitAndRun(plain)
    return (Billiard if method == "auto" else CoordinateHitAndRun)(rounded(plain))


def lies_along_axes(plain: Body) -> bool:
    """Whether coordinates in turn are cheap, and get about without rounding.

    Parameters
    ----------
    plain : Body
        Not rounded.

    Returns
    -------
    bool
    """
    cheap = bool(np.count_nonzero(plain.A) <= _SPARSE * plain.A.size)
    return cheap and not _skew(plain)


def _skew(body: Body) -> bool:
    """Whether the Hessian of the log-barrier has axes other than the coordinates'."""
    scaled = body.A / body.slack(body.centre)[:, None]
    scaled = scaled / np.linalg.norm(scaled, axis=0)
    return bool(np.linalg.cond(scaled.T @ scaled) > _SKEW * body.dimension)
