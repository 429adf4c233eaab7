"""Combinations of values of sensitive columns, numbered as they are first met."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from equipoise.groups import Groups, How

Integers = NDArray[np.int64]


@dataclass(eq=False)
class Combinations:
    """Combinations of values, each a collection of rows.

    Blocks of rows may come in any sizes: numbers are those of all rows at once.

    Attributes
    ----------
    columns : tuple of str
    known : dict of (tuple of str) to int
        The number of each combination.
    """

    columns: tuple[str, ...]
    known: dict[tuple[str, ...], int] = field(default_factory=dict)

    def codes(self, groups: dict[str, pa.Array], n: int) -> Integers:
        """Number the rows of a block; combinations that are new get the next numbers.

        Parameters
        ----------
        groups : dict of str to pyarrow.Array
            n texts a column.
        n : int

        Returns
        -------
        ndarray of int64, shape (n,)
        """
        joint = np.zeros(n, np.int64)
        for name in self.columns:
            encoded = groups[name].dictionary_encode()
            joint = joint * len(encoded.dictionary) + encoded.indices.to_numpy()
            # Renumbered after each column, or many columns would not fit an integer.
            _, joint = np.unique(joint, return_inverse=True)
        _, first, numbers = np.unique(joint, return_index=True, return_inverse=True)
        met = np.full(len(first), -1)
        for number in np.argsort(first):
            row = int(first[number])
            values = tuple(groups[name][row].as_py() for name in self.columns)
            met[number] = self.known.setdefault(values, len(self.known))
        return met[numbers]

    def groups(self, how: How) -> Groups:
        """The groups that each combination is in.

        Parameters
        ----------
        how : {"each", "crossed", "lattice"}

        Returns
        -------
        Groups
            With a row for each combination; everybody, where there are no columns.
        """
        if not self.columns:
            return Groups.from_codes(np.zeros(len(self.known), np.int64), ["everyone"])
        return Groups.of(
            {name: [values[c] for values in self.known] for c, name in enumerate(self.columns)},
            how,
        )

    def names(self) -> list[str]:
        """What to call each combination."""
        return [", ".join(values) or "everyone" for values in self.known]
