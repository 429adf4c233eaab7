"""A labelled table as a domain: which columns are one attribute, and which rows have its levels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from equipoise.maxent.discrete import Attribute, Domain
from equipoise.repair.coding import Levels, code_column, follows
from equipoise.repair.donors import Donors

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TableModel:
    """Labels, groups and columns as the attributes of a domain.

    The first attribute is label and group jointly; or the first two are group and label, each for
    itself. Then come the columns that these do not determine.

    Attributes
    ----------
    domain : Domain
    codes : ndarray of uint16, shape (n, columns of the domain)
    of_column : dict of str to int
        The attribute that each column of the table belongs to.
    of_label, of_group : int
        The attributes that label and group belong to.
    columns : tuple of Levels
        Those that are attributes of their own, in order.
    """

    domain: Domain
    codes: NDArray[np.uint16]
    of_column: dict[str, int]
    of_label: int
    of_group: int
    columns: tuple[Levels, ...]

    @classmethod
    def of(
        cls,
        table: pa.Table,
        label: NDArray[np.int64],
        group: NDArray[np.int64],
        sizes: tuple[int, int],
        *,
        with_group: Sequence[str],
        exact: bool,
        bins: int,
    ) -> TableModel:
        """Code a table.

        Parameters
        ----------
        table : pyarrow.Table of n rows
        label, group : ndarray of int, shape (n,)
        sizes : (int, int)
            The numbers of groups and of labels.
        with_group : sequence of str
            Columns that say who belongs to which group, though not each value is one.
        exact : bool
            Whether label and group are one attribute.
        bins : int

        Returns
        -------
        TableModel

        Raises
        ------
        DataError
            If a column has no levels, or too many.
        """
        n_groups, n_labels = sizes
        if exact:
            attributes = [Attribute.joint(n_groups, n_labels)]
            of_group, of_label = 0, 0
            known = group * n_labels + label
        else:
            attributes = [Attribute.categories(n_groups), Attribute.categories(n_labels)]
            of_group, of_label = 0, 1
            known = group
        parts, kept, of_column = [group, label], [], {}
        for name, column in zip(table.column_names, table.columns, strict=True):
            if name in with_group:
                of_column[name] = of_group
                continue
            levels = code_column(name, column, bins)
            if follows(levels, known):
                of_column[name] = of_group
                continue
            of_column[name] = len(attributes)
            attributes.append(levels.attribute)
            parts.append(levels.codes)
            kept.append(levels)
        # Attributes have at most 4,096 levels, and tables can be large.
        codes = np.stack([part.astype(np.uint16) for part in parts], axis=1)
        return cls(Domain(attributes), codes, of_column, of_label, of_group, tuple(kept))

    def donors(self, weights: Array) -> tuple[Donors, ...]:
        """Rows to take values from, for each attribute.

        Parameters
        ----------
        weights : ndarray, shape (n,)

        Returns
        -------
        tuple of Donors
        """
        levels = self.domain.pack(self.codes)
        return tuple(
            Donors(levels[:, j], len(one), weights) for j, one in enumerate(self.domain.attributes)
        )
