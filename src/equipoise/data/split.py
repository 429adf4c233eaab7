"""Disjoint parts of the rows, alike in their composition."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from equipoise.data.errors import DataError

__all__ = ["split"]


def split(
    strata: NDArray[np.integer], fractions: Mapping[str, float], seed: int
) -> dict[str, NDArray[np.int64]]:
    """Split rows at random into parts that have the same share of every stratum.

    Rows of a stratum are put in random order and cut at the cumulated fractions, shifted by
    one random offset a stratum (systematic sampling): each count is its share rounded up or
    down, and right on average, so that many small strata do not all fall to the same part.

    Parameters
    ----------
    strata : ndarray of shape (n,), integer
        A code for each row, for instance of its group and label together.
    fractions : mapping of str to float
        The share of each part; positive, with sum 1.
    seed : int
        Non-negative; the same seed gives the same parts.

    Returns
    -------
    dict of str to ndarray of int64
        For each part, in the order of `fractions`, its rows in increasing order. The parts are
        disjoint and cover all rows; of each stratum a part has its share to within one row.

    Raises
    ------
    DataError
        If `strata` is no vector of integers, the fractions are not positive with sum 1, the
        seed is negative, or a part would be empty.
    """
    strata = np.asarray(strata)
    _check(strata, fractions, seed)
    generator = np.random.default_rng(seed)
    shuffled = generator.permutation(len(strata))
    order = shuffled[np.argsort(strata[shuffled], kind="stable")]

    ordered = strata[order]
    starts = np.concatenate(([0], 1 + np.flatnonzero(ordered[1:] != ordered[:-1])))
    sizes = np.diff(starts, append=len(strata))
    place = np.arange(len(strata)) - np.repeat(starts, sizes)
    offsets = generator.random(len(starts))
    part = np.zeros(len(strata), dtype=np.int64)
    for share in np.cumsum(list(fractions.values()))[:-1]:
        # The last part ends where its stratum does, whatever the fractions' rounding.
        part += place >= np.repeat(np.floor(sizes * share + offsets), sizes)

    parts = np.empty_like(part)
    parts[order] = part
    rows = {name: np.flatnonzero(parts == number) for number, name in enumerate(fractions)}
    empty = [name for name, chosen in rows.items() if not len(chosen)]
    if empty:
        raise DataError(
            f"fractions: part {empty[0]!r} ({fractions[empty[0]]:g}) of {len(strata):,} rows "
            "would be empty; give it a larger fraction, or more rows"
        )
    return rows


def _check(strata: NDArray[np.integer], fractions: Mapping[str, float], seed: int) -> None:
    if strata.ndim != 1 or not np.issubdtype(strata.dtype, np.integer):
        raise DataError(
            f"strata: given an array of shape {strata.shape} and type {strata.dtype}, wanted a "
            "vector of integer codes; of other values take np.unique(..., return_inverse=True)"
        )
    if not len(strata):
        raise DataError("strata: no rows to split")
    unfit = {name: share for name, share in fractions.items() if not 0 < share <= 1}
    total = math.fsum(fractions.values())
    if not fractions or unfit or abs(total - 1) > 1e-9:
        raise DataError(
            f"fractions: given {dict(fractions)} with sum {total:g}, wanted positive shares "
            "with sum 1, as in {'train': 0.6, 'validation': 0.2, 'test': 0.2}"
        )
    if seed < 0:
        raise DataError(f"seed: given {seed}, wanted an integer >= 0")
