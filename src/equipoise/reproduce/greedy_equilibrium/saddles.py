"""Local saddles are greedy adversarial equilibria, which there are where no local saddle is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import optimize
from torch import Tensor

from equipoise.audit import Estimate
from equipoise.optim.minmax import games
from equipoise.optim.minmax.games import Game
from equipoise.report import Column, Section, Table, Text
from equipoise.reproduce.greedy_equilibrium.games import waves
from equipoise.reproduce.greedy_equilibrium.search import as_dict, check
from equipoise.reproduce.judge import judged, share, shown_at_least, shown_at_most
from equipoise.reproduce.part import Cell, Part, Result, Shown

_FORMAT = 1
_TOLERANCE = 1e-2
# A saddle may be one in a small place only, and the smoothing is to look no farther.
_SIGMA = 0.05
_REACH, _STARTS = 5.0, 60
# What is flatter than this in either direction may be called a saddle or not.
_CLEAR = 0.1
_MOST = 3
_LIMIT = 0.9


def saddles_part(n_games: int, n_crests: int, n_pairs: int) -> Part:
    """Saddles of random games, a cell each, and crests of a wave, all in one.

    Parameters
    ----------
    n_games, n_crests : int
    n_pairs : int
        Pairs of draws of a check.

    Returns
    -------
    Part
    """
    sizes = {"format": _FORMAT, "n_pairs": n_pairs}
    cells = [
        Cell(
            f"local saddles of random game {seed}",
            {**sizes, "saddles of": seed},
            partial(check_saddles, seed, n_pairs),
            seconds=n_pairs / 50,
        )
        for seed in range(n_games)
    ]
    cells.append(
        Cell(
            "crests of a wave",
            {**sizes, "crests": n_crests},
            partial(check_crests, n_crests, n_pairs),
            seconds=n_crests * n_pairs / 300,
        )
    )
    return Part("saddles", tuple(cells), _show)


def find_saddles(game: Game, seed: int) -> NDArray[np.float64]:
    """Clear local saddles of a game of two numbers, by Newton's method from random starts.

    Parameters
    ----------
    game : Game
    seed : int
        Of the starts.

    Returns
    -------
    ndarray, shape (n, 2)
        Different ones, three at most, in the order in which they were found.
    """

    def value(z: Tensor) -> Tensor:
        return game.value(z[:1], z[1:])

    gradient = torch.func.grad(value)

    def hessian(z: NDArray[np.float64]) -> NDArray[np.float64]:
        found: Tensor = torch.autograd.functional.hessian(value, torch.from_numpy(z))
        return found.numpy()

    found: list[NDArray[np.float64]] = []
    for start in np.random.default_rng(seed).uniform(-_REACH, _REACH, (_STARTS, 2)):
        root = optimize.root(
            lambda z: gradient(torch.from_numpy(z)).numpy(),
            start,
            jac=hessian,
            tol=1e-12,
        )
        if not root.success or np.abs(root.x).max() > _REACH:
            continue
        curvature = hessian(root.x).diagonal()
        is_saddle = curvature[0] > _CLEAR and curvature[1] < -_CLEAR
        if is_saddle and all(np.abs(root.x - one).max() > 1e-3 for one in found):
            found.append(root.x)
            if len(found) == _MOST:
                break
    return np.array(found).reshape(-1, 2)


def check_saddles(seed: int, n_pairs: int) -> Result:
    """Check the saddles of one random game.

    Parameters
    ----------
    seed : int
        Of the game.
    n_pairs : int

    Returns
    -------
    dict
        ``points`` and their ``checks``.
    """
    game = waves(1, seed)
    points = find_saddles(game, seed)
    return {"points": points.tolist(), "checks": _checks(game, points, n_pairs)}


def check_crests(n: int, n_pairs: int) -> Result:
    """Check points of the crests of sin(x + y), where y is a best answer.

    Parameters
    ----------
    n : int
    n_pairs : int

    Returns
    -------
    dict
        ``points``, their ``checks``, and ``x_curvatures``.
    """
    game = games.wave()
    across = np.random.default_rng(0).uniform(-10, 10, n)
    points = np.stack([across, math.pi / 2 - across], axis=1)
    curvatures = [
        float(torch.autograd.functional.hessian(lambda at, y=y: game.value(at[None], y[None]), x))
        for x, y in torch.from_numpy(points)
    ]
    return {
        "points": points.tolist(),
        "checks": _checks(game, points, n_pairs),
        "x_curvatures": curvatures,
    }


def _checks(game: Game, points: NDArray[np.float64], n_pairs: int) -> list[Result]:
    return [
        as_dict(
            check(
                game,
                *torch.from_numpy(point[:, None]),
                sigma=_SIGMA,
                tolerance=_TOLERANCE,
                n_pairs=n_pairs,
                seed=i,
            )
        )
        for i, point in enumerate(points)
    ]


def _show(results: Sequence[Result]) -> Shown:
    *saddles, crests = results
    of_saddles = accepted([one for found in saddles for one in found["checks"]])
    of_crests = accepted(crests["checks"])
    highest = max(crests["x_curvatures"])
    claims = (
        judged(
            "every local saddle is an equilibrium: share of the clear local saddles of random "
            f"bounded games that the check accepts (at least {_LIMIT:g} asked for)",
            "1",
            of_saddles,
            shown_at_least(of_saddles, _LIMIT),
        ),
        judged(
            "sin(x + y) has no local saddle: the largest f_xx where y is a best answer (to be "
            "below 0)",
            "< 0",
            Estimate(highest, highest, highest),
            shown_at_most(Estimate(highest, highest, highest), 0.0),
        ),
        judged(
            "sin(x + y) has equilibria: share of random points of its crests that the check "
            f"accepts (at least {_LIMIT:g} asked for)",
            "1",
            of_crests,
            shown_at_least(of_crests, _LIMIT),
        ),
    )
    table = Table(
        [
            Column("points"),
            Column("number", "right"),
            Column("accepted", "right"),
            Column("refused", "right"),
            Column("undecided", "right"),
        ],
        [
            _row(
                f"local saddles of {len(saddles)} random games, sums of six sine waves",
                [one for found in saddles for one in found["checks"]],
            ),
            _row("crests of sin(x + y), no local saddle among them", crests["checks"]),
        ],
        f"Local saddles, and a game that has none: eps = {_TOLERANCE:g}, sigma = {_SIGMA:g}",
    )
    text = Text(
        "Saddles were found by Newton's method, which knows nothing of greedy paths; those count "
        f"whose curvature is clear, above {_CLEAR:g} in x and below -{_CLEAR:g} in y."
    )
    return Shown(claims, (table,), lambda: [Section("Local saddles", [text, table])])


def _row(name: str, checks: Sequence[Result]) -> list[str]:
    verdicts = [one["verdict"] for one in checks]
    kinds = ("equilibrium", "no equilibrium", "undecided")
    return [name, str(len(verdicts)), *(str(verdicts.count(kind)) for kind in kinds)]


def accepted(checks: Sequence[Result]) -> Estimate:
    """The share of points that were found to be equilibria, with Clopper and Pearson's interval.

    Parameters
    ----------
    checks : sequence of dict
        Not empty.

    Returns
    -------
    Estimate
    """
    return share(np.array([one["verdict"] == "equilibrium" for one in checks]))
