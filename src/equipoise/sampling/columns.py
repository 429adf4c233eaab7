"""The columns of a body, as loops over coordinates want them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from equipoise.sampling.body import Body

Array = NDArray[Any]

_SPARSE_PAYS = 0.4  # share of non-zeros: beyond, looking places up costs more than zeros do
_ZERO = 1e-14  # of a row's length


@dataclass(frozen=True, eq=False)
class Columns:
    """A body's columns, with or without their zeros.

    Attributes
    ----------
    body : Body
    kind : {"auto", "dense", "sparse"}
        ``auto`` is sparse where at most 40 % of the entries are non-zero.

    Raises
    ------
    ValueError
        If the kind is unknown.
    """

    body: Body
    kind: Literal["auto", "dense", "sparse"]

    def __post_init__(self) -> None:
        if self.kind not in ("auto", "dense", "sparse"):
            raise ValueError(f"columns are 'auto', 'dense' or 'sparse', not {self.kind!r}")

    @property
    def sparse(self) -> bool:
        """Whether zeros are left out."""
        if self.kind == "auto":
            return bool(self.csc.nnz <= _SPARSE_PAYS * self.body.A.size)
        return self.kind == "sparse"

    @property
    def rows_a_step(self) -> int:
        """Rows that a step along one coordinate looks at, on average."""
        return int(self.csc.nnz // self.body.dimension) if self.sparse else len(self.body.b)

    @cached_property
    def csc(self) -> Any:
        """A by columns; what rounding has left of zeros is left out."""
        columns = self.body.columns.copy()
        columns.data[np.abs(columns.data) < _ZERO] = 0.0
        columns.eliminate_zeros()
        return columns

    @cached_property
    def dense(self) -> Array:
        """The same as rows of an array, shape (d, m)."""
        return np.ascontiguousarray(self.csc.toarray().T)
