"""A uniform sample of rows that pass by once.

Each row draws a number, and those with the smallest are kept (Fan, Muller and Rezucha 1962, JASA
57, 387): every set of so many rows is as likely as any other, however many come.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from equipoise.data.arrow import plain
from equipoise.data.errors import DataError

# How many times too many rows are held before they are thinned out, which copies them.
_SLACK = 1.5


@dataclass(frozen=True)
class Sampled:
    """What a sample was drawn from.

    Attributes
    ----------
    rows, of : int
        How many were drawn, of how many.
    seed : int
    """

    rows: int
    of: int
    seed: int

    def to_dict(self) -> dict[str, Any]:
        """The figures as JSON can hold them."""
        return asdict(self)

    def __str__(self) -> str:
        return f"a uniform random sample of {self.rows:,} of the {self.of:,} rows, seed {self.seed}"


class RowSample:
    """At most so many of the rows of all blocks, drawn uniformly.

    Parameters
    ----------
    most : int
    seed : int
        One seed gives one sample, whatever blocks the rows come in.
    """

    def __init__(self, most: int, seed: int = 0) -> None:
        self.most = most
        self.seed = seed
        self._random = np.random.default_rng(seed)
        self._seen = 0
        self._below: float = np.inf
        self._held: list[tuple[NDArray[np.float64], pa.Table]] = []

    def add(self, block: pa.Table) -> None:
        """Look at more rows.

        Parameters
        ----------
        block : pyarrow.Table
        """
        self._seen += len(block)
        flat = pa.table({name: plain(block[name]) for name in block.column_names})
        self._held.append(self._thinned(self._random.random(len(block)), flat))
        if sum(len(keys) for keys, _ in self._held) > _SLACK * self.most:
            self._thin()

    def rows(self) -> tuple[pa.Table, Sampled | None]:
        """The sample.

        Returns
        -------
        table : pyarrow.Table
            In the order of the rows.
        sampled : Sampled or None
            None where there were no more rows than it may have.

        Raises
        ------
        DataError
            If blocks hold different kinds of values in one column.
        """
        if self._seen > self.most:
            self._thin()
        try:
            table = pa.concat_tables([rows for _, rows in self._held], promote_options="permissive")
        except pa.ArrowException as error:
            raise DataError(
                f"source: blocks hold different kinds of values in one column ({error}); write "
                "them alike."
            ) from error
        whole = self._seen <= self.most
        return table, None if whole else Sampled(len(table), self._seen, self.seed)

    def _thin(self) -> None:
        keys = np.concatenate([keys for keys, _ in self._held])
        if len(keys) <= self.most:
            return
        # Of 53 random bits ties are so rare that the row or two which they cost do not matter.
        self._below = np.partition(keys, self.most)[self.most]
        self._held = [self._thinned(*one) for one in self._held]

    def _thinned(
        self, keys: NDArray[np.float64], rows: pa.Table
    ) -> tuple[NDArray[np.float64], pa.Table]:
        keep = keys < self._below
        return (keys, rows) if keep.all() else (keys[keep], rows.filter(pa.array(keep)))
