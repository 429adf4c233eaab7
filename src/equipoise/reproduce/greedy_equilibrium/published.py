"""Where the claims stand, and figures found before."""

from __future__ import annotations

import math
from dataclasses import dataclass

from equipoise.optim.minmax import games
from equipoise.optim.minmax.games import Game

SOURCE = "Mangoubi, Vishnoi 2021, STOC, arXiv 2006.12363"

TOLERANCE, SIGMA = 1e-2, 0.1
"""eps and sigma at which the named points are looked at."""


@dataclass(frozen=True)
class Named:
    """A point of a game with few numbers, of which much is known.

    Attributes
    ----------
    name : str
        Of the game, as the literature has it.
    key : str
        Of the game in :data:`GAMES`.
    x, y : float
    is_equilibrium : bool
    found_before : str
        The slope of the smoothing there, by a walk and 800 antithetic draws of other code than
        this; empty where there is none.
    why : str
    """

    name: str
    key: str
    x: float
    y: float
    is_equilibrium: bool
    found_before: str
    why: str


GAMES: dict[str, Game] = {
    "F1": games.no_saddle(),
    "F2": games.convex_response(),
    "F3": games.bell(),
    "wave": games.wave(),
    "box": games.bilinear(5.0),
}
"""F1 to F3 are of Wang, Zhang and Ba (arXiv 1910.07512); the others are named in the paper."""

NAMED = (
    Named("F1", "F1", 0.0, 0.0, True, "0.000", "min-max point, no saddle"),
    Named("F1", "F1", 1.0, 2.0, False, "0.91", "max over y falls towards 0"),
    Named("F2, |y| <= 10", "F2", 0.0, 0.0, False, "", "y is at a minimum"),
    Named("F2, |y| <= 10", "F2", 0.0, 10.0, False, "19.6", "greedy y stays at 10, x gains"),
    Named("F3", "F3", 0.0, 0.0, True, "0.000", "local min-max point"),
    Named("F3", "F3", 2.0, 2.48, False, "0.35", "max over y falls towards 0"),
    Named("F3", "F3", -5.0, -2.79, False, "14.9", "max over y falls towards 0"),
    Named("sin(x + y)", "wave", 1.0, math.pi / 2 - 1, True, "0", "on a crest; no saddle anywhere"),
    Named("x y, |y| <= 5", "box", 0.0, 0.0, True, "0", "saddle"),
    Named("x y, |y| <= 5", "box", 0.0, 5.0, True, "0", "min-max point"),
    Named("x y, |y| <= 5", "box", 0.5, 5.0, False, "2.5", "max over y falls towards 0"),
)
"""Points of named games."""
