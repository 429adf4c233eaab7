"""Points of well-known games: what the check says of them, beside an exact walk."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial

import torch

from equipoise.audit import Estimate
from equipoise.report import Cell as Shade
from equipoise.report import Column, Section, Table, Text
from equipoise.reproduce.claim import Claim, Verdict
from equipoise.reproduce.greedy_equilibrium.exact import greedy_max, smooth_at
from equipoise.reproduce.greedy_equilibrium.published import (
    GAMES,
    SIGMA,
    TOLERANCE,
    Named,
)
from equipoise.reproduce.greedy_equilibrium.search import as_dict, check
from equipoise.reproduce.judge import judged, share
from equipoise.reproduce.part import Cell, Part, Result, Shown

_FORMAT = 1


def points_part(n_pairs: int, named: Sequence[Named]) -> Part:
    """The points, each in a cell.

    Parameters
    ----------
    n_pairs : int
        Pairs of draws of a check.
    named : sequence of Named

    Returns
    -------
    Part
    """
    cells = tuple(
        Cell(
            f"{one.name} at ({one.x:g}, {one.y:g})",
            {"format": _FORMAT, "point": asdict(one), "n_pairs": n_pairs},
            partial(look_at, one, n_pairs),
            seconds=n_pairs / 100,
        )
        for one in named
    )
    return Part("points", cells, partial(_show, tuple(named), n_pairs))


def look_at(point: Named, n_pairs: int) -> Result:
    """Check a point, and work the same out exactly.

    Parameters
    ----------
    point : Named
    n_pairs : int

    Returns
    -------
    dict
        The check, and ``exact`` slope, bend and share of draws that improve.
    """
    game = GAMES[point.key]
    x, y = (torch.tensor([one], dtype=torch.float64) for one in (point.x, point.y))
    found = check(game, x, y, sigma=SIGMA, tolerance=TOLERANCE, n_pairs=n_pairs, seed=0)
    exact = smooth_at(lambda at: greedy_max(game, at, point.y, TOLERANCE), point.x, SIGMA)
    return {**as_dict(found), "exact": [abs(exact.slope), exact.bend, exact.improving]}


def _show(named: Sequence[Named], n_pairs: int, results: Sequence[Result]) -> Shown:
    import numpy as np

    claims = [_claim(point, found) for point, found in zip(named, results, strict=True)]
    held = np.array([_held(found) for found in results])
    one = share(held)
    claims.append(
        Claim(
            "the interval of |S'| that draws give holds the value of an exact walk: share of "
            "these points (for 95 % intervals, at least 90 % asked for)",
            "0.95 by design",
            *one,
            "holds" if one.value >= 0.9 else "does not hold",
        )
    )
    tables = _slopes(named, n_pairs, results), _bends(named, n_pairs, results)
    text = Text(
        "The paper has no experiments. S is the greedy max function of x, truncated at its height "
        "at the point and smoothed; a point is an equilibrium where y is a second-order local "
        f"maximum and S is flat and not curved down, to eps = {TOLERANCE:g}. Beside the "
        "check by draws stands the greedy max function itself, walked both ways from y on a grid, "
        "and integrated by quadrature. Truncation keeps one side of a slope, so that |S'| is half "
        "of it."
    )
    return Shown(tuple(claims), tables, lambda: [Section("Known points", [text, *tables])])


def _held(found: Result) -> bool:
    # The check follows one path, the walk stops on a grid: neither is exact to rounding.
    _, low, high = found["min_gradient"]
    return bool(low - 1e-3 <= found["exact"][0] <= high + 1e-3)


def _claim(point: Named, found: Result) -> Claim:
    kind = "an equilibrium" if point.is_equilibrium else "no equilibrium"
    told = {"equilibrium": True, "no equilibrium": False, "undecided": None}[found["verdict"]]
    verdict: Verdict = "cannot be told" if told is None else "does not hold"
    if told is point.is_equilibrium:
        verdict = "holds"
    at = f"{point.name} at ({point.x:g}, {point.y:.3g}) is {kind} ({point.why})"
    limit = math.sqrt(TOLERANCE)
    if found["max_curvature"][1] > limit and found["exact"][0] < TOLERANCE:
        figure = Estimate(*found["max_curvature"])
        return judged(f"{at}: curvature in y, to be above {limit:g}", "2, exact", figure, verdict)
    return judged(
        f"{at}: |S'|",
        f"exact {in_digits(found['exact'][0])}",
        Estimate(*found["min_gradient"]),
        verdict,
    )


def _slopes(named: Sequence[Named], n_pairs: int, results: Sequence[Result]) -> Table:
    rows: list[list[str | Shade]] = []
    for point, found in zip(named, results, strict=True):
        right = (found["verdict"] == "equilibrium") is point.is_equilibrium
        rows.append(
            [
                *_whose(point),
                f"{found['max_gradient']:.2g}",
                f"{found['max_curvature'][0]:.3g}",
                shown(found["min_gradient"]),
                in_digits(found["exact"][0]),
                point.found_before or "–",
                Shade(found["verdict"], kind="good" if right else "bad"),
            ]
        )
    return Table(
        [
            Column("game"),
            Column("(x, y)", "right"),
            Column("|f_y|", "right", "projected"),
            Column("f_yy", "right"),
            Column("|S'|", "right", "by draws"),
            Column("|S'|", "right", "exact walk"),
            Column("|S'|", "right", "found before"),
            Column("check"),
        ],
        rows,
        f"Slopes at points of known games, and what the check says: eps = {TOLERANCE:g}, sigma = "
        f"{SIGMA:g}, {n_pairs} antithetic pairs of draws, 95 % intervals",
    )


def _bends(named: Sequence[Named], n_pairs: int, results: Sequence[Result]) -> Table:
    rows: list[list[str | Shade]] = []
    for point, found in zip(named, results, strict=True):
        _, bend, improving = found["exact"]
        rows.append(
            [
                *_whose(point),
                shown(found["min_curvature"]),
                in_digits(bend),
                f"{found['improving'][0]:.1%}",
                f"{improving:.1%}",
            ]
        )
    return Table(
        [
            Column("game"),
            Column("(x, y)", "right"),
            Column("S''", "right", "by draws"),
            Column("S''", "right", "exact walk"),
            Column("improving", "right", "by draws"),
            Column("improving", "right", "exact walk"),
        ],
        rows,
        f"Curvatures at the same points, and shares of draws that improve: {n_pairs} pairs, 95 % "
        "intervals",
    )


def _whose(point: Named) -> tuple[str, str]:
    return point.name, f"({point.x:g}, {point.y:.3g})"


def shown(found: Sequence[float]) -> str:
    """A value with its interval, in few digits.

    Parameters
    ----------
    found : sequence of float, length 3
        Value, low, high.

    Returns
    -------
    str
    """
    value, low, high = (in_digits(one) for one in found)
    return f"{value} [{low}, {high}]"


def in_digits(value: float) -> str:
    """Three digits of a value, and none of rounding errors.

    Parameters
    ----------
    value : float

    Returns
    -------
    str
    """
    return "0" if abs(value) < 5e-5 else f"{value:.3g}"
