"""On convex-concave games equilibria are the min-max points."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from equipoise.optim.minmax import games
from equipoise.optim.minmax.games import Game
from equipoise.report import Column, Section, Table, Text
from equipoise.reproduce.greedy_equilibrium.saddles import accepted
from equipoise.reproduce.greedy_equilibrium.search import (
    Settings,
    as_dict,
    decide,
    draw_start,
    searched_and_checked,
)
from equipoise.reproduce.judge import judged, over_seeds, share, shown_at_least, shown_at_most
from equipoise.reproduce.part import Cell, Part, Result, Shown

_FORMAT = 2
_LARGE, _SMALL = 50, 2
_APART, _REACH = 0.5, 3.0
_LIMIT, _GAP_LIMIT = 0.8, 0.01


def convex_part(
    dimensions: Sequence[int], searched: Sequence[int], n_each: int, settings: Settings
) -> Part:
    """Checks at the answers and beside them, and searches, each in a cell.

    Parameters
    ----------
    dimensions : sequence of int
        Of the quadratics whose points are checked; 1 stands for the product in a box.
    searched : sequence of int
        Of those that are searched.
    n_each : int
        Games of each dimension; of the costly ones there are fewer.
    settings : Settings

    Returns
    -------
    Part
    """
    cells, kinds = [], []
    for kind, some in (("answer", dimensions), ("beside", dimensions), ("search", searched)):
        for d in some:
            for seed in range(_n_seeds(kind, d, n_each)):
                kinds.append((kind, d))
                cells.append(
                    Cell(
                        f"convex-concave in {d} dimensions: {kind} {seed}",
                        {
                            "format": _FORMAT,
                            "kind": kind,
                            "d": d,
                            "seed": seed,
                            "settings": asdict(settings),
                        },
                        partial(run_convex, kind, d, seed, settings),
                        seconds=1 + d / 5,
                    )
                )
    return Part("convex-concave", tuple(cells), partial(_show, kinds, settings))


def _n_seeds(kind: str, d: int, n_each: int) -> int:
    costly = d >= _LARGE or (kind == "search" and d > _SMALL)
    return max(1, n_each // 4) if costly else n_each


class Quadratic:
    """A game, its answer from a linear solve, and max over y of it.

    Parameters
    ----------
    d : int
        1 for the product in a box of 5, whose answers are at x = 0.
    seed : int
    """

    def __init__(self, d: int, seed: int) -> None:
        self.d = d
        self.game: Game = games.bilinear(5.0) if d == 1 else games.quadratic(d, seed=seed)
        zero = torch.zeros(2 * d, dtype=torch.float64)

        def value(z: Tensor) -> Tensor:
            return self.game.value(z[:d], z[d:])

        self._slope = torch.func.grad(value)(zero)
        self._bend: Tensor = torch.autograd.functional.hessian(value, zero)
        self.x = torch.linalg.solve(self._bend, -self._slope)[:d]

    def best_answer(self, x: Tensor) -> Tensor:
        """The y that makes the value largest.

        Parameters
        ----------
        x : Tensor, shape (d,)

        Returns
        -------
        Tensor, shape (d,)
        """
        d = self.d
        if d == 1:
            return torch.where(x >= 0, 5.0, -5.0).to(x)
        pull = self._slope[d:] + self._bend[d:, :d] @ x
        return torch.linalg.solve(-self._bend[d:, d:], pull)

    def gap(self, x: Tensor) -> float:
        """By how much max over y at x is larger than where it is smallest.

        Parameters
        ----------
        x : Tensor, shape (d,)

        Returns
        -------
        float
        """
        here, best = (self.game.value(a, self.best_answer(a)) for a in (x, self.x))
        return float(here - best)


def run_convex(kind: str, d: int, seed: int, settings: Settings) -> Result:
    """Check the answer, or a point beside it with y at its best, or search.

    Parameters
    ----------
    kind : {"answer", "beside", "search"}
    d, seed : int
    settings : Settings

    Returns
    -------
    dict
        The check; of a search also the ``gaps`` of the start and of the end.
    """
    at = Quadratic(d, seed)
    if kind == "search":
        x, y = draw_start(at.game, seed, _REACH)
        # More draws are in vain in more dimensions, where few lead down.
        patient = replace(settings, patience=settings.patience * math.ceil(math.sqrt(d)))
        found = searched_and_checked(at.game, x, y, patient, seed)
        end = torch.tensor(found["x"], dtype=torch.float64)
        return {
            "check": found["check"],
            "gaps": [at.gap(x), at.gap(end)],
            "evaluations": found["evaluations"],
        }
    x = at.x
    if kind == "beside":
        stream = torch.Generator().manual_seed(seed)
        way = torch.randn(d, generator=stream, dtype=torch.float64)
        x = x + _APART * way / way.norm()
    found_there = decide(
        at.game,
        x,
        at.best_answer(x),
        sigma=settings.width(d),
        tolerance=settings.tolerance,
        n_pairs=settings.n_pairs,
        seed=seed,
    )
    return {"check": as_dict(found_there)}


def _show(kinds: Sequence[tuple[str, int]], settings: Settings, results: Sequence[Result]) -> Shown:
    of: dict[tuple[str, int], list[Result]] = {}
    for kind, found in zip(kinds, results, strict=True):
        of.setdefault(kind, []).append(found)

    def every(kind: str) -> list[Result]:
        return [one for (name, _), some in of.items() if name == kind for one in some]

    at_answer = accepted([one["check"] for one in every("answer")])
    refused = share(np.array([_is_refused(one) for one in every("beside")]))
    left = over_seeds(
        np.concatenate([_left(some) for (kind, _), some in of.items() if kind == "search"])
    )
    claims = (
        judged(
            "convex-concave games: min-max points are equilibria (x y in a box; quadratics "
            "against the linear solve): share that the check accepts (at least "
            f"{_LIMIT:g} asked for)",
            "1",
            at_answer,
            shown_at_least(at_answer, _LIMIT),
        ),
        judged(
            f"convex-concave games: points {_APART:g} away with the best y are none: share that "
            f"the check refuses (at least {_LIMIT:g} asked for)",
            "1",
            refused,
            shown_at_least(refused, _LIMIT),
        ),
        judged(
            "convex-concave games: the search ends at the min-max value: gap at the end, over "
            f"the mean gap of starts (at most {_GAP_LIMIT:g} asked for)",
            "0",
            left,
            shown_at_most(left, _GAP_LIMIT),
        ),
    )
    dimensions = list(dict.fromkeys(d for _, d in of))
    table = Table(
        [
            Column("game"),
            Column("at the answer", "right", "accepted"),
            Column("beside it", "right", "refused"),
            Column("searches", "right", "end accepted"),
            Column("gap left", "right", "largest, of the mean at starts"),
            Column("evaluations", "right", "of f, median"),
        ],
        [
            [
                "x y in a box" if d == 1 else f"quadratic, {d} dimensions each",
                _counted(of.get(("answer", d), []), _is_accepted),
                _counted(of.get(("beside", d), []), _is_refused),
                _counted(of.get(("search", d), []), _is_accepted),
                *_searches(of.get(("search", d), [])),
            ]
            for d in dimensions
        ],
        f"Convex-concave games: eps = {settings.tolerance:g}, sigma = {settings.sigma:g} over the "
        "root of the dimension",
    )
    text = Text(
        "The gap at x is max over y of f there, less the min-max value. Quadratics are strongly "
        "convex-concave on the whole space, and no path here goes far; the theorem asks for a "
        "compact set."
    )
    return Shown(claims, (table,), lambda: [Section("Convex-concave games", [text, table])])


def _left(found: Sequence[Result]) -> NDArray[np.float64]:
    # Of games of one kind; a start may happen to be at the answer, so that its own gap is no unit.
    start, end = np.array([one["gaps"] for one in found]).T
    return np.asarray(end / start.mean())


def _is_accepted(found: Result) -> bool:
    return bool(found["check"]["verdict"] == "equilibrium")


def _is_refused(found: Result) -> bool:
    return bool(found["check"]["verdict"] == "no equilibrium")


def _counted(found: Sequence[Result], which: Callable[[Result], bool]) -> str:
    return f"{sum(map(which, found))} of {len(found)}" if found else "–"


def _searches(found: Sequence[Result]) -> tuple[str, str]:
    if not found:
        return "–", "–"
    return (
        f"{_left(found).max():.2%}",
        f"{np.median([one['evaluations'] for one in found]):.0f}",
    )
