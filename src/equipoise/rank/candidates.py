"""Items from the best to the worst, together and in each group."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.codes import to_numpy

Array = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Candidates:
    """Items in the order of their scores.

    Attributes
    ----------
    scores : ndarray, shape (m,)
    codes : ndarray of int64, shape (m,)
        The group of each.
    n_groups : int
    order : ndarray of int64, shape (m,)
        Rows from the best to the worst; of equal ones the first comes first, whatever its group.
    """

    scores: Array
    codes: Rows
    n_groups: int
    order: Rows

    @classmethod
    def of(cls, scores: Array, codes: Rows, n_groups: int) -> Candidates:
        """Sort items.

        Parameters
        ----------
        scores : ndarray, shape (m,)
        codes : ndarray of int64, shape (m,)
        n_groups : int

        Returns
        -------
        Candidates
        """
        return cls(scores, codes, n_groups, best_first(scores))

    @cached_property
    def group(self) -> NDArray[np.int16]:
        """The group of each item, from the best to the worst."""
        # Small integers are sorted in one pass, and are small in memory.
        return self.codes.astype(np.int16)[self.order]

    @cached_property
    def ranks(self) -> NDArray[np.int64]:
        """Ranks of the members of the first group from its best on, then of the second, ..."""
        return np.argsort(self.group, kind="stable")

    @cached_property
    def sizes(self) -> Rows:
        """Members of each group."""
        return np.bincount(self.codes, minlength=self.n_groups)

    @cached_property
    def starts(self) -> Rows:
        """Where in `ranks` each group begins, shape (groups + 1,)."""
        return np.concatenate([[0], np.cumsum(self.sizes)])

    def members(self, g: int) -> Rows:
        """Ranks of the members of a group."""
        return self.ranks[self.starts[g] : self.starts[g + 1]]


def best_first(scores: Array) -> Rows:
    """Order items by score, of equal ones the first first.

    Parameters
    ----------
    scores : ndarray, shape (m,)

    Returns
    -------
    ndarray of int64, shape (m,)
    """
    # Sorting numbers is several times as fast as sorting what points to them, so the row is put
    # into the last bits of the score; whoever these bits decided between is sorted again.
    m = len(scores)
    bits = np.uint64(max(m - 1, 1).bit_length())
    keys = (0.0 - scores).view(np.int64)  # never -0.0, which would come before 0.0
    # As whole numbers, negative floats are in reverse order.
    keys = keys ^ ((keys >> np.int64(63)) & np.int64(2**63 - 1))
    keys = (keys >> bits.astype(np.int64)) << bits.astype(np.int64)
    keys |= np.arange(m)
    keys.sort()
    order = keys & np.int64((1 << int(bits)) - 1)
    keys >>= bits.astype(np.int64)
    in_order = scores[order]
    if (in_order[1:] > in_order[:-1]).any():
        same = keys[1:] == keys[:-1]
        inside = np.flatnonzero(np.append(same, False) | np.append(False, same))
        rows = order[inside]
        order[inside] = rows[np.lexsort((rows, -scores[rows], keys[inside]))]
    return order


def as_scores(scores: ArrayLike, argument: str = "scores") -> Array:
    """Take scores as finite numbers.

    Parameters
    ----------
    scores : array-like, shape (m,)
    argument : str

    Returns
    -------
    ndarray, shape (m,)

    Raises
    ------
    ValueError
        If they are not numbers, not finite, not one column, or there are none.
    """
    column = to_numpy(scores, argument)
    if column.ndim == 2 and column.shape[1] == 1:
        column = column[:, 0]
    if column.ndim != 1 or not len(column):
        raise ValueError(f"{argument} must be one column of numbers, but has shape {column.shape}.")
    if column.dtype.kind == "O":
        try:
            column = column.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{argument} must be numbers ({error}).") from error
    if column.dtype.kind not in "iufb":
        raise ValueError(f"{argument} must be numbers, not {column.dtype}.")
    values = column.astype(np.float64, copy=False)
    wrong = np.flatnonzero(~np.isfinite(values))
    if len(wrong):
        raise ValueError(
            f"{argument} has {len(wrong):,} values that are missing or not finite, the first in "
            f"row {wrong[0]}; give them a score or leave these rows out."
        )
    return values
