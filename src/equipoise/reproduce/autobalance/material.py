"""The rows of one seed of one task, and the half or fifth of them that a loss is judged on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from equipoise.learn import Rows
from equipoise.learn.autobalance import hold_out
from equipoise.learn.imbalance import cell_counts


@dataclass(frozen=True, eq=False)
class Material:
    """Rows to learn from and to be judged by.

    Attributes
    ----------
    rows : Rows
        All that may be learnt from.
    held_out : ndarray of int
        Which of them a loss is judged on and not trained on.
    test : Rows
    n_classes : int
    """

    rows: Rows
    held_out: NDArray[np.int64]
    test: Rows
    n_classes: int

    @classmethod
    def of(cls, rows: Rows, test: Rows, n_classes: int, fraction: float, seed: int) -> Material:
        """Hold rows out, by class and group.

        Parameters
        ----------
        rows, test : Rows
        n_classes : int
        fraction : float
            Of those held out.
        seed : int

        Returns
        -------
        Material
        """
        return cls(rows, hold_out(rows, n_classes, fraction, seed), test, n_classes)

    @cached_property
    def training(self) -> Rows:
        """The rows that are not held out."""
        return self.rows.take(np.setdiff1d(np.arange(len(self.rows)), self.held_out))

    @cached_property
    def validation(self) -> Rows:
        """The rows held out."""
        return self.rows.take(self.held_out)

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """All rows by class, shape (K,), or by class and group, shape (K, G)."""
        return self.counts_of(self.rows)

    def counts_of(self, rows: Rows) -> NDArray[np.int64]:
        """Rows by class, or by class and group.

        Parameters
        ----------
        rows : Rows

        Returns
        -------
        ndarray of int64, shape (K,) or (K, G)
        """
        label = rows.label.numpy()
        if rows.groups is None:
            return cell_counts(label, self.n_classes)
        assert rows.groups.codes is not None
        return cell_counts(label, self.n_classes, rows.groups.codes, len(rows.groups))

    @property
    def fingerprint(self) -> str:
        """A hash of all rows and of which are held out."""
        found = hashlib.sha256(self.held_out.tobytes())
        for rows in (self.rows, self.test):
            found.update(rows.features.numpy().tobytes())
            found.update(rows.label.numpy().tobytes())
            if rows.groups is not None:
                assert rows.groups.codes is not None
                found.update(rows.groups.codes.tobytes())
        return found.hexdigest()[:24]
