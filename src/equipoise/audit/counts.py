"""Everything an audit needs to know of the rows, small enough to add, store and send."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.audit.joint import joint_counts
from equipoise.audit.patterns import join_patterns
from equipoise.audit.weights import block_weights, effective_shares, resample_cells, weigh_cells
from equipoise.groups import Groups
from equipoise.rates import Rate, divide


@dataclass(frozen=True, eq=False)
class Counts:
    """How many rows have each label and prediction, by group: the whole of an audit's data.

    Counts of two blocks of rows can be merged, so a table of any size is audited block by block.
    Rows are counted by membership *pattern*, since patterns are disjoint where groups overlap;
    a resampled table of patterns is then a resample of the rows.

    Attributes
    ----------
    groups : tuple of str, length g
    classes : tuple, length k
        The label values.
    patterns : ndarray of bool, shape (p, g)
        To which groups the rows of each pattern belong; the identity for disjoint groups.
    table : ndarray of int64, shape (p, k, k)
        Rows by pattern, label and prediction.
    loss : ndarray of float64, shape (p, 2), or None
        Sum and sum of squares of the rows' losses by pattern, where losses are known.
    weight : ndarray of float64, shape (2, p, k, k), or None
        Sums of the rows' weights, and of their squares, by pattern, label and prediction, where
        rows count for more than others.
    """

    groups: tuple[str, ...]
    classes: tuple[Any, ...]
    patterns: NDArray[np.bool_]
    table: NDArray[np.int64]
    loss: NDArray[np.float64] | None = None
    weight: NDArray[np.float64] | None = None

    @classmethod
    def from_block(
        cls,
        label: NDArray[np.integer],
        prediction: NDArray[np.integer],
        groups: Groups,
        classes: Sequence[Any],
        loss: NDArray[np.float64] | None = None,
        weight: NDArray[np.float64] | None = None,
    ) -> Counts:
        """Count one block of rows.

        Parameters
        ----------
        label, prediction : ndarray of int, shape (n,)
            Codes into ``classes``.
        groups : Groups of n rows
        classes : sequence, length k
        loss : ndarray, shape (n,), optional
            The loss of each row.
        weight : ndarray, shape (n,), optional
            How much each row counts for, finite and not negative.

        Returns
        -------
        Counts

        Raises
        ------
        ValueError
            If the lengths differ, a code is not one of the classes, a weight is negative or no
            number, or losses are to be weighted.
        """
        for codes in (label, prediction):
            _require_codes(codes, len(classes))
        if weight is not None:
            weight = block_weights(weight, groups.n_rows)
        return cls._of_codes(label, prediction, groups, classes, loss, weight)

    @classmethod
    def _of_codes(
        cls,
        label: NDArray[np.integer],
        prediction: NDArray[np.integer],
        groups: Groups,
        classes: Sequence[Any],
        loss: NDArray[np.float64] | None = None,
        weight: NDArray[np.float64] | None = None,
    ) -> Counts:
        # Of codes that are known to be right, because they were made here.
        if loss is not None and weight is not None:
            raise ValueError("losses are counted of rows that weigh the same: leave out weight.")
        if not len(label) == len(prediction) == groups.n_rows:
            raise ValueError(
                f"label, prediction and groups must have one entry a row, but have {len(label):,}, "
                f"{len(prediction):,} and {groups.n_rows:,}."
            )
        k = len(classes)
        codes, patterns = groups.patterns()
        table = joint_counts((codes, label, prediction), (len(patterns), k, k))
        sums: NDArray[np.float64] | None = None
        if loss is not None:
            sums = np.stack(
                [np.bincount(codes, x, len(patterns)).astype(float) for x in (loss, loss * loss)],
                axis=1,
            )
        weighed = None
        if weight is not None:
            weighed = weigh_cells((codes * k + label) * k + prediction, weight, table.shape)
        plain = (c.item() if isinstance(c, np.generic) else c for c in classes)
        return cls(groups.names, tuple(plain), patterns, table, sums, weighed)

    @property
    def disjoint(self) -> bool:
        """Whether no row belongs to two groups."""
        return bool((self.patterns.sum(axis=1) <= 1).all())

    @property
    def n_rows(self) -> int:
        """The number of rows counted."""
        return int(self.table.sum())

    @property
    def accuracy(self) -> float:
        """The share of all rows that are predicted rightly; NaN where none has a weight."""
        if not self._weighed.any():
            return float("nan")
        return float(np.trace(self._weighed, axis1=1, axis2=2).sum() / self._weighed.sum())

    @property
    def by_class(self) -> NDArray[Any]:
        """Rows, or the sum of their weights, whose label is each class, shape (k,)."""
        return self._weighed.sum(axis=(0, 2))

    @cached_property
    def by_group(self) -> NDArray[Any]:
        """Rows, or the sum of their weights, by group, label and prediction, shape (g, k, k)."""
        return self._of_groups(self._weighed)

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Rows of each group, shape (g,), whatever they weigh."""
        return self.table.sum(axis=(1, 2)) @ self.patterns.astype(np.int64)

    @property
    def _weighed(self) -> NDArray[Any]:
        return self.table if self.weight is None else self.weight[0]

    def _of_groups(self, table: NDArray[Any]) -> NDArray[Any]:
        return np.einsum("pg,pkl->gkl", self.patterns.astype(table.dtype), table)

    def fractions(self, rate: Rate) -> tuple[NDArray[Any], NDArray[Any]]:
        """Numerators and denominators of a rate; the denominators are its support.

        Of weighted rows they are those of as many equal rows as tell as much of the rate.

        Parameters
        ----------
        rate : Rate

        Returns
        -------
        numerator, denominator : ndarray, shape (c, g)

        Raises
        ------
        ValueError
            If the rate is one of the loss and no losses were counted.
        """
        if rate.of_loss:
            return self.patterns.T[None] @ self._loss_sums()[:, 0], self.sizes[None]
        counted = rate.fractions(self.by_group)
        if self.weight is None:
            return counted
        return effective_shares(*counted, rate.fractions(self._of_groups(self.weight[1])))

    def rates(self, rate: Rate) -> NDArray[np.float64]:
        """The rate of each group, NaN where undefined.

        Parameters
        ----------
        rate : Rate

        Returns
        -------
        ndarray, shape (c, g)
        """
        if rate.of_loss:
            return divide(*self.fractions(rate))
        return rate.values(self.by_group)

    def resample(self, rate: Rate, size: int, random: np.random.Generator) -> NDArray[np.float64]:
        """The rate of each group on bootstrap samples of the rows.

        A sample of the rows with replacement is a multinomial draw of the table, so the cost does
        not depend on the number of rows. Mean losses are drawn from their normal limit.

        Parameters
        ----------
        rate : Rate
        size : int
            Number of samples.
        random : numpy.random.Generator

        Returns
        -------
        ndarray, shape (size, c, g)
        """
        if rate.of_loss:
            members = self.patterns.astype(np.float64)
            sizes = self.table.sum(axis=(1, 2))
            sums = self._loss_sums()
            mean = divide(sums[:, 0], sizes)
            spread = np.sqrt(np.maximum(divide(sums[:, 1], sizes) - mean**2, 0) * sizes)
            drawn = random.normal(
                np.nan_to_num(sums[:, 0]), np.nan_to_num(spread), (size, len(mean))
            )
            total = drawn @ members
            return divide(total, np.broadcast_to(self.sizes, total.shape))[:, None]
        if not self.n_rows:
            k = len(self.classes)
            return np.full((size, rate.n_components(k), len(self.groups)), np.nan)
        return np.concatenate([rate.values(part) for part in self._resamples(size, random)])

    def resample_tables(self, size: int, random: np.random.Generator) -> NDArray[np.float64]:
        """The tables of bootstrap samples of the rows.

        Parameters
        ----------
        size : int
        random : numpy.random.Generator

        Returns
        -------
        ndarray, shape (size, g, k, k)
        """
        return np.concatenate(list(self._resamples(size, random)))

    def _resamples(self, size: int, random: np.random.Generator) -> Iterator[NDArray[np.float64]]:
        members = self.patterns.astype(np.float64)
        for tables in resample_cells(self.table, self.weight, size, random):
            flat = tables.reshape(*tables.shape[:2], -1)
            by_group = np.swapaxes(np.swapaxes(flat, 1, 2) @ members, 1, 2)
            yield by_group.reshape(len(tables), -1, *tables.shape[2:])

    def _loss_sums(self) -> NDArray[np.float64]:
        if self.loss is None:
            raise ValueError(
                "these counts have no losses: count them with Counts.from_block(loss=)."
            )
        return self.loss

    def without_empty_groups(self) -> Counts:
        """The same counts of the groups that have rows."""
        some = self.sizes > 0
        names = tuple(name for name, has in zip(self.groups, some, strict=True) if has)
        used = self.table.any(axis=(1, 2))
        loss = None if self.loss is None else self.loss[used]
        weight = None if self.weight is None else self.weight[:, used]
        patterns = self.patterns[used][:, some]
        return Counts(names, self.classes, patterns, self.table[used], loss, weight)

    def merge(self, other: Counts) -> Counts:
        """The counts of both blocks of rows together.

        Parameters
        ----------
        other : Counts
            May have groups and classes that this one has not seen.

        Returns
        -------
        Counts

        Raises
        ------
        ValueError
            If only one of the two has counted losses or weights, or has classes that are text.
        """
        for what in ("loss", "weight"):
            if (getattr(self, what) is None) != (getattr(other, what) is None):
                raise ValueError(f"only one of the two counts has a {what} of its rows.")
        if len({isinstance(c, str) for c in (*self.classes, *other.classes)}) > 1:
            raise ValueError(
                f"classes are text and numbers, which have no order: {self.classes} and "
                f"{other.classes}; write both in the same way."
            )
        classes = tuple(sorted({*self.classes, *other.classes}))
        # The two sets of classes may be listed in an order of their own (the positive one last).
        for part in (other, self):
            if {*classes} == {*part.classes}:
                classes = part.classes
        parts = (self, other)
        joined = join_patterns([(part.groups, part.patterns) for part in parts])
        table = np.zeros((len(joined.patterns), len(classes), len(classes)), np.int64)
        loss = None if self.loss is None else np.zeros((len(joined.patterns), 2))
        weight = None if self.weight is None else np.zeros((2, *table.shape))
        for part, where in zip(parts, joined.where, strict=True):
            label = np.array([classes.index(c) for c in part.classes], np.int64)
            cells = np.ix_(where, label, label)
            np.add.at(table, cells, part.table)
            if weight is not None and part.weight is not None:
                for sums, more in zip(weight, part.weight, strict=True):
                    np.add.at(sums, cells, more)
            if loss is not None and part.loss is not None:
                np.add.at(loss, where, part.loss)
        return Counts(joined.groups, classes, joined.patterns, table, loss, weight)

    def to_dict(self) -> dict[str, Any]:
        """The counts as JSON can hold them."""
        return {
            "groups": list(self.groups),
            "classes": list(self.classes),
            "patterns": self.patterns.astype(int).tolist(),
            "table": self.table.tolist(),
            "loss": None if self.loss is None else self.loss.tolist(),
            "weight": None if self.weight is None else self.weight.tolist(),
        }

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> Counts:
        """Read what :meth:`to_dict` wrote.

        Parameters
        ----------
        state : dict

        Returns
        -------
        Counts
        """
        return cls(
            tuple(state["groups"]),
            tuple(state["classes"]),
            np.array(state["patterns"], np.bool_),
            np.array(state["table"], np.int64),
            *(None if state.get(x) is None else np.array(state[x]) for x in ("loss", "weight")),
        )


def _require_codes(codes: NDArray[np.integer], n_classes: int) -> None:
    # As an unsigned number a negative one is huge: one comparison finds both errors.
    if len(codes) and codes.astype(np.int64, copy=False).view(np.uint64).max() >= n_classes:
        raise ValueError(
            f"label and prediction must be codes from 0 to {n_classes - 1}, one a class, but "
            f"range from {codes.min()} to {codes.max()}."
        )
