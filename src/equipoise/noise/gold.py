"""Flips counted on rows whose true group is known too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from equipoise.codes import encode
from equipoise.noise.flips import FlipMatrix

Array = NDArray[np.float64]

_JEFFREYS = 0.5


@dataclass(frozen=True, eq=False)
class GoldFlips:
    """What gold rows tell of flips.

    Attributes
    ----------
    counts : ndarray of int64, shape (p, p)
        Gold rows by true group and observed group.
    flips : FlipMatrix
        Their shares, with the covariance of their errors. That is taken at the mean of Jeffreys'
        posterior, so that a flip which did not happen to occur is not taken for impossible.
    low, high : ndarray, shape (p, p)
        Jeffreys' intervals of each probability alone.
    """

    counts: NDArray[np.int64]
    flips: FlipMatrix
    low: Array
    high: Array

    @classmethod
    def from_counts(
        cls, counts: ArrayLike, names: Sequence[str], confidence: float = 0.95
    ) -> GoldFlips:
        """Estimate flips from a table of confusions.

        Parameters
        ----------
        counts : array-like of int, shape (p, p)
            Rows by true group and observed group.
        names : sequence of str, length p
        confidence : float

        Returns
        -------
        GoldFlips

        Raises
        ------
        ValueError
            If counts are negative or no whole numbers, a true group has no rows, or the groups
            cannot be told apart.
        """
        table = np.asarray(counts)
        p = len(names)
        if table.shape != (p, p):
            raise ValueError(f"counts must have shape {(p, p)}, not {table.shape}.")
        if (table < 0).any() or not (table == np.rint(table)).all():
            raise ValueError("counts must be whole numbers of rows, none of them negative.")
        if not 0 < confidence < 1:
            raise ValueError(f"confidence must lie between 0 and 1, not {confidence}.")
        table = table.astype(np.int64)
        rows = table.sum(axis=1, keepdims=True)
        if (rows == 0).any():
            raise ValueError(
                f"no gold row truly belongs to {names[int(rows.argmin())]!r}, so that its flips "
                "are not known; find such rows, or join the group with another."
            )
        smooth = (table + _JEFFREYS) / (rows + _JEFFREYS * p)
        covariance = np.zeros((p, p, p, p))
        for i, share in enumerate(smooth):
            covariance[i, :, i, :] = (np.diag(share) - np.outer(share, share)) / rows[i]
        a, b = table + _JEFFREYS, rows - table + _JEFFREYS
        tail = (1 - confidence) / 2
        low = np.where(table > 0, stats.beta.ppf(tail, a, b), 0.0)
        high = np.where(table < rows, stats.beta.isf(tail, a, b), 1.0)
        return cls(table, FlipMatrix(table / rows, names, covariance), low, high)

    def __str__(self) -> str:
        names = self.flips.names
        return "; ".join(
            f"{a!r} is observed as {b!r} {100 * self.flips.p_flip[i, j]:.1f} % of the time "
            f"[{100 * self.low[i, j]:.1f}, {100 * self.high[i, j]:.1f}]"
            for i, a in enumerate(names)
            for j, b in enumerate(names)
            if i != j
        )


def flips_from_gold(true: ArrayLike, observed: ArrayLike, *, confidence: float = 0.95) -> GoldFlips:
    """Estimate flips from rows of which both the true and the observed group are known.

    They may be chosen by their true group, or by anything that says nothing of the flips given
    that, but not by the observed group: of rows that were looked up because they were observed as
    a, those of other groups are seen only where they flip.

    Parameters
    ----------
    true, observed : array-like, shape (n,)
        One column each, with the same names for groups.
    confidence : float
        Of the intervals of single probabilities.

    Returns
    -------
    GoldFlips

    Raises
    ------
    ValueError
        If lengths differ, values are missing, a group that is observed is true of no row, or the
        groups cannot be told apart.

    Examples
    --------
    >>> found = flips_from_gold(list("aaaaabbbbb"), list("aaaabbbbbb"))
    >>> found.counts
    array([[4, 1],
           [0, 5]])
    """
    known, seen = encode(true, "true"), encode(observed, "observed")
    if len(known.codes) != len(seen.codes):
        raise ValueError(
            f"true and observed must have one entry a row, but have {len(known.codes):,} and "
            f"{len(seen.codes):,}."
        )
    names = sorted({str(level) for level in (*known.levels, *seen.levels)})
    of_true, of_seen = (
        np.array([names.index(str(level)) for level in column.levels], np.int64)[column.codes]
        for column in (known, seen)
    )
    table = np.zeros((len(names), len(names)), np.int64)
    np.add.at(table, (of_true, of_seen), 1)
    return GoldFlips.from_counts(table, names, confidence)
