"""One search for an equilibrium from one start, and the check of where it ended."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from equipoise.optim.minmax import (
    Box,
    Geometry,
    GreedyAdversarial,
    GreedyCheck,
    SecondOrderAscent,
    check_greedy_equilibrium,
)
from equipoise.optim.minmax.games import Game
from equipoise.reproduce.part import Result

# A segment of 0.1 steps over no valley of these games; between the ends of a box there is none.
_RADIUS, _IN_BOX = 0.1, 1.0
_MOST_STEPS = 20_000
_SHOWN = 200


@dataclass(frozen=True)
class Settings:
    """How a search is made; the theorem's constants are polynomials that no machine could run.

    Attributes
    ----------
    tolerance : float
        eps.
    sigma : float
        Width of the smoothing in one dimension; it is divided by the root of the dimension, so
        that draws are as long.
    patience : int
        Failures in a row before the descent.
    n_pairs : int
        Pairs of draws of the check.
    """

    tolerance: float = 1e-2
    sigma: float = 0.3
    patience: int = 50
    n_pairs: int = 200

    def delta(self, d: int) -> float:
        """What a move must gain: gains below it add up to no more than half of eps in S'."""
        return self.tolerance * self.width(d) / 2

    def width(self, d: int) -> float:
        """The width of the smoothing in d dimensions."""
        return self.sigma / math.sqrt(d)


def ascent(game: Game, tolerance: float) -> SecondOrderAscent:
    """The greedy maximizer of a game.

    Parameters
    ----------
    game : Game
    tolerance : float

    Returns
    -------
    SecondOrderAscent
    """
    return SecondOrderAscent(tolerance, _RADIUS if game.box is None else _IN_BOX)


def geometry(game: Game) -> Geometry | None:
    """The set that players of a game live in; None where there is no bound.

    Parameters
    ----------
    game : Game

    Returns
    -------
    Geometry or None
    """
    return None if game.box is None else Box(-game.box, game.box)


def check(
    game: Game, x: Tensor, y: Tensor, *, sigma: float, tolerance: float, n_pairs: int, seed: int
) -> GreedyCheck:
    """Check one point.

    Parameters
    ----------
    game : Game
    x, y : Tensor
    sigma, tolerance, n_pairs
        See :func:`equipoise.optim.minmax.check_greedy_equilibrium`.
    seed : int
        Of the draws.

    Returns
    -------
    GreedyCheck
    """
    x, y = (one.detach().clone().requires_grad_() for one in (x, y))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return check_greedy_equilibrium(
            lambda: game.value(x, y),
            [x],
            [y],
            sigma=sigma,
            tolerance=tolerance,
            n_pairs=n_pairs,
            response=ascent(game, tolerance),
            max_geometry=geometry(game),
        )


def decide(
    game: Game, x: Tensor, y: Tensor, *, sigma: float, tolerance: float, n_pairs: int, seed: int
) -> GreedyCheck:
    """Check one point, and once more with eight times the draws where few leave it open.

    Parameters
    ----------
    game, x, y, sigma, tolerance, n_pairs, seed
        See :func:`check`.

    Returns
    -------
    GreedyCheck
    """
    first = check(game, x, y, sigma=sigma, tolerance=tolerance, n_pairs=n_pairs, seed=seed)
    if first.verdict != "undecided":
        return first
    return check(
        game, x, y, sigma=sigma, tolerance=tolerance, n_pairs=8 * n_pairs, seed=seed + 500_000
    )


def draw_start(game: Game, seed: int, reach: float) -> tuple[Tensor, Tensor]:
    """A start, uniform in a cube and within the game's box.

    Parameters
    ----------
    game : Game
    seed : int
    reach : float
        Half a side of the cube.

    Returns
    -------
    (Tensor, Tensor)
    """
    stream = torch.Generator().manual_seed(seed)
    x, y = (
        reach * (2 * torch.rand(len(part), generator=stream, dtype=torch.float64) - 1)
        for part in game.start
    )
    return x, y


def search(game: Game, x: Tensor, y: Tensor, settings: Settings, seed: int) -> Result:
    """Search from a start until the method stops.

    Parameters
    ----------
    game : Game
    x, y : Tensor
        The start.
    settings : Settings
    seed : int
        Of the draws.

    Returns
    -------
    dict
        ``x`` and ``y`` of the end; ``path``, first coordinates of the moves, some of them;
        ``stopped``, ``steps``, ``evaluations`` of f, with whatever derivatives in y were asked for
        there; and ``x_gradients``, how often one in x was.
    """
    start = x, y
    x, y = (one.detach().clone().requires_grad_() for one in start)
    n_evaluations = n_x_gradients = 0

    def value() -> Tensor:
        nonlocal n_evaluations
        n_evaluations += 1
        return game.value(x, y)

    def asked(gradient: Tensor) -> None:
        nonlocal n_x_gradients
        n_x_gradients += 1

    x.register_hook(asked)
    d = len(x)
    sigma = settings.width(d)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        method = GreedyAdversarial(
            torch.optim.SGD([x], lr=sigma),
            torch.optim.SGD([y], lr=0.1),
            sigma=sigma,
            delta=settings.delta(d),
            response=ascent(game, settings.tolerance),
            patience=settings.patience,
            n_descent=10,
            n_pairs=10,
            min_geometry=geometry(game),
            max_geometry=geometry(game),
        )
        path = [(x[0].item(), y[0].item())]
        n_steps = 0
        while not method.stopped and n_steps < _MOST_STEPS:
            method.step(value)
            n_steps += 1
            here = (x[0].item(), y[0].item())
            if here != path[-1]:
                path.append(here)
    some = np.unique(np.linspace(0, len(path) - 1, min(len(path), _SHOWN)).round().astype(int))
    return {
        "x": x.tolist(),
        "y": y.tolist(),
        "path": [path[i] for i in some],
        "stopped": method.stopped,
        "steps": n_steps,
        "descents": method.n_descents,
        "evaluations": n_evaluations,
        "x_gradients": n_x_gradients,
    }


def searched_and_checked(game: Game, x: Tensor, y: Tensor, settings: Settings, seed: int) -> Result:
    """Search, and check the end with as fresh draws.

    Parameters
    ----------
    game, x, y, settings, seed
        See :func:`search`.

    Returns
    -------
    dict
        That of :func:`search`, with the ``check``.
    """
    found = search(game, x, y, settings, seed)
    end_x, end_y = (torch.tensor(found[name], dtype=torch.float64) for name in ("x", "y"))
    seen = decide(
        game,
        end_x,
        end_y,
        sigma=settings.width(len(end_x)),
        tolerance=settings.tolerance,
        n_pairs=settings.n_pairs,
        seed=seed + 1_000_000,
    )
    return {**found, "distance": game.distance(end_x, end_y), "check": as_dict(seen)}


def as_dict(found: GreedyCheck) -> Result:
    """A check as JSON can hold it.

    Parameters
    ----------
    found : GreedyCheck

    Returns
    -------
    dict
        Intervals are lists of value, low and high.
    """
    return {
        "max_gradient": found.max_gradient,
        "verdict": found.verdict,
        **{
            name: [one.value, one.low, one.high]
            for name in ("max_curvature", "min_gradient", "min_curvature", "improving")
            for one in [getattr(found, name)]
        },
    }
