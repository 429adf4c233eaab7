"""How many evaluations a search takes, against eps and against the dimension."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from equipoise.audit import Estimate
from equipoise.report import Column, Figure, Line, Section, Table, Text, lines
from equipoise.reproduce.claim import Claim
from equipoise.reproduce.greedy_equilibrium.games import waves
from equipoise.reproduce.greedy_equilibrium.search import Settings, draw_start, search
from equipoise.reproduce.judge import CONFIDENCE, judged, over_seeds, shown_at_most
from equipoise.reproduce.part import Cell, Part, Result, Shown

Array = NDArray[np.float64]

_FORMAT = 2
_REACH = 5.0
# What is called a modest power here; the theorem says that there is one and not which.
_LIMIT = 3.0


@dataclass(frozen=True)
class Grid:
    """Which searches are counted.

    Attributes
    ----------
    tolerances : tuple of float
        In one dimension.
    dimensions : tuple of int
    n_games : int
        Random games of each.
    tolerance : float
        At which the dimensions are searched.
    """

    tolerances: tuple[float, ...]
    dimensions: tuple[int, ...]
    n_games: int
    tolerance: float = 0.03


def work_part(grid: Grid, settings: Settings) -> Part:
    """Searches of random games, each in a cell.

    Parameters
    ----------
    grid : Grid
    settings : Settings

    Returns
    -------
    Part
    """
    runs = [("eps", eps, 1) for eps in grid.tolerances]
    runs += [("d", grid.tolerance, d) for d in grid.dimensions]
    every = [(*run, seed) for run in runs for seed in range(grid.n_games)]
    cells = tuple(
        Cell(
            f"evaluations at eps = {eps:g} in {d} dimensions, game {seed}",
            {
                "format": _FORMAT,
                "d": d,
                "seed": seed,
                "settings": asdict(replace(settings, tolerance=eps)),
            },
            partial(count, d, seed, replace(settings, tolerance=eps)),
            seconds=0.5 + d,
        )
        for _, eps, d, seed in every
    )
    return Part("work", cells, partial(_show, every, grid.tolerance, settings))


def count(d: int, seed: int, settings: Settings) -> Result:
    """Search one random game.

    Parameters
    ----------
    d, seed : int
    settings : Settings

    Returns
    -------
    dict
        ``evaluations``, and whether it ``stopped``.
    """
    game = waves(d, seed)
    found = search(game, *draw_start(game, seed, _REACH), settings, seed)
    return {name: found[name] for name in ("evaluations", "steps", "stopped")}


@dataclass(frozen=True)
class Power:
    """A power law fitted to counts, and how it compares with an exponential.

    Attributes
    ----------
    exponent : Estimate
    residual, exponential_residual : float
        Root mean squares of the logarithm of the counts' means about either law.
    """

    exponent: Estimate
    residual: float
    exponential_residual: float


def fit_power(x: Array, counts: Array) -> Power:
    """Fit counts that grow with x, as a x^b on logarithms, with Student's interval over games.

    Every game has an exponent of its own, and they are averaged.

    Parameters
    ----------
    x : ndarray, shape (k,)
    counts : ndarray, shape (k, r)
        Of r games.

    Returns
    -------
    Power
    """
    logs = np.log(counts)
    exponents = np.polyfit(np.log(x), logs, 1)[0]
    mean = logs.mean(1)

    def residual(places: Array) -> float:
        line = np.polyval(np.polyfit(places, mean, 1), places)
        return float(np.sqrt(((mean - line) ** 2).mean()))

    return Power(over_seeds(exponents), residual(np.log(x)), residual(x))


def _show(
    runs: Sequence[tuple[str, float, int, int]],
    tolerance: float,
    settings: Settings,
    results: Sequence[Result],
) -> Shown:
    tables: dict[str, tuple[Array, Array]] = {}
    for kind in ("eps", "d"):
        places: dict[float, list[int]] = {}
        for (of, eps, d, _), found in zip(runs, results, strict=True):
            if of == kind:
                places.setdefault(1 / eps if kind == "eps" else float(d), []).append(
                    found["evaluations"]
                )
        x = np.array(sorted(places))
        tables[kind] = x, np.array([places[at] for at in x], dtype=float)
    powers = {kind: fit_power(*pair) for kind, pair in tables.items()}
    names = {"eps": "1 / eps", "d": "the dimension of either player"}
    claims = tuple(_claim(names[kind], powers[kind], tables[kind][0]) for kind in tables)
    table = _table(tables, powers, all(one["stopped"] for one in results), tolerance, settings)
    text = Text(
        "Evaluations of f, each with whatever derivatives in y were asked for there, until the "
        "search stops, on random bounded games. How many failures in a row end it, and how many "
        "draws a step of the descent has, are the same for all of these, where the theorem's grow "
        "with 1 / eps and the dimension; what a move must gain shrinks as eps does, and sigma as "
        "the root of the dimension."
    )
    return Shown(claims, (table,), lambda: [Section("Evaluations", [text, table, _figure(tables)])])


def _claim(name: str, power: Power, x: Array) -> Claim:
    better = power.residual <= power.exponential_residual
    verdict = shown_at_most(power.exponent, _LIMIT)
    text = (
        f"evaluations are polynomial in {name}: the exponent from {x[0]:g} to {x[-1]:g} (at most "
        f"{_LIMIT:g} asked for)"
    )
    if not better and verdict == "holds":
        return Claim(
            f"{text}; with the condition that an exponential fits these few no worse",
            "some power",
            *power.exponent,
            "holds with a condition",
        )
    return judged(text, "some power", power.exponent, verdict)


def _table(
    tables: dict[str, tuple[Array, Array]],
    powers: dict[str, Power],
    all_stopped: bool,
    tolerance: float,
    settings: Settings,
) -> Table:
    rows = []
    for kind, (x, counts) in tables.items():
        for at, some in zip(x, counts, strict=True):
            low, middle, high = np.quantile(some, [0.1, 0.5, 0.9])
            rows.append(
                [
                    f"eps = {1 / at:.3g}" if kind == "eps" else f"eps = {tolerance:g}",
                    "1" if kind == "eps" else f"{at:g}",
                    f"{middle:.0f}",
                    f"{low:.0f} to {high:.0f}",
                ]
            )
        found = powers[kind].exponent
        rows.append(
            [
                f"exponent of {'1 / eps' if kind == 'eps' else 'd'}",
                "",
                f"{found.value:.2f}",
                f"{found.low:.2f} to {found.high:.2f} (95 %)",
            ]
        )
    said = "all searches stopped by themselves" if all_stopped else "some searches did not stop"
    return Table(
        [
            Column("tolerance"),
            Column("d", "right", "of either player"),
            Column("evaluations", "right", "median"),
            Column("spread", "right", "tenth to nine tenths of games"),
        ],
        rows,
        f"Evaluations of f on random games, {settings.patience} failures in a row before a "
        f"descent; {said}",
    )


def _figure(tables: dict[str, tuple[Array, Array]]) -> Figure:
    panels = {}
    for kind, (x, counts) in tables.items():
        logs = np.log10(counts)
        half = stats.t.isf((1 - CONFIDENCE) / 2, logs.shape[1] - 1) * logs.std(1, ddof=1)
        half /= math.sqrt(logs.shape[1])
        name = "1 / eps, in one dimension" if kind == "eps" else "the dimension"
        mean = logs.mean(1)
        panels[f"log10 of evaluations, against {name}"] = [
            Line(np.log10(x), mean, "mean over games", mean - half, mean + half)
        ]
    return lines(
        panels,
        x_label="log10 of 1 / eps, or of the dimension",
        caption="A power law is a straight line here; bands are 95 % intervals of the mean.",
    )
