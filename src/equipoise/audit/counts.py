"""Everything an audit needs to know of the rows, small enough to add, store and send."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.audit.patterns import join_patterns
from equipoise.groups import Groups
from equipoise.rates import Rate, divide

_BLOCK = 65_536
# Bootstrap tables are drawn so many cells at a time: all at once, a hundred groups and twenty
# classes would fill a gigabyte.
_CELLS_AT_ONCE = 2**22


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
    """

    groups: tuple[str, ...]
    classes: tuple[Any, ...]
    patterns: NDArray[np.bool_]
    table: NDArray[np.int64]
    loss: NDArray[np.float64] | None = None

    @classmethod
    def from_block(
        cls,
        label: NDArray[np.integer],
        prediction: NDArray[np.integer],
        groups: Groups,
        classes: Sequence[Any],
        loss: NDArray[np.float64] | None = None,
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

        Returns
        -------
        Counts

        Raises
        ------
        ValueError
            If the lengths differ, or a code is not one of the classes.
        """
        for codes in (label, prediction):
            _require_codes(codes, len(classes))
        return cls._of_codes(label, prediction, groups, classes, loss)

    @classmethod
    def _of_codes(
        cls,
        label: NDArray[np.integer],
        prediction: NDArray[np.integer],
        groups: Groups,
        classes: Sequence[Any],
        loss: NDArray[np.float64] | None = None,
    ) -> Counts:
        # Of codes that are known to be right, because they were made here.
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
        plain = (c.item() if isinstance(c, np.generic) else c for c in classes)
        return cls(groups.names, tuple(plain), patterns, table, sums)

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
        """The share of all rows that are predicted rightly; NaN where there are none."""
        if not self.n_rows:
            return float("nan")
        return float(np.trace(self.table, axis1=1, axis2=2).sum() / self.n_rows)

    @cached_property
    def by_group(self) -> NDArray[np.int64]:
        """Rows by group, label and prediction, shape (g, k, k)."""
        return np.einsum("pg,pkl->gkl", self.patterns.astype(np.int64), self.table)

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Rows of each group, shape (g,)."""
        return self.by_group.sum(axis=(1, 2))

    def fractions(self, rate: Rate) -> tuple[NDArray[Any], NDArray[Any]]:
        """Numerators and denominators of a rate; the denominators are its support.

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
        if not rate.of_loss:
            return rate.fractions(self.by_group)
        return self.patterns.T[None] @ self._loss_sums()[:, 0], self.sizes[None]

    def rates(self, rate: Rate) -> NDArray[np.float64]:
        """The rate of each group, NaN where undefined.

        Parameters
        ----------
        rate : Rate

        Returns
        -------
        ndarray, shape (c, g)
        """
        return divide(*self.fractions(rate))

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
        share = self.table.ravel() / max(1, self.n_rows)
        at_once = max(1, _CELLS_AT_ONCE // share.size)
        for start, stop in pairwise([*range(0, size, at_once), size]):
            yield self._by_group(random.multinomial(self.n_rows, share, stop - start))

    def _by_group(self, tables: NDArray[np.int64]) -> NDArray[np.float64]:
        """Flat tables of patterns, shape (b, p k k), as tables of groups, shape (b, g, k, k)."""
        k = len(self.classes)
        by_pattern = tables.astype(np.float64).reshape(len(tables), len(self.patterns), k * k)
        by_group = np.swapaxes(by_pattern, 1, 2) @ self.patterns.astype(np.float64)
        return np.swapaxes(by_group, 1, 2).reshape(len(tables), -1, k, k)

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
        return Counts(names, self.classes, self.patterns[used][:, some], self.table[used], loss)

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
            If only one of the two has counted losses.
        """
        if (self.loss is None) != (other.loss is None):
            raise ValueError("only one of the two counts has losses, so they cannot be merged.")
        classes = tuple(sorted({*self.classes, *other.classes}))
        # The two sets of classes may be listed in an order of their own (the positive one last).
        for part in (other, self):
            if {*classes} == {*part.classes}:
                classes = part.classes
        parts = (self, other)
        joined = join_patterns([(part.groups, part.patterns) for part in parts])
        table = np.zeros((len(joined.patterns), len(classes), len(classes)), np.int64)
        loss = None if self.loss is None else np.zeros((len(joined.patterns), 2))
        for part, where in zip(parts, joined.where, strict=True):
            label = np.array([classes.index(c) for c in part.classes], np.int64)
            np.add.at(table, np.ix_(where, label, label), part.table)
            if loss is not None and part.loss is not None:
                np.add.at(loss, where, part.loss)
        return Counts(joined.groups, classes, joined.patterns, table, loss)

    def to_dict(self) -> dict[str, Any]:
        """The counts as JSON can hold them."""
        return {
            "groups": list(self.groups),
            "classes": list(self.classes),
            "patterns": self.patterns.astype(int).tolist(),
            "table": self.table.tolist(),
            "loss": None if self.loss is None else self.loss.tolist(),
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
            None if state["loss"] is None else np.array(state["loss"]),
        )


def joint_counts(
    columns: tuple[NDArray[np.integer], ...], sizes: tuple[int, ...]
) -> NDArray[np.int64]:
    """Count how often each combination of codes occurs.

    Parameters
    ----------
    columns : tuple of ndarray of int, each of shape (n,)
    sizes : tuple of int
        How many codes each column has.

    Returns
    -------
    ndarray of int64, of shape ``sizes``
    """
    # In blocks that stay in the cache, and in the smallest integers that hold a cell's number: a
    # joint code of all rows would cost four more passes through memory than the columns do.
    total = np.zeros(int(np.prod(sizes)), np.int64)
    joint, part = np.empty((2, _BLOCK), np.min_scalar_type(len(total)))
    for start in range(0, len(columns[0]), _BLOCK):
        code = joint[: min(_BLOCK, len(columns[0]) - start)]
        np.copyto(code, columns[0][start : start + _BLOCK], casting="unsafe")
        for column, size in zip(columns[1:], sizes[1:], strict=True):
            digit = part[: len(code)]
            np.copyto(digit, column[start : start + _BLOCK], casting="unsafe")
            code *= size
            code += digit
        total += np.bincount(code, minlength=len(total))
    return total.reshape(sizes)


def _require_codes(codes: NDArray[np.integer], n_classes: int) -> None:
    # As an unsigned number a negative one is huge: one comparison finds both errors.
    if len(codes) and codes.astype(np.int64, copy=False).view(np.uint64).max() >= n_classes:
        raise ValueError(
            f"label and prediction must be codes from 0 to {n_classes - 1}, one a class, but "
            f"range from {codes.min()} to {codes.max()}."
        )
