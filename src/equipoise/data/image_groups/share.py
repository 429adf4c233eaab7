"""Rows among which a group has an exact share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from equipoise.data.errors import DataError

__all__ = ["rows_with_share"]


def rows_with_share(
    member: NDArray[np.bool_], share: float, size: int | None, seed: int
) -> NDArray[np.int64]:
    """Draw rows without replacement so that members are a given share of them.

    A fixed number is drawn, not each row by chance: with a rare group the latter would make seeds
    differ in how rare it is.

    Parameters
    ----------
    member : ndarray of bool, shape (n,)
    share : float
        In (0, 1).
    size : int, optional
        How many rows in all; by default as many as can be.
    seed : int
        Non-negative. Members and others are each put in one random order and taken from its
        start: of two draws the smaller one's members are among the larger one's.

    Returns
    -------
    ndarray of int64
        Row numbers in increasing order. The members among them are the nearest whole number to
        their share.

    Raises
    ------
    DataError
        If the share or the seed is out of range, or there are too few rows of either side.
    """
    if not 0 < share < 1:
        raise DataError(f"share: given {share}, wanted a number between 0 and 1")
    if seed < 0:
        raise DataError(f"seed: given {seed}, wanted an integer >= 0")
    inside, outside = np.flatnonzero(member), np.flatnonzero(~member)
    if size is None:
        n_in, n_out = _as_many(len(inside), len(outside), share)
    else:
        n_in = round(share * size)
        n_out = size - n_in
    if n_in < 1 or n_out < 1:
        raise DataError(
            f"share: {share:g} of {n_in + n_out:,} rows leaves {n_in} rows of the group and "
            f"{n_out} of the others, wanted some of each"
        )
    if n_in > len(inside) or n_out > len(outside):
        largest = sum(_as_many(len(inside), len(outside), share))
        raise DataError(
            f"size: {size:,} rows at a share of {share:g} take {n_in:,} of the group and {n_out:,} "
            f"of the others, and there are {len(inside):,} and {len(outside):,}; take at most "
            f"{largest:,}"
        )
    first, second = np.random.default_rng(seed).spawn(2)
    drawn = [first.permutation(inside)[:n_in], second.permutation(outside)[:n_out]]
    return np.sort(np.concatenate(drawn)).astype(np.int64)


def _as_many(n_in: int, n_out: int, share: float) -> tuple[int, int]:
    """The most rows of either side at this share: one side is kept whole."""
    wanted = round(n_out * share / (1 - share))
    if wanted <= n_in:
        return wanted, n_out
    return n_in, min(n_out, round(n_in * (1 - share) / share))
