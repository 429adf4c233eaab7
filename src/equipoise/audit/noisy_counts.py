"""Rows counted by what is observed of their groups, and what follows of the true ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from equipoise.audit.counts import Counts
from equipoise.audit.joint import joint_counts
from equipoise.audit.weights import block_weights, resample_cells, weigh_cells
from equipoise.noise import FlipMatrix, NoisyGroups
from equipoise.noise.effects import effects
from equipoise.rates import Rate, divide

Array = NDArray[np.float64]


class Moments(NamedTuple):
    """What a rate is made of, by stratum.

    Attributes
    ----------
    seen : tuple of two ndarray, shape (s, c, p)
        Numerators and denominators of each observed group.
    squares : tuple of two ndarray, shape (s, c, p)
        The same with each row counting the square of its weight.
    true : tuple of two ndarray, shape (s, c, p)
        Numerators and denominators of each true group, as they follow.
    """

    seen: tuple[Array, Array]
    squares: tuple[Array, Array]
    true: tuple[Array, Array]


@dataclass(frozen=True, eq=False)
class NoisyCounts:
    """How many rows have each label and prediction, by observed group and stratum.

    Attributes
    ----------
    groups : tuple of str, length p
    classes : tuple, length k
        The label values.
    flips : tuple of FlipMatrix, length s
        One a stratum.
    table : ndarray of int64, shape (s, p, k, k)
        Rows by stratum, observed group, label and prediction.
    weight : ndarray of float64, shape (2, s, p, k, k), or None
        Sums of the rows' weights and of their squares, where rows count for more than others.
    strata : tuple of str
        What the strata are called; empty where there is one.
    """

    groups: tuple[str, ...]
    classes: tuple[Any, ...]
    flips: tuple[FlipMatrix, ...]
    table: NDArray[np.int64]
    weight: Array | None = None
    strata: tuple[str, ...] = ()

    @classmethod
    def from_codes(
        cls,
        label: NDArray[np.integer],
        prediction: NDArray[np.integer],
        groups: NoisyGroups,
        classes: Sequence[Any],
        weight: Array | None = None,
    ) -> NoisyCounts:
        """Count rows.

        Parameters
        ----------
        label, prediction : ndarray of int, shape (n,)
            Codes into ``classes``.
        groups : NoisyGroups of n rows
        classes : sequence, length k
        weight : ndarray, shape (n,), optional
            How much each row counts for, finite and not negative.

        Returns
        -------
        NoisyCounts

        Raises
        ------
        ValueError
            If the lengths differ, or a weight is negative or no number.
        """
        if not len(label) == len(prediction) == groups.n_rows:
            raise ValueError(
                f"label, prediction and groups must have one entry a row, but have {len(label):,}, "
                f"{len(prediction):,} and {groups.n_rows:,}."
            )
        k, shape = len(classes), cls.shape_of(groups, len(classes))
        codes, patterns = groups.patterns()
        flat = len(patterns), k, k
        weighed = None
        if weight is not None:
            weight = block_weights(weight, groups.n_rows)
            weighed = weigh_cells((codes * k + label) * k + prediction, weight, flat)
            weighed = weighed.reshape(2, *shape)
        table = joint_counts((codes, label, prediction), flat).reshape(shape)
        return cls.of_table(groups, classes, table, weighed)

    @staticmethod
    def shape_of(groups: NoisyGroups, n_classes: int) -> tuple[int, int, int, int]:
        """The shape of the table of such groups."""
        return len(groups.by_stratum), len(groups), n_classes, n_classes

    @classmethod
    def of_table(
        cls,
        groups: NoisyGroups,
        classes: Sequence[Any],
        table: NDArray[np.int64],
        weight: Array | None,
    ) -> NoisyCounts:
        """Take a table that is counted already.

        Parameters
        ----------
        groups : NoisyGroups
        classes : sequence, length k
        table : ndarray of int64, shape (s, p, k, k)
        weight : ndarray, shape (2, s, p, k, k), or None

        Returns
        -------
        NoisyCounts
        """
        plain = tuple(c.item() if isinstance(c, np.generic) else c for c in classes)
        return cls(groups.names, plain, groups.by_stratum, table, weight, groups.strata)

    @property
    def n_rows(self) -> int:
        """The number of rows counted."""
        return int(self.table.sum())

    @property
    def accuracy(self) -> float:
        """The share of all rows that are predicted rightly, whatever their groups."""
        return self.observed.accuracy

    @property
    def by_class(self) -> NDArray[Any]:
        """Rows, or the sum of their weights, whose label is each class, shape (k,)."""
        return self.observed.by_class

    @property
    def sizes(self) -> Array:
        """An estimate of the number of rows of each true group, shape (p,), whatever they weigh."""
        return self._true_of(self.table.sum(axis=(2, 3)).astype(np.float64)[..., None])[:, 0]

    @cached_property
    def by_group(self) -> Array:
        """An estimate of the rows by true group, label and prediction, shape (p, k, k).

        Without bias, so that it may be negative. Sums of weights where rows are weighted.
        """
        k = len(self.classes)
        flat = self._weighed.reshape(*self.table.shape[:2], k * k).astype(np.float64)
        return self._true_of(flat).reshape(-1, k, k)

    @cached_property
    def observed(self) -> Counts:
        """The counts with what is observed taken for the truth (in gold rows it is)."""
        total = self.table.sum(axis=0)
        weight = None if self.weight is None else self.weight.sum(axis=1)
        return Counts(
            self.groups, self.classes, np.eye(len(total), dtype=bool), total, None, weight
        )

    @property
    def _weighed(self) -> NDArray[Any]:
        return self.table if self.weight is None else self.weight[0]

    @property
    def squares(self) -> NDArray[Any]:
        """The table with each row counting the square of its weight."""
        return self.table if self.weight is None else self.weight[1]

    def _true_of(self, seen: Array) -> Array:
        # (s, p, cells) to (p, cells): one small product a stratum.
        parts = [one.inverse.T @ of for one, of in zip(self.flips, seen, strict=True)]
        return np.asarray(sum(parts[1:], start=parts[0]))

    def known_rows(self, rate: Rate) -> Array:
        """How many equal rows of each true group a rate would be a share of, if it were known.

        Parameters
        ----------
        rate : Rate

        Returns
        -------
        ndarray, shape (c, p)
            0 where the rate is undefined.
        """
        rows = np.maximum(rate.fractions(self.by_group)[1], 0.0)
        if self.weight is None:
            return rows
        k = len(self.classes)
        flat = self.weight[1].reshape(*self.table.shape[:2], k * k)
        squares = rate.fractions(self._true_of(flat).reshape(-1, k, k))[1]
        return np.divide(rows**2, squares, out=np.zeros_like(rows), where=squares > 0)

    def rates(self, rate: Rate) -> Array:
        """The rate of each true group, NaN where undefined.

        Parameters
        ----------
        rate : Rate

        Returns
        -------
        ndarray, shape (c, p)
            Without the bias of the flips, so that it may lie outside 0 and 1.

        Raises
        ------
        ValueError
            If the rate is one of the loss.
        """
        return divide(*rate.fractions(self.by_group))

    def resample(self, rate: Rate, size: int, random: np.random.Generator) -> Array:
        """The rate of each true group on bootstrap samples of the rows.

        Each sample is a multinomial draw of the observed table, corrected as the table is; where
        flips were estimated their errors are drawn too, to first order.

        Parameters
        ----------
        rate : Rate
        size : int
            Number of samples.
        random : numpy.random.Generator

        Returns
        -------
        ndarray, shape (size, c, p)
            NaN where a sample leaves a group no rows.

        Raises
        ------
        ValueError
            If the rate is one of the loss.
        """
        s, p, k, _ = self.table.shape
        flat = self.table.reshape(s * p, k, k)
        weight = None if self.weight is None else self.weight.reshape(2, s * p, k, k)
        inverse = np.concatenate([one.inverse for one in self.flips])  # (s * p, p)
        draws = np.concatenate(
            [
                np.einsum("bjyd,jg->bgyd", tables, inverse)
                for tables in resample_cells(flat, weight, size, random)
            ]
        )
        for one, seen in zip(self.flips, self._weighed.astype(np.float64), strict=True):
            true = np.einsum("jyd,jg->ydg", seen, one.inverse)
            for part in effects(one, true):
                scales, axes = np.linalg.eigh(part.covariance)
                normal = random.standard_normal((size, len(scales)))
                errors = normal * np.sqrt(scales.clip(0.0)) @ axes.T
                draws += np.einsum("ydge,be->bgyd", part.slopes, errors)
        return divide(*rate.fractions(draws))

    def moments(self, rate: Rate) -> Moments:
        """What a rate is made of, by stratum.

        Parameters
        ----------
        rate : Rate

        Returns
        -------
        Moments
        """
        seen = rate.fractions(self._weighed.astype(np.float64))
        squares = rate.fractions(self.squares.astype(np.float64))
        inverses = np.stack([one.inverse for one in self.flips])
        true = [np.einsum("scj,sjg->scg", part, inverses) for part in seen]
        return Moments(seen, squares, (true[0], true[1]))
