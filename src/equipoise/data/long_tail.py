"""Long-tailed class counts, and rows drawn so that a table has them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.data.errors import DataError

__all__ = ["Rounding", "long_tailed_counts", "long_tailed_rows"]

Rounding = Literal["floor", "ceil", "round"]
"""How a share of rows becomes a number of rows."""


def long_tailed_counts(
    n_max: int, n_classes: int, ratio: float, rounding: Rounding = "floor"
) -> NDArray[np.int64]:
    """Counts that fall exponentially from the first class to the last.

    n_i = n_max ratio^(-i / (n_classes - 1)), the profile of CIFAR10-LT and CIFAR100-LT (Cui et
    al. 2019; Cao et al. 2019, arXiv 1906.07413). Published totals differ by the rounding, so give
    the counts with any result.

    Parameters
    ----------
    n_max : int
        Rows of the first class, the most frequent one.
    n_classes : int
        At least 2.
    ratio : float
        Imbalance: rows of the first class over rows of the last, at least 1.
    rounding : {"floor", "ceil", "round"}
        "floor" gives the usual totals, 12,406 for CIFAR10-LT and 10,847 for CIFAR100-LT at a
        ratio of 100; "round" takes halves to the even number.

    Returns
    -------
    ndarray of int64, shape (n_classes,)
        Decreasing.

    Raises
    ------
    DataError
        If an argument is out of its range or the last class would have no row.
    """
    if n_max < 1 or n_classes < 2:
        raise DataError(
            f"n_max and n_classes: given {n_max} and {n_classes}, wanted at least 1 row and at "
            "least 2 classes"
        )
    if not 1 <= ratio < math.inf:
        raise DataError(f"ratio: given {ratio}, wanted largest over smallest count, at least 1")
    if rounding not in get_args(Rounding):
        raise DataError(
            f"rounding: given {rounding!r}, wanted one of {', '.join(get_args(Rounding))}"
        )
    # Each power is taken by itself. The i-th power of ratio^(-1 / (n_classes - 1)) ends a few
    # rounding errors off, which "ceil" makes a whole row of: some published tails are such, with
    # 41 rows where 4000 / 100 was meant. What is off a whole number by rounding alone is that
    # number: 98 / 49 is found a little below 2.
    profile = n_max * ratio ** (-np.arange(n_classes) / (n_classes - 1))
    whole = np.rint(profile)
    profile = np.where(np.abs(profile - whole) <= 4 * np.spacing(profile), whole, profile)
    to_whole = {"floor": np.floor, "ceil": np.ceil, "round": np.rint}[rounding]
    counts = to_whole(profile).astype(np.int64)
    if counts[-1] < 1:
        raise DataError(
            f"ratio: {ratio:g} leaves {profile[-1]:.3g} of {n_max} rows to the last class; take a "
            f"ratio of at most {n_max}, or rounding='ceil'"
        )
    return counts


def long_tailed_rows(label: ArrayLike, counts: Sequence[int], seed: int) -> NDArray[np.int64]:
    """Draw so many rows of each class, without replacement.

    Parameters
    ----------
    label : array-like of int, shape (n,)
        Class codes from 0 to k - 1.
    counts : sequence of int, length k
        Rows wanted of each class, as :func:`long_tailed_counts` gives them; in another order where
        another class is to be the rarest.
    seed : int
        Non-negative; the same seed gives the same rows. A class draws by itself, so that larger
        counts take the rows of smaller ones and more.

    Returns
    -------
    ndarray of int64, shape (sum of counts,)
        Row numbers in increasing order.

    Raises
    ------
    DataError
        If labels are no vector of class codes, a class has fewer rows than are wanted, or the seed
        is negative.
    """
    codes, wanted = np.asarray(label), np.asarray(counts)
    if codes.ndim != 1 or codes.dtype.kind not in "iu":
        raise DataError(
            f"label: given an array of shape {codes.shape} and type {codes.dtype}, wanted a vector "
            "of class codes; of other values take np.unique(..., return_inverse=True)"
        )
    if wanted.ndim != 1 or wanted.dtype.kind not in "iu" or not len(wanted) or wanted.min() < 0:
        raise DataError(f"counts: given {counts!r}, wanted a whole number, at least 0, a class")
    if len(codes) and (codes.min() < 0 or codes.max() >= len(wanted)):
        raise DataError(
            f"label: codes range from {codes.min()} to {codes.max()}, wanted 0 to "
            f"{len(wanted) - 1}, as there are {len(wanted)} counts"
        )
    present = np.bincount(codes, minlength=len(wanted))
    short = np.flatnonzero(present < wanted)
    if len(short):
        first = short[0]
        raise DataError(
            f"counts: {wanted[first]} rows of class {first} are wanted and there are "
            f"{present[first]}; take a smaller n_max"
        )
    if seed < 0:
        raise DataError(f"seed: given {seed}, wanted an integer >= 0")
    drawn = [
        np.random.default_rng([seed, number]).permutation(np.flatnonzero(codes == number))[:count]
        for number, count in enumerate(wanted)
    ]
    return np.sort(np.concatenate(drawn))
