"""The toy table, in two halves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from equipoise.report import Cell, Column, Table
from equipoise.reproduce.minmax.toys.games import ACCEPT_REJECT, METHODS, TOYS, Toy
from equipoise.reproduce.part import Result

_KINDS: dict[str, Literal["good", "warn", "bad", "none"]] = {
    "solves": "good",
    "settles elsewhere": "warn",
    "cycles": "bad",
    "diverges": "bad",
}


_ABREAST = 4
"""Games of one table: more are wider than a page."""


def toys_tables(found: Mapping[tuple[str, str], Result], n_steps: int) -> tuple[Table, ...]:
    """Where every method ends on every game.

    Parameters
    ----------
    found : mapping from (game, method) to result
    n_steps : int
        Of all methods but accept/reject.

    Returns
    -------
    tuple of Table
        Of a few games each.
    """
    keys = list(TOYS)
    some = [keys[first : first + _ABREAST] for first in range(0, len(keys), _ABREAST)]
    return tuple(_table(found, n_steps, one) for one in some)


def _table(found: Mapping[tuple[str, str], Result], n_steps: int, keys: Sequence[str]) -> Table:
    toys = {key: TOYS[key] for key in keys}
    seeds = len(found["F1", ACCEPT_REJECT]["ends"])
    rows: list[list[str | Cell]] = [
        [method, *(_said(found.get((key, method))) for key in toys)] for method in METHODS
    ]
    rows.append(
        [
            Cell(ACCEPT_REJECT, strong=True),
            *(_said_of_seeds(toy, found[key, ACCEPT_REJECT]) for key, toy in toys.items()),
        ]
    )
    rows.append(["accept/reject, found before", *(toy.found_before for toy in toys.values())])
    names = ", ".join(toy.name for toy in toys.values())
    return Table(
        [
            Column("method"),
            *(Column(toy.name, note=f"answer: {toy.game.answer}") for toy in toys.values()),
        ],
        rows,
        f"Where methods end on {names}: {n_steps} steps, or {seeds} seeds of accept/reject until "
        "20 proposals in a row are refused; beside 'moves on' is the amplitude of the last steps, "
        "beside 'within' the largest distance from the answer",
    )


def _said(result: Result | None) -> Cell:
    if result is None:
        return Cell("–")
    outcome = result["outcome"]
    x, y = result["end"]
    said = {
        "solves": "answer",
        "settles elsewhere": f"wrong point ({_short(x)}, {_short(y)})",
        "cycles": f"moves on, {result['amplitude']:.2g}",
        "diverges": "diverges",
    }[outcome]
    return Cell(said, kind=_KINDS[outcome])


def _said_of_seeds(toy: Toy, result: Result) -> Cell:
    n = len(result["ends"])
    if not sum(result["accepted"]) and any(result["unanswered"]):
        return Cell("no answer to any proposal", kind="warn")
    right = solved(toy, result)
    if right.all():
        return Cell(f"{n} of {n} within {max(result['distances']):.2g}", "good")
    if right.any():
        return Cell(f"answer in {right.sum()} of {n}", "warn")
    x, y = np.median(np.abs(result["ends"]), axis=0)
    value = np.median(result["values"])
    return Cell(f"|x| {x:.2g}, |y| {y:.2g}, f {value:.3g} (medians)", "warn")


def _short(value: float) -> str:
    return "0" if abs(value) < 5e-4 else f"{value:.2g}"


def solved(toy: Toy, result: Result) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which seeds of accept/reject ended at the answer.

    What x has to gain on the last stretch to 0 is less than delta, so that it is x that is judged,
    but for games whose answers are lines.

    Parameters
    ----------
    toy : Toy
    result : dict

    Returns
    -------
    ndarray of bool, shape (n,)
    """
    ends = np.array(result["ends"])
    by_line = toy.game.name in ("wave", "convex response")
    distance = np.array(result["distances"]) if by_line else np.abs(ends[:, 0])
    return np.asarray(distance <= toy.within)
