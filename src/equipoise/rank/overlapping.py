"""Bounds of groups that overlap: an integer program, or a linear one that is rounded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.rank.bounds import Bound
from equipoise.rank.candidates import Candidates
from equipoise.rank.disjoint import Placed, place
from equipoise.rank.program import Limits, Program, refuse
from equipoise.rank.windows import Windows
from equipoise.shares import find_group

Array = NDArray[np.float64]

LARGEST_WHOLE = 20_000
"""Pairs of items and positions up to which an integer program is solved."""
LARGEST = 400_000
"""Pairs up to which there is an answer at all."""

_SECONDS = 120.0
_MENDINGS = 4
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Placing:
    """Who comes where, and by how much bounds are broken.

    Attributes
    ----------
    placed : Placed
    shortfall : dict of (str, int)
    """

    placed: Placed
    shortfall: dict[str, int]


def limits_of(
    bounds: Sequence[Bound],
    names: Sequence[str],
    patterns: NDArray[Any],
    cell_sizes: NDArray[np.int64],
    n: int,
) -> Limits:
    """What bounds of groups ask of every prefix.

    Parameters
    ----------
    bounds : sequence of Bound
    names : sequence of str, length g
    patterns : ndarray of bool or float, shape (cells, g)
        To which groups the members of each cell belong, or how probably.
    cell_sizes : ndarray of int, shape (cells,)
        Members of each cell.
    n : int

    Returns
    -------
    Limits
        Of the groups that are bounded; those that follow from others are left out.
    """
    # Of expected sizes, whole people can be asked for.
    sizes = np.floor(cell_sizes @ patterns.astype(np.float64) + _ROUNDING)
    n_rows = int(cell_sizes.sum())
    bounded = sorted({find_group(bound, names) for bound in bounds})
    least = np.full((n, len(bounded)), -np.inf)
    most = np.full((n, len(bounded)), np.inf)
    k = np.arange(1, n + 1)
    for bound in bounds:
        g = bounded.index(find_group(bound, names))
        size = int(sizes[bounded[g]])
        count = np.searchsorted(bound.places(n, size, n_rows - size), k, "right")
        if bound.sense == ">=":
            # Counts grow, so that only where more is asked for something is asked.
            rises = np.diff(count, prepend=0) > 0
            least[rises, g] = np.maximum(least[rises, g], count[rises])
        else:
            binds = count < k
            most[binds, g] = np.minimum(most[binds, g], count[binds])
    names_of = tuple(names[g] for g in bounded)
    return Limits(names_of, patterns[:, bounded].astype(np.float64), least, most)


def place_overlapping(candidates: Candidates, limits: Limits, discount: Array) -> Placing:
    """Place items so that the discounted sum of scores is largest under limits of groups.

    Even to say whether bounds of groups that overlap can be kept is NP-hard (Celis, Straszak and
    Vishnoi, ICALP 2018). A linear program divides positions among cells, and whole ones are
    chosen best such that each cell has in each prefix what it had there, rounded up or down. Most
    often that loses nothing, which proves it best. If it does, up to some size an integer
    program says what is best. Beyond it a group that consists of r cells can be short by less than
    r in some prefixes; then more is asked for there, and the linear program solved again.

    Parameters
    ----------
    candidates : Candidates
        With cells for groups: those who are in the same groups.
    limits : Limits
    discount : ndarray, shape (n,)

    Returns
    -------
    Placing

    Raises
    ------
    InfeasibleError
        If no ranking keeps the limits.
    ValueError
        If there are too many positions and cells.
    """
    program = Program(candidates, limits, discount)
    size = program.size
    small = size <= LARGEST_WHOLE
    if size > LARGEST:
        raise _too_large(program, f"{size:,} pairs of items and positions, more than {LARGEST:,}")
    counts, value, done = program.solve(whole=False, seconds=_SECONDS)
    if counts is None and not done:
        raise _too_large(program, f"more than {_SECONDS:.0f} seconds of work")
    if counts is None:
        raise refuse(candidates.sizes, limits, whole=small)
    rounded = _rounded(program, counts, value)
    if rounded.placed.bound is None:
        return rounded
    if not small:
        return _kept(program, rounded)
    counts, _, done = program.solve(whole=True, seconds=_SECONDS)
    if counts is not None:
        ranks = _fill(candidates, np.diff(np.rint(counts), axis=0, prepend=0).argmax(axis=1))
        return Placing(Placed(ranks, "integer program"), {})
    if done:
        raise refuse(candidates.sizes, limits, whole=True)
    return _kept(program, rounded)


def _kept(program: Program, rounded: Placing) -> Placing:
    # What rounding breaks is mended by asking for more there; what is best stays unknown.
    limits, asked, found = program.limits, program.limits, rounded
    for _ in range(_MENDINGS):
        if not found.shortfall:
            break
        asked = asked.tightened(*limits.broken(program.candidates.group[found.placed.ranks]))
        harder = Program(program.candidates, asked, program.discount)
        counts, value, _ = harder.solve(whole=False, seconds=_SECONDS)
        if counts is None:
            break
        found = _rounded(program, counts, value)
    if found.shortfall:
        return rounded
    return Placing(rounded.placed._replace(ranks=found.placed.ranks), {})


def _too_large(program: Program, why: str) -> ValueError:
    return ValueError(
        f"{len(program.discount):,} positions and {program.candidates.n_groups} combinations of "
        f"groups that overlap are {why}; rank fewer (n), or bound the combinations, which are "
        "disjoint (how='crossed')."
    )


def _rounded(program: Program, counts: Array, value: float) -> Placing:
    candidates, discount = program.candidates, program.discount
    windows = _near(counts, candidates.sizes)
    windows.check()
    ranks = place(candidates, windows, discount).ranks
    shortfall = program.limits.shortfall(candidates.group[ranks])
    utility = float(discount @ candidates.scores[candidates.order][ranks])
    size = float(discount @ np.abs(candidates.scores[candidates.order][ranks]))
    best = value - utility <= _ROUNDING * size and not shortfall
    method = "linear program" if best else "linear program, rounded"
    return Placing(Placed(ranks, method, None if best else value), shortfall)


def _fill(candidates: Candidates, cells: NDArray[np.int64]) -> NDArray[np.int64]:
    ranks = np.empty(len(cells), np.int64)
    for cell in range(candidates.n_groups):
        held = np.flatnonzero(cells == cell)
        ranks[held] = candidates.members(cell)[: len(held)]
    return ranks


def _near(counts: Array, sizes: NDArray[np.int64]) -> Windows:
    # A network whose flows are the counts has a whole flow between their floors and ceilings.
    n, q = counts.shape
    k = np.arange(1, n + 1)
    low, high = np.floor(counts + _ROUNDING), np.ceil(counts - _ROUNDING)
    deadlines = [Bound.of_counts("", ">=", np.minimum(low[:, c], k)) for c in range(q)]
    openings = [Bound.of_counts("", "<=", np.minimum(high[:, c], k)) for c in range(q)]
    rest = int(sizes.sum()) - sizes
    return Windows(
        n,
        tuple(map(str, range(q))),
        sizes,
        tuple(
            one.places(n, *map(int, of)) for one, *of in zip(deadlines, sizes, rest, strict=True)
        ),
        tuple(one.places(n, *map(int, of)) for one, *of in zip(openings, sizes, rest, strict=True)),
    )
