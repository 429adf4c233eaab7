"""Where the labels of points go, so that they cover neither each other nor the drawing.

Each label tries places around its point, near ones first, and takes the one that disturbs least.
Nothing is random: the same points give the same places.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

_ANGLES = (0, 180, 90, 270, 30, 150, 330, 210, 60, 120, 300, 240)
"""Degrees, in order of preference: beside the point reads better than askew of it."""

_DISTANCES = (7.0, 14.0, 22.0, 32.0, 44.0, 58.0)
_POINT_RADIUS = 6.0


@dataclass(frozen=True)
class Rect:
    """An upright rectangle; y grows upwards.

    Parameters
    ----------
    left, bottom, right, top : float
        Its sides.
    """

    left: float
    bottom: float
    right: float
    top: float

    def overlap(self, other: Rect) -> float:
        """Give the area that two rectangles share."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.top, other.top) - max(self.bottom, other.bottom)
        return max(width, 0.0) * max(height, 0.0)

    def holds(self, other: Rect) -> bool:
        """Tell whether another rectangle lies inside this one."""
        return (
            self.left <= other.left
            and self.bottom <= other.bottom
            and other.right <= self.right
            and other.top <= self.top
        )


def place(
    points: Sequence[tuple[float, float]],
    sizes: Sequence[tuple[float, float]],
    *,
    frame: Rect,
    avoid: Sequence[Rect] = (),
) -> list[Rect | None]:
    """Find a place for the label of each point.

    Parameters
    ----------
    points : sequence of (x, y), length n
        The points, in points (1/72 inch).
    sizes : sequence of (width, height), length n
        The sizes of their labels.
    frame : Rect
        What the labels may not leave.
    avoid : sequence of Rect
        What they had better not cover (lines, whiskers), if there is another place.

    Returns
    -------
    list of Rect or None, length n
        The place of each label; None where every one would leave the frame, or cover a point or
        another label.
    """
    taken = [_around(point) for point in points]
    placed: list[Rect | None] = [None] * len(points)

    def crowd(i: int) -> float:
        return sum(1 / (20 + math.dist(points[i], other)) for other in points)

    # The most crowded first: they have the fewest places to choose from.
    for i in sorted(range(len(points)), key=lambda i: (-crowd(i), i)):
        best: tuple[float, Rect] | None = None
        for distance in _DISTANCES:
            for rank, angle in enumerate(_ANGLES):
                cost = distance + 0.5 * rank
                if best is not None and cost >= best[0]:
                    continue
                rect = _beside(points[i], sizes[i], angle, distance)
                if not frame.holds(rect) or any(rect.overlap(other) for other in taken):
                    continue
                cost += sum(rect.overlap(other) for other in avoid)
                if best is None or cost < best[0]:
                    best = (cost, rect)
        if best is not None:
            placed[i] = best[1]
            taken.append(best[1])
    return placed


def _around(point: tuple[float, float]) -> Rect:
    x, y = point
    return Rect(x - _POINT_RADIUS, y - _POINT_RADIUS, x + _POINT_RADIUS, y + _POINT_RADIUS)


def _beside(
    point: tuple[float, float], size: tuple[float, float], angle: float, distance: float
) -> Rect:
    """Put a rectangle beside a point, its nearest side or corner at the given distance."""
    across, up = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    width, height = size
    x = point[0] + across * distance
    y = point[1] + up * distance
    left = x - width * (0.5 if abs(across) < 0.1 else float(across < 0))
    bottom = y - height * (0.5 if abs(up) < 0.1 else float(up < 0))
    return Rect(left, bottom, left + width, bottom + height)
