"""What a part of this re-run is: cells that are run once and kept, and what they show."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from equipoise.learn.threads import one_thread
from equipoise.report import Section, Table
from equipoise.reproduce.ahead import Work
from equipoise.reproduce.claim import Claim, Tier
from equipoise.reproduce.kept import Kept, name_of

Result = dict[str, Any]
"""What came of a cell, as JSON can hold it, without NaN."""

_FORMAT = 1


@dataclass(frozen=True)
class Cell:
    """One piece of work that is not divided further.

    Attributes
    ----------
    title : str
        What the progress bar says.
    decides : mapping
        All that decides the result, as JSON can hold it: the cell is found again by it.
    run : callable
        Makes the result. Another process has to be able to import it: a function of a module, or
        a `functools.partial` of one with plain arguments.
    seconds : float
        A guess of how long it takes on one core. Long ones are begun first.
    """

    title: str
    decides: Mapping[str, Any]
    run: Callable[[], Result]
    seconds: float = 1.0


@dataclass(frozen=True)
class Shown:
    """What a part has to say.

    Attributes
    ----------
    claims : tuple of Claim
    tables : tuple of Table
        Printed in the terminal, and for `draw` to put where they belong.
    draw : callable
        Makes the sections of the page, tables included. Called only where a page is written, as
        figures take a while.
    """

    claims: tuple[Claim, ...]
    tables: tuple[Table, ...]
    draw: Callable[[], Sequence[Section]]


@dataclass(frozen=True)
class Part:
    """One experiment of the re-run.

    Attributes
    ----------
    name : str
        It decides, with what `Cell.decides` says, under which name a result is kept.
    cells : tuple of Cell
    show : callable
        From the results, in the order of the cells, to what there is to say.
    notes : tuple of str
        Sentences for the top of the page: what was made smaller than published, or is not re-run
        for want of data.
    """

    name: str
    cells: tuple[Cell, ...]
    show: Callable[[Sequence[Result]], Shown]
    notes: tuple[str, ...] = ()


MakePart = Callable[[Tier, Path | None], Part]
"""From the tier and the folder of data, if there is one, to a part."""


def find_results(
    part: Part, folder: Path | None, told: Callable[[str], None] | None = None
) -> list[Result]:
    """Run the cells of a part, but those that have been run.

    Parameters
    ----------
    part : Part
    folder : Path or None
        Where results are kept.
    told : callable, optional
        Told the title of a cell before it is run or found.

    Returns
    -------
    list of dict
        In the order of the cells.
    """
    kept = _kept(folder, told)
    return [kept.get(_name(part, cell), cell.title, partial(_run, cell)) for cell in part.cells]


def work_of(parts: Sequence[Part], folder: Path) -> list[Work]:
    """The cells of parts, as work for :func:`equipoise.reproduce.ahead.work_ahead`.

    Parameters
    ----------
    parts : sequence of Part
    folder : Path

    Returns
    -------
    list of (str, callable)
        The longest first.
    """
    cells = sorted(_cells(parts), key=lambda found: -found[1].seconds)
    return [(cell.title, partial(_work, folder, name, cell)) for name, cell in cells]


def _cells(parts: Sequence[Part]) -> Iterator[tuple[str, Cell]]:
    for part in parts:
        for cell in part.cells:
            yield _name(part, cell), cell


def _name(part: Part, cell: Cell) -> str:
    return name_of({"format": _FORMAT, "part": part.name, **cell.decides})


def _work(folder: Path, name: str, cell: Cell) -> None:
    _kept(folder).get(name, cell.title, partial(_run, cell))


def _kept(folder: Path | None, told: Callable[[str], None] | None = None) -> Kept[Result]:
    return Kept(None if folder is None else folder / "cells", dict, dict, told)


@one_thread()
def _run(cell: Cell) -> Result:
    # What is found again is what was found: lists for tuples, text for numbers that are keys.
    found: Result = json.loads(json.dumps(cell.run(), allow_nan=False))
    return found
