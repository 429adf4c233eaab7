"""What many draws of a classifier decide about the same rows, counted together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from math import isnan
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from equipoise.groups import Groups

Decide = Callable[[NDArray[Any]], tuple[NDArray[np.int64] | NDArray[np.bool_], NDArray[np.int64]]]
"""Of a block, shape (rows, draws): codes of decisions of each draw, and of all draws together."""

# Of a block: its decisions, once for each class, stay within some 30 MB.
NUMBERS = 4_000_000


class DrawCounts(NamedTuple):
    """Decisions of draws, counted.

    Attributes
    ----------
    tables : ndarray, shape (draws, g, k, k)
        Rows, or the sums of their weights, of each group by label and decision.
    together : ndarray of int64, shape (n,)
        What all draws together decide about each row.
    """

    tables: NDArray[Any]
    together: NDArray[np.int64]


def count_draws(
    blocks: Iterable[NDArray[Any]],
    decide: Decide,
    label: NDArray[np.int64],
    groups: Groups,
    n_classes: int,
    weight: NDArray[np.float64] | None = None,
) -> DrawCounts:
    """Count the decisions of all draws by group and label.

    Each block costs one product for each class, of the rows' memberships, of which a row has one,
    with the decisions: how many groups there are does not matter.

    Parameters
    ----------
    blocks : iterable of ndarray, shape (rows, draws)
        Consecutive rows, n in all.
    decide : callable
    label : ndarray of int64, shape (n,)
    groups : Groups of n rows
    n_classes : int
        k.
    weight : ndarray, shape (n,), optional

    Returns
    -------
    DrawCounts

    Raises
    ------
    ValueError
        If blocks have other numbers of rows in all, or not always as many draws.
    """
    from scipy import sparse

    codes, patterns = groups.patterns()
    cell = codes * n_classes + label
    n, n_cells = len(cell), len(patterns) * n_classes
    counted: NDArray[Any] | None = None
    together, done = np.empty(n, np.int64), 0
    for block in blocks:
        rows, n_draws = block.shape
        if counted is None:
            counted = np.zeros((n_classes, n_cells, n_draws), np.int64 if weight is None else float)
        if done + rows > n or n_draws != counted.shape[2]:
            raise ValueError(
                f"draws: a block of shape {(rows, n_draws)} follows {done:,} rows of "
                f"{counted.shape[2]:,} draws, but there are {n:,} labels."
            )
        part = slice(done, done + rows)
        # Of a block counts are small; weights add up in double precision.
        counts = np.ones(rows, np.int32) if weight is None else weight[part]
        member = sparse.csr_array((counts, cell[part], np.arange(rows + 1)), (rows, n_cells)).T
        decided, together[part] = decide(block)
        for c in range(n_classes):
            counted[c] += member @ (decided == c).astype(counts.dtype)
        done += rows
    if counted is None or done != n:
        raise ValueError(f"draws have {done:,} rows, but there are {n:,} labels.")
    by_pattern = counted.reshape(n_classes, len(patterns), n_classes, -1)
    tables = np.einsum("cpld,pg->dglc", by_pattern, patterns.astype(counted.dtype))
    return DrawCounts(tables, together)


def blocks_of(draws: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Blocks of rows of an array that has a draw a row, such as one mapped from a file.

    Parameters
    ----------
    draws : ndarray, shape (draws, n)

    Yields
    ------
    ndarray, shape (rows, draws)
    """
    at_once = rows_at_once(len(draws))
    for first in range(0, draws.shape[1], at_once):
        yield np.ascontiguousarray(draws[:, first : first + at_once].T)


def rows_at_once(n_draws: int) -> int:
    """How many rows a block has.

    Parameters
    ----------
    n_draws : int

    Returns
    -------
    int
    """
    return max(1, NUMBERS // max(1, n_draws))


def by_threshold(threshold: float) -> Decide:
    """Decisions by scores: each draw's own, and those by the mean score of all.

    Parameters
    ----------
    threshold : float
        From which score on the decision is positive.

    Returns
    -------
    callable

    Raises
    ------
    ValueError
        If the threshold is no number; from what is returned, if a score is missing or infinite.
    """
    threshold = float(threshold)
    if isnan(threshold):
        raise ValueError("threshold must be a number, not NaN.")

    def decide(block: NDArray[Any]) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        if block.dtype.kind not in "iufb":
            raise ValueError(
                f"draws must be numbers where there is a threshold, not {block.flat[0]!r}."
            )
        if not np.isfinite(block).all():
            raise ValueError("draws have scores that are missing or infinite: fill or drop them.")
        mean = block.mean(axis=1, dtype=np.float64)
        # The mean of equal numbers is that number, but for rounding.
        mean = np.clip(mean, block.min(axis=1), block.max(axis=1))
        if block.dtype.kind == "f":
            # Scores and mean meet the threshold as numbers of one precision: 0.7 in single is less
            # than 0.7 in double, and the mean of one draw would decide otherwise than the draw.
            mean = mean.astype(block.dtype)
        return block >= threshold, (mean >= threshold).astype(np.int64)

    return decide


def by_class(classes: Sequence[Any]) -> Decide:
    """Decisions that are given, and those that most draws make.

    Parameters
    ----------
    classes : sequence, length k
        Of two that are as frequent the later one is taken.

    Returns
    -------
    callable

    Raises
    ------
    ValueError
        From what is returned, if a decision is none of the classes.
    """

    def decide(block: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        codes = np.full(block.shape, -1, np.int64)
        votes = np.empty((len(classes), len(block)), np.int64)
        for c, value in enumerate(classes):
            chosen = block == value
            codes[chosen] = c
            votes[c] = chosen.sum(axis=1)
        if (codes < 0).any():
            strange = block[codes < 0].tolist()[0]
            raise ValueError(
                f"draws hold {strange!r}, which is none of the labels' classes "
                f"{', '.join(map(repr, classes))}: give decisions in these, or scores and a "
                "threshold."
            )
        return codes, len(classes) - 1 - votes[::-1].argmax(axis=0)

    return decide
