"""Why the greedy max function is truncated before it is smoothed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import optimize, stats

from equipoise.audit import Estimate
from equipoise.optim.minmax import SecondOrderAscent
from equipoise.optim.minmax.games import Game
from equipoise.optim.minmax.geometry import Euclidean
from equipoise.optim.minmax.player import Player
from equipoise.optim.minmax.smoothing import GreedyValue, draw, slope
from equipoise.report import Figure, Line, Section, Table, Text, lines
from equipoise.report.table import Column
from equipoise.reproduce.greedy_equilibrium.exact import greedy_max, smooth_along, smooth_at
from equipoise.reproduce.greedy_equilibrium.games import step_down, two_peaks
from equipoise.reproduce.greedy_equilibrium.points import shown as with_interval
from equipoise.reproduce.greedy_equilibrium.search import as_dict, check
from equipoise.reproduce.judge import judged, over_seeds, shown_at_least, shown_at_most
from equipoise.reproduce.part import Cell, Part, Result, Shown

Array = NDArray[np.float64]

_FORMAT = 1
_TOLERANCE, _SIGMA = 1e-2, 0.1
_MOVED = 0.5
# The height above everything, so that nothing is truncated.
_NOWHERE = 1e6
_RATE, _PAIRS = 0.02, 10
# Just to the right of one jump, and just to the left of the other.
_RIGHT, _LEFT = 1e-6, -1e-3
_LOW_PEAK = -0.9


def truncation_part(n_seeds: int, n_steps: int, n_pairs: int) -> Part:
    """Descents on a smoothing that is not truncated, a cell each, and checks of two jumps.

    Parameters
    ----------
    n_seeds, n_steps : int
        Of the descents.
    n_pairs : int
        Pairs of draws of a check.

    Returns
    -------
    Part
    """
    cells = [
        Cell(
            f"descent without truncation {seed}",
            {"format": _FORMAT, "descent": seed, "n_steps": n_steps},
            partial(descend, seed, n_steps),
            seconds=n_steps / 60,
        )
        for seed in range(n_seeds)
    ]
    cells.append(
        Cell(
            "truncation at two jumps",
            {"format": _FORMAT, "n_pairs": n_pairs},
            partial(check_jumps, n_pairs),
            seconds=n_pairs / 60,
        )
    )
    return Part("truncation", tuple(cells), _show)


def counter_example() -> Game:
    """The paper's function of x, with a maximizer who has nothing to say in it.

    Returns
    -------
    Game
    """
    return Game(
        "x - 3 x 1(x <= 0) + 1(x <= 0)",
        lambda x, y: (step_down(x) - y**2).sum(),
        ((_RIGHT,), (0.0,)),
        lambda x, y: abs(float(x)),
        "x = 0 from the right",
    )


def smoothed_slope(t: Array | float, sigma: float) -> Array:
    """Slope of the counter-example smoothed alone, at x = t sigma.

    With slope 1 to the right, -2 to the left, and a jump down by 1 at 0, it is
    Phi(t) - 2 Phi(-t) - phi(t) / sigma.

    Parameters
    ----------
    t : float or ndarray
    sigma : float

    Returns
    -------
    ndarray
    """
    phi = stats.norm
    return np.asarray(phi.cdf(t) - 2 * phi.cdf(-np.asarray(t)) - phi.pdf(t) / sigma)


def smoothed_minimum(sigma: float) -> float:
    """Where the counter-example smoothed alone is lowest, in units of sigma.

    Parameters
    ----------
    sigma : float

    Returns
    -------
    float
    """
    return float(optimize.brentq(lambda t: float(smoothed_slope(t, sigma)), 0.0, 8.0))


def descend(seed: int, n_steps: int) -> Result:
    """Descend from the minimum of the counter-example along its smoothing, not truncated.

    Parameters
    ----------
    seed : int
    n_steps : int

    Returns
    -------
    dict
        ``end``, the mean of the second half, in units of sigma.
    """
    game = counter_example()
    x, y = (torch.tensor(one, dtype=torch.float64, requires_grad=True) for one in game.start)
    minimizer = Player("minimizer", torch.optim.SGD([x], lr=_RATE * _SIGMA), Euclidean())
    maximizer = Player("maximizer", torch.optim.SGD([y], lr=0.1), Euclidean())
    response = SecondOrderAscent(_TOLERANCE)
    h = GreedyValue(minimizer, maximizer, lambda: game.value(x, y), response)
    places = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for _ in range(n_steps):
            minimizer.move(slope(draw(h, _NOWHERE, [x], _SIGMA, _PAIRS), _SIGMA))
            places.append(x.item() / _SIGMA)
    return {"end": float(np.mean(places[n_steps // 2 :]))}


def check_jumps(n_pairs: int) -> Result:
    """Check the minimum of the counter-example, and of a greedy max function that jumps.

    Parameters
    ----------
    n_pairs : int

    Returns
    -------
    dict
        The checks, and ``exact``, |S'| of the second by a walk.
    """
    found: Result = {}
    peaks = two_peaks()
    low = _settled(peaks)
    for name, game, at in (
        ("counter-example", counter_example(), (_RIGHT, 0.0)),
        ("two peaks", peaks, (_LEFT, low)),
    ):
        x, y = (torch.tensor([one], dtype=torch.float64) for one in at)
        found[name] = as_dict(
            check(game, x, y, sigma=_SIGMA, tolerance=_TOLERANCE, n_pairs=n_pairs, seed=0)
        )
    exact = smooth_at(lambda at: greedy_max(peaks, at, low, _TOLERANCE), _LEFT, _SIGMA)
    found["exact"] = abs(exact.slope)
    return found


def _settled(game: Game) -> float:
    # The lower of the two peaks, where it is still one.
    y = torch.tensor([_LOW_PEAK], dtype=torch.float64, requires_grad=True)
    x = torch.tensor([_LEFT], dtype=torch.float64)
    maximizer = Player("maximizer", torch.optim.SGD([y], lr=0.1), Euclidean())
    SecondOrderAscent(_TOLERANCE).answer(maximizer, lambda: game.value(x, y))
    return y.item()


def _show(results: Sequence[Result]) -> Shown:
    *descents, jumps = results
    exact = smoothed_minimum(_SIGMA)
    ends = over_seeds(np.array([one["end"] for one in descents]))
    example, peaks = jumps["counter-example"], jumps["two peaks"]
    claims = (
        judged(
            "smoothing alone moves the minimum of x - 3 x 1(x <= 0) + 1(x <= 0) away from 0: "
            f"where descent on it ends, in units of sigma (at least {_MOVED:g} asked for)",
            f"> 0; exact {exact:.3g}",
            ends,
            shown_at_least(ends, _MOVED),
        ),
        judged(
            f"truncated before it is smoothed, 0 stays where it is: |S'| there (at most "
            f"{_TOLERANCE:g})",
            "0",
            Estimate(*example["min_gradient"]),
            shown_at_most(Estimate(*example["min_gradient"]), _TOLERANCE),
        ),
        judged(
            "the same of a greedy max function that jumps up where it is lowest, as a valley "
            f"between two peaks of f(x, .) closes: |S'| there (at most {_TOLERANCE:g})",
            f"0; exact {jumps['exact']:.2g}",
            Estimate(*peaks["min_gradient"]),
            shown_at_most(Estimate(*peaks["min_gradient"]), _TOLERANCE),
        ),
    )
    table = Table(
        [Column("function"), Column("figure"), Column("ours", "right"), Column("exact", "right")],
        [
            [
                "x - 3 x 1(x <= 0) + 1(x <= 0)",
                "descent on it smoothed alone ends at, in sigma",
                with_interval(ends),
                f"{exact:.3g}",
            ],
            ["", "|S'| at 0, truncated", with_interval(example["min_gradient"]), "0"],
            ["", "check at 0", example["verdict"], "equilibrium"],
            [
                "greedy max of two peaks",
                "|S'| at 0 from below, truncated",
                with_interval(peaks["min_gradient"]),
                f"{jumps['exact']:.2g}",
            ],
            ["", "check at 0 from below", peaks["verdict"], "equilibrium"],
        ],
        f"Truncation before smoothing: sigma = {_SIGMA:g}, {len(descents)} descents",
    )
    text = Text(
        "A greedy max function may jump. Where it jumps up beside its minimum, a Gaussian sees the "
        "height beyond and smoothing leads away from it; truncated at the height of the minimum "
        "first, what is higher counts the same wherever it is."
    )
    return Shown(
        claims,
        (table,),
        lambda: [
            Section("Truncation", [text, table, _figure_of_example(), _figure_of_peaks()]),
        ],
    )


def _figure_of_example() -> Figure:
    wide = np.linspace(-3.0, 3.0, 6001) + 5e-4
    at = np.linspace(-0.6, 0.8, 281)
    f = step_down(torch.from_numpy(wide)).numpy()
    return _figure(
        "f(x) = x - 3 x 1(x <= 0) + 1(x <= 0)",
        wide,
        f,
        0.0,
        at,
        f"The paper's counter-example: smoothed alone (sigma = {_SIGMA:g}) it is lowest "
        f"{smoothed_minimum(_SIGMA):.2g} sigma to the right of its minimum at 0; truncated there "
        "first, S is flat.",
    )


def _figure_of_peaks() -> Figure:
    game = two_peaks()
    wide = np.linspace(-1.6, 1.6, 801)
    g = greedy_max(game, wide, _settled(game), _TOLERANCE)
    return _figure(
        "greedy max function of two peaks",
        wide,
        g,
        float(g[wide <= _LEFT][-1]),
        np.linspace(-0.8, 0.8, 161),
        "The maximizer stays on the lower peak for x < 0 and goes over to the higher one beyond: "
        "the greedy max function is lowest where it jumps. Smoothed alone it is lowest far to the "
        "left; truncated first, S is lowest at the jump and to the right of it.",
    )


def _figure(name: str, wide: Array, g: Array, level: float, at: Array, caption: str) -> Figure:
    inside = (wide >= at[0]) & (wide <= at[-1])
    some = np.flatnonzero(inside)[:: max(1, int(inside.sum()) // 400)]
    return lines(
        {
            name: [
                Line(wide[some], g[some], "as it is"),
                Line(at, smooth_along(g, wide, _SIGMA, at), "smoothed alone"),
                Line(
                    at,
                    smooth_along(np.minimum(g, level), wide, _SIGMA, at),
                    "truncated, then smoothed",
                ),
            ]
        },
        x_label="x",
        caption=caption,
    )
