"""Scores of rows that pass by in blocks: what is decided by them, and in which bin they lie."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from equipoise.audit.score_counts import N_BINS, places
from equipoise.codes import as_array
from equipoise.data.arrow import kind_of, plain
from equipoise.data.errors import DataError

# No column of a table is called so: names are text that somebody has written.
DECIDED = "\0 decided"
BIN = "\0 bin"


class BeyondLimitsError(DataError):
    """A score lies beyond the limits that bins were laid between."""


class ScoreBlocks:
    """What blocks of rows say of one column of scores.

    Parameters
    ----------
    column : str
    threshold : float
        Rows with a score of at least it are decided to be positive.
    limits : (float, float), optional
        Between which bins are laid; without them scores are not counted by bin.
    text : bool
        Whether cells are as they are written in a file, so that text may be a number.

    Attributes
    ----------
    least, most : float
        Of the scores so far.
    missing : int
        How many rows so far have none.

    Raises
    ------
    DataError
        If limits are not two finite numbers, the lower first.
    """

    def __init__(
        self,
        column: str,
        threshold: float,
        limits: tuple[float, float] | None = None,
        text: bool = False,
    ) -> None:
        if limits is not None and not (np.isfinite(limits).all() and limits[0] < limits[1]):
            raise DataError(f"limits: given {limits}, wanted two finite numbers, the lower first.")
        self.column = column
        self.threshold = threshold
        self.limits = limits
        self.text = text
        self.least, self.most = np.inf, -np.inf
        self.missing = 0

    def look(self, block: pa.Table) -> NDArray[Any]:
        """Take the scores of a block, noting how far they range.

        Parameters
        ----------
        block : pyarrow.Table of n rows

        Returns
        -------
        ndarray of numbers, shape (n,)
            Those that are missing are the least of the others.

        Raises
        ------
        DataError
            If the column holds no numbers, or is not there.
        """
        if self.column not in block.column_names:
            raise DataError(
                f"source: a later block has no column {self.column!r}, which the first has."
            )
        column = self._numbers(plain(block[self.column]))
        present = column.drop_null()
        self.missing += column.null_count
        if not len(present):
            return np.zeros(len(column))
        ends = pc.min_max(present.cast(pa.float64(), safe=False)).as_py()
        self.least, self.most = min(self.least, ends["min"]), max(self.most, ends["max"])
        if not np.isfinite([self.least, self.most]).all():
            raise DataError(f"score: column {self.column!r} holds infinite values; cut them off.")
        if column.null_count:
            column = column.fill_null(present[0])
        return as_array(column, "score")

    def add_to(self, block: pa.Table) -> pa.Table:
        """Add to a block what is decided and, between limits, the bins of its scores.

        Parameters
        ----------
        block : pyarrow.Table of n rows

        Returns
        -------
        pyarrow.Table
            With columns `DECIDED` and `BIN`.

        Raises
        ------
        DataError
            If the column holds no numbers.
        BeyondLimitsError
            If a score lies beyond the limits.
        """
        scores = self.look(block)
        # In the precision that they are held in, where 0.7 is at least 0.7.
        block = block.append_column(DECIDED, pa.array(np.asarray(scores >= self.threshold)))
        if self.limits is None:
            return block
        low, high = self.limits
        if self.least < low or self.most > high:
            raise BeyondLimitsError(
                f"score: column {self.column!r} ranges from {self.least:g} to {self.most:g}, "
                f"beyond the limits {low:g} and {high:g}."
            )
        bins = places(scores.astype(np.float64, copy=False), low, high, N_BINS)
        return block.append_column(BIN, pa.array(bins))

    def finish(self, rows: int, decide: bool) -> None:
        """Refuse scores of which some are missing, or which decide everybody alike.

        Parameters
        ----------
        rows : int
            How many there were.
        decide : bool
            Whether the threshold decides.

        Raises
        ------
        DataError
        """
        if self.missing:
            raise DataError(
                f"score: column {self.column!r} has {self.missing:,} missing values in {rows:,} "
                "rows; fill them or remove those rows before."
            )
        if decide:
            require_threshold(self.threshold, self.least, self.most)

    def _numbers(self, column: pa.ChunkedArray) -> pa.ChunkedArray:
        if self.text and pa.types.is_string(column.type):
            try:
                return pc.utf8_trim_whitespace(column).cast(pa.float64())
            except pa.ArrowInvalid as error:
                raise DataError(
                    f"score: column {self.column!r} must hold numbers ({error})."
                ) from error
        if kind_of(column.type) not in ("integer", "float", "boolean", "null"):
            raise DataError(f"score: column {self.column!r} must hold numbers, not {column.type}.")
        if pa.types.is_null(column.type):
            return column.cast(pa.float64())
        return column


def require_threshold(threshold: float, low: float, high: float) -> None:
    """Refuse a threshold that all scores are on one side of.

    Parameters
    ----------
    threshold : float
    low, high : float
        The least and the largest score.

    Raises
    ------
    DataError
    """
    if not low <= threshold <= high:
        raise DataError(
            f"threshold: {threshold:g} decides everybody alike, since scores range from {low:g} "
            f"to {high:g}; choose one between."
        )


def limits_of(low: float, high: float) -> tuple[float, float]:
    """Between what scores are counted: 0 and 1, or, beyond these, the ends of their range.

    Parameters
    ----------
    low, high : float
        The least and the largest score.

    Returns
    -------
    (float, float)
    """
    if low < 0 or high > 1:
        # Where all are one, a step that is not lost in it.
        return (low, high if low < high else low + max(1.0, abs(low) / 2**20))
    return (0.0, 1.0)
