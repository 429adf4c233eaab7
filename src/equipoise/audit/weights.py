"""Rows that count for more than others, and how much less they tell than as many equal ones.

A weighted share is a ratio of two sums, whose variance is that of its linear part (Särndal,
Swensson, Wretman 1992, Model Assisted Survey Sampling, section 5.6). As many equal rows as would
give that variance are the share's effective size, and in its place every test and interval of
plain counts serves weighted ones (Kish 1965; Korn and Graubard 1998, Survey Methodology 24, 193).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.codes import as_array

Array = NDArray[np.float64]

# Beyond it, or below its inverse, ratios of sums of squares overflow or vanish.
_LARGEST = 1e50
# Resampled tables are drawn so many cells at a time: all at once, a hundred groups and twenty
# classes would fill a gigabyte.
_CELLS_AT_ONCE = 2**22


def as_weights(sample_weight: ArrayLike, n_rows: int) -> Array:
    """Check the weights of all rows.

    Parameters
    ----------
    sample_weight : array-like, shape (n,)
    n_rows : int
        How many there must be.

    Returns
    -------
    ndarray of float64, shape (n,)

    Raises
    ------
    ValueError
        As :func:`block_weights` has it, or if all are zero.
    """
    weight = block_weights(sample_weight, n_rows)
    if not weight.any():
        raise ValueError("sample_weight is 0 in every row: there is nothing to audit.")
    return weight


def block_weights(sample_weight: ArrayLike, n_rows: int) -> Array:
    """Check the weights of a block of rows, which may all be zero.

    Parameters
    ----------
    sample_weight : array-like, shape (n,)
    n_rows : int
        How many there must be.

    Returns
    -------
    ndarray of float64, shape (n,)

    Raises
    ------
    ValueError
        If there is not one a row, or one is negative, missing, infinite or no number, or so large
        or small that sums of squares are not told.
    """
    weight = as_array(sample_weight, "sample_weight")
    if weight.dtype.kind not in "iufb":
        raise ValueError(f"sample_weight must be numbers, not {weight[:1].tolist()}.")
    if len(weight) != n_rows:
        raise ValueError(
            f"sample_weight must have one value a row, but has {len(weight):,} for {n_rows:,} rows."
        )
    weight = weight.astype(np.float64)
    wrong = ~(np.isfinite(weight) & (weight >= 0))
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(
            f"sample_weight must be finite and not negative, but is {weight[row]:g} in row {row} "
            f"and wrong in {int(wrong.sum()):,} rows."
        )
    require_range(weight, "sample_weight")
    return weight


def require_range(weight: Array, name: str) -> None:
    """Refuse weights whose squares, or ratios of these, no number holds.

    Parameters
    ----------
    weight : ndarray
        Finite and not negative.
    name : str
        What they are called in the error.

    Raises
    ------
    ValueError
    """
    beyond = weight[(weight > _LARGEST) | ((weight < 1 / _LARGEST) & (weight > 0))]
    if len(beyond):
        raise ValueError(
            f"{name} must be 0 or lie between {1 / _LARGEST:g} and {_LARGEST:g}, but one is "
            f"{beyond[0]:g}: multiply all by one number, and set what is too small then to 0."
        )


def weigh_cells(code: NDArray[np.integer], weight: Array, shape: tuple[int, ...]) -> Array:
    """Sums of weights, and of their squares, of the rows in each cell of a table.

    Parameters
    ----------
    code : ndarray of int, shape (n,)
        The number of each row's cell.
    weight : ndarray, shape (n,)
    shape : tuple of int
        Of the table.

    Returns
    -------
    ndarray of float64, shape (2, *shape)
    """
    cells = int(np.prod(shape))
    sums = [np.bincount(code, x, cells).reshape(shape) for x in (weight, weight * weight)]
    return np.stack(sums)


def effective_shares(
    part: NDArray[Any], whole: NDArray[Any], squares: tuple[NDArray[Any], NDArray[Any]]
) -> tuple[Array, Array]:
    """The successes and trials of equal rows that tell as much of a share as weighted ones do.

    Parameters
    ----------
    part, whole : ndarray
        Sums of the weights of the rows that a share counts, and of those it is a share of.
    squares : tuple of two ndarray
        The sums of the squares of the same rows' weights.

    Returns
    -------
    success, trials : ndarray
        Whose ratio is the weighted share; no trials where nothing has weight, and at least one
        where something has.
    """
    some = np.where(whole > 0, whole, 1.0)
    share = np.clip(part / some, 0.0, 1.0)
    # From few heavy rows the spread is found too small: one that would have said the contrary is
    # not among them. So it is that with one more row on either side, of the weight in which a unit
    # of weight lies on average, less the two. Of rows that weigh the same, or all say the same, it
    # leaves what it was: their number, and Kish's.
    more = np.where(whole > 0, squares[1] / some, 1.0)
    total, near = some + 2 * more, (part + more) / (some + 2 * more)
    one, every = squares[0] + more**2, squares[1] + 2 * more**2
    spread = one * (1 - near) ** 2 + (every - one) * near**2
    trials = total**2 * near * (1 - near) / spread - 2
    trials = _unrounded(np.where(whole > 0, np.maximum(trials, 1.0), 0.0))
    return _unrounded(share * trials), trials


def _unrounded(x: Array) -> Array:
    # Rows that weigh the same are whole rows again, so that what is drawn for them is the same.
    return np.where(np.abs(x - np.rint(x)) <= 1e-12 * np.rint(x), np.rint(x), x)


def effective_rows(weight: Array) -> float:
    """How many equal rows tell as much of a mean as weighted ones do (Kish).

    Parameters
    ----------
    weight : ndarray, shape (2, ...)
        Sums of weights and of squares, of cells.

    Returns
    -------
    float
        0 where nothing has weight.
    """
    total, squares = weight.reshape(2, -1).sum(axis=1)
    return float(total**2 / squares) if squares else 0.0


def resample_cells(
    table: NDArray[np.int64], weight: Array | None, size: int, random: np.random.Generator
) -> Iterator[Array]:
    """Tables of bootstrap samples of the rows, some at a time.

    A sample of the rows with replacement is a multinomial draw of the table, so that the cost does
    not depend on the number of rows. The weights that rows of a cell bring into a sample vary, so a
    cell of weighted rows is drawn with the mean and variance that it has where each row is taken a
    Poisson number of times: from a gamma distribution, which is never negative.

    Parameters
    ----------
    table : ndarray of int
        Rows by cell.
    weight : ndarray, shape (2, *table.shape), or None
        Sums of weights and of squares by cell.
    size : int
        Number of samples.
    random : numpy.random.Generator

    Yields
    ------
    ndarray, shape (b, *table.shape)
        Their sizes add up to ``size``.
    """
    rows = int(table.sum())
    share = table.ravel() / max(1, rows)
    at_once = max(1, _CELLS_AT_ONCE // share.size)
    for start, stop in pairwise([*range(0, size, at_once), size]):
        shape = (stop - start, *table.shape)
        if weight is None:
            yield random.multinomial(rows, share, shape[0]).reshape(shape).astype(np.float64)
        else:
            mean, variance = weight
            some = mean > 0
            k = np.divide(mean**2, variance, out=np.zeros_like(mean), where=some)
            scale = np.divide(variance, mean, out=np.zeros_like(mean), where=some)
            yield random.standard_gamma(k, shape) * scale
