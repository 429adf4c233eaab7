"""The search from random starts: what it returns, and its paths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial

import numpy as np
import torch

from equipoise.audit import Estimate
from equipoise.optim.minmax.games import Game
from equipoise.report import Column, Field, Figure, Section, Table, Text, Trail, contours
from equipoise.reproduce.greedy_equilibrium.games import two_peaks, waves
from equipoise.reproduce.greedy_equilibrium.published import GAMES
from equipoise.reproduce.greedy_equilibrium.saddles import accepted
from equipoise.reproduce.greedy_equilibrium.search import (
    Settings,
    draw_start,
    searched_and_checked,
)
from equipoise.reproduce.judge import judged, shown_at_least
from equipoise.reproduce.part import Cell, Part, Result, Shown

_FORMAT = 2
_LIMIT = 0.9
_DRAWN = 4
# Half a side of where starts lie. Max over y of F3 falls again beyond 8.1; the greedy path of the
# two peaks has no end far out to the left.
_REACH = {"F1": 6.0, "F3": 6.0, "wave": 6.0, "box": 5.0, "two peaks": 1.5, "random": 5.0}
NAMES = {
    "F1": "F1, |x|, |y| <= 6",
    "F3": "F3, |x|, |y| <= 6",
    "wave": "sin(x + y)",
    "box": "x y in a box of 5",
    "two peaks": "two peaks, a greedy max function that jumps",
}


def game_of(key: str, seed: int) -> Game:
    """A game by its name, or a random one.

    Parameters
    ----------
    key : str
        Of :data:`NAMES`, or "random".
    seed : int
        Of the random one.

    Returns
    -------
    Game
    """
    if key == "random":
        return waves(1, seed)
    return two_peaks() if key == "two peaks" else GAMES[key]


def starts_part(
    n_random: int, n_named: int, settings: Settings, keys: Sequence[str] = tuple(NAMES)
) -> Part:
    """Searches, each in a cell.

    Parameters
    ----------
    n_random : int
        Random games, with one start each.
    n_named : int
        Starts of each named game.
    settings : Settings
    keys : sequence of str
        The named games, of :data:`NAMES`.

    Returns
    -------
    Part
    """
    runs = [("random", seed) for seed in range(n_random)]
    runs += [(key, seed) for key in keys for seed in range(n_named)]
    cells = tuple(
        Cell(
            f"search, {key}, start {seed}",
            {"format": _FORMAT, "game": key, "seed": seed, "settings": asdict(settings)},
            partial(run_start, key, seed, settings),
            seconds=2.0,
        )
        for key, seed in runs
    )
    return Part("starts", cells, partial(_show, runs, settings))


def run_start(key: str, seed: int, settings: Settings) -> Result:
    """One search.

    Parameters
    ----------
    key : str
    seed : int
        Of the start and the draws, and of a random game.
    settings : Settings

    Returns
    -------
    dict
    """
    game = game_of(key, seed)
    x, y = draw_start(game, seed, _REACH[key])
    if key == "two peaks":  # which are to be told apart, from the lower one
        x, y = x - _REACH[key], torch.full_like(y, -1.0)
    return searched_and_checked(game, x, y, settings, seed)


def _show(runs: Sequence[tuple[str, int]], settings: Settings, results: Sequence[Result]) -> Shown:
    of: dict[str, list[Result]] = {key: [] for key in dict.fromkeys(key for key, _ in runs)}
    for (key, _), found in zip(runs, results, strict=True):
        of[key].append(found)
    of_all = accepted([one["check"] for one in results])
    asked = float(sum(one["x_gradients"] for one in results))
    claims = (
        judged(
            "one exists, and the search returns it from any start: share of searches, of random "
            f"bounded games and named ones, whose end the check accepts (at least {_LIMIT:g} asked "
            "for)",
            "1",
            of_all,
            shown_at_least(of_all, _LIMIT),
        ),
        judged(
            "the search asks for no gradient in x: how many times it did, in all searches",
            "0",
            Estimate(asked, asked, asked),
            "holds" if asked == 0 else "does not hold",
        ),
    )
    table = _table(of, settings)
    return Shown(claims, (table,), partial(_sections, of, settings, table))


def _table(of: dict[str, list[Result]], settings: Settings) -> Table:
    rows = []
    for key, found in of.items():
        verdicts = [one["check"]["verdict"] for one in found]
        farthest = max(one["distance"] for one in found)
        rows.append(
            [
                NAMES.get(key, "random games, one start each"),
                str(len(found)),
                str(sum(one["stopped"] for one in found)),
                str(verdicts.count("equilibrium")),
                str(verdicts.count("undecided")),
                "–" if key == "random" else f"{farthest:.3g}",
                f"{np.median([one['steps'] for one in found]):.0f}",
                f"{np.median([one['evaluations'] for one in found]):.0f}",
            ]
        )
    return Table(
        [
            Column("game"),
            Column("starts", "right"),
            Column("stopped", "right"),
            Column("accepted", "right", "by the check"),
            Column("undecided", "right"),
            Column("distance", "right", "to the answer, largest"),
            Column("steps", "right", "median"),
            Column("evaluations", "right", "of f, median"),
        ],
        rows,
        f"Searches from random starts: eps = {settings.tolerance:g}, sigma = {settings.sigma:g}, "
        f"{settings.patience} failures in a row before a descent",
    )


def _sections(of: dict[str, list[Result]], settings: Settings, table: Table) -> list[Section]:
    text = Text(
        "The search draws a move of x, has y climb a greedy path, and keeps both if the value "
        "fell; after many failures it descends on the smoothing, and ends where that does not help "
        "either. Its end is checked with draws that it has not seen. The constants of the theorem "
        "are polynomials that no machine could run; these are free, and the same for all games."
    )
    drawn = [_figure(key, of[key][:_DRAWN]) for key in of if key in NAMES]
    return [Section("The search from random starts", [text, table, *drawn])]


def _figure(key: str, found: Sequence[Result]) -> Figure:
    game = game_of(key, 0)
    places = np.array([place for one in found for place in one["path"]])
    low, high = places.min(0), places.max(0)
    room = 0.08 * np.maximum(high - low, 1.0)
    across, up = (np.linspace(a, b, 90) for a, b in zip(low - room, high + room, strict=True))
    every = torch.vmap(torch.vmap(lambda a, b: game.value(a[None], b[None]), (0, None)), (None, 0))
    values = every(torch.from_numpy(across), torch.from_numpy(up)).numpy()
    trails = [
        Trail([x for x, _ in one["path"]], [y for _, y in one["path"]], f"start {i + 1}")
        for i, one in enumerate(found)
    ]
    return contours(
        Field(across, up, values),
        {"moves that were kept": trails},
        x_label="x",
        y_label="y",
        title=NAMES[key],
        caption="From the small dots to the markers; x makes the function small and y large.",
    )
