"""Scores counted so finely that a count is as good as the scores, and can be added and stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.audit.counts import Counts
from equipoise.audit.joint import joint_counts
from equipoise.audit.patterns import join_patterns
from equipoise.audit.weights import block_weights, weigh_cells
from equipoise.groups import Groups

N_BINS = 2**14
"""Into how many bins scores are counted."""


@dataclass(frozen=True, eq=False)
class ScoreCounts:
    """How many rows of each label have a score in each of many narrow bins, by group.

    A sweep over all thresholds, the areas under ROC curves and calibration are sums over it.
    Thresholds are edges of bins: at 16,384 bins of probabilities none is farther than 0.00003 from
    one, and scores within a bin are taken for equal.

    Attributes
    ----------
    groups : tuple of str, length g
    classes : tuple of two
        The label values, the positive one last.
    patterns : ndarray of bool, shape (p, g)
        As :class:`Counts` has them.
    table : ndarray of int64, shape (p, 2, b)
        Rows by pattern, label and bin of the score.
    limits : (float, float)
        Ends of the first and last bin.
    weight : ndarray of float64, shape (2, p, 2, b), or None
        Sums of the rows' weights, and of their squares, where rows count for more than others.
    """

    groups: tuple[str, ...]
    classes: tuple[Any, ...]
    patterns: NDArray[np.bool_]
    table: NDArray[np.int64]
    limits: tuple[float, float] = (0.0, 1.0)
    weight: NDArray[np.float64] | None = None

    @classmethod
    def from_block(
        cls,
        label: NDArray[np.integer],
        score: ArrayLike,
        groups: Groups,
        classes: Sequence[Any] = (0, 1),
        limits: tuple[float, float] = (0.0, 1.0),
        bins: int = N_BINS,
        weight: NDArray[np.float64] | None = None,
    ) -> ScoreCounts:
        """Count one block of rows.

        Parameters
        ----------
        label : ndarray of int, shape (n,)
            0, or 1 for the positive class.
        score : array-like, shape (n,)
            The higher, the more is said for the positive class.
        groups : Groups of n rows
        classes : sequence of two
        limits : (float, float)
            Between which all scores lie, ends included.
        bins : int
        weight : ndarray, shape (n,), optional
            How much each row counts for, finite and not negative.

        Returns
        -------
        ScoreCounts

        Raises
        ------
        ValueError
            If lengths differ, labels are not 0 or 1, a score is missing or beyond the limits, or a
            weight is negative or no number.
        """
        scores = np.asarray(score)
        if scores.dtype.kind == "O":
            raise ValueError("score must hold numbers; some are missing or something else.")
        if scores.dtype.kind not in "fiub":
            raise ValueError(f"score must hold numbers, not {scores.dtype}.")
        # In double precision throughout, where a score and a threshold that read alike are alike.
        scores = scores.astype(np.float64, copy=False)
        if not len(label) == len(scores) == groups.n_rows:
            raise ValueError(
                f"label, score and groups must have one entry a row, but have {len(label):,}, "
                f"{len(scores):,} and {groups.n_rows:,}."
            )
        if len(classes) != 2 or (len(label) and not 0 <= label.min() <= label.max() <= 1):
            raise ValueError("label must be 0 or 1: scores are audited for two classes.")
        low, high = map(float, limits)
        if not (np.isfinite([low, high]).all() and low < high):
            raise ValueError(f"limits must be two finite numbers, the lower first, not {limits}.")
        if len(scores):
            least, most = float(scores.min()), float(scores.max())
            if np.isnan(least):
                missing = int(np.isnan(scores).sum())
                raise ValueError(f"score has {missing:,} missing values; drop those rows.")
            if least < low or most > high:
                raise ValueError(
                    f"score ranges from {least:g} to {most:g}, beyond the limits {low:g} and "
                    f"{high:g}; probabilities lie between 0 and 1, of other scores give limits."
                )
        codes, patterns = groups.patterns()
        place = places(scores, low, high, bins)
        cells, shape = (codes, label, place), (len(patterns), 2, bins)
        table = joint_counts(cells, shape)
        weighed = None
        if weight is not None:
            of_rows = block_weights(weight, len(scores))
            weighed = weigh_cells(np.ravel_multi_index(cells, shape), of_rows, shape)
        return cls(groups.names, tuple(classes), patterns, table, (low, high), weighed)

    @property
    def n_bins(self) -> int:
        """The number of bins, b."""
        return self.table.shape[-1]

    @property
    def edges(self) -> NDArray[np.float64]:
        """Lower ends of the bins, the thresholds that can be looked at, shape (b,)."""
        low, high = self.limits
        return low + (high - low) * np.arange(self.n_bins) / self.n_bins

    @property
    def middles(self) -> NDArray[np.float64]:
        """The score that a bin's rows are taken to have, shape (b,)."""
        return self.edges + (self.limits[1] - self.limits[0]) / (2 * self.n_bins)

    @property
    def disjoint(self) -> bool:
        """Whether no row belongs to two groups."""
        return bool((self.patterns.sum(axis=1) <= 1).all())

    @cached_property
    def by_group(self) -> NDArray[Any]:
        """Rows, or the sum of their weights, by group, label and bin, shape (g, 2, b)."""
        return self._of_groups(self._weighed)

    @cached_property
    def squares_by_group(self) -> NDArray[Any]:
        """The sum of the squares of the rows' weights, by group, label and bin."""
        return self.by_group if self.weight is None else self._of_groups(self.weight[1])

    @property
    def by_bin(self) -> NDArray[Any]:
        """Rows, or the sum of their weights, by bin, shape (b,)."""
        return self._weighed.sum(axis=(0, 1))

    @property
    def _weighed(self) -> NDArray[Any]:
        return self.table if self.weight is None else self.weight[0]

    def _of_groups(self, table: NDArray[Any]) -> NDArray[Any]:
        if np.array_equal(self.patterns, np.eye(len(self.patterns), dtype=bool)):
            return table
        return np.einsum("pg,plb->glb", self.patterns.astype(table.dtype), table)

    def at(self, threshold: float) -> Counts:
        """The counts of the decisions that a threshold makes.

        Parameters
        ----------
        threshold : float
            Rows with a score of at least it are decided to be positive, and with them those that
            share its bin.

        Returns
        -------
        Counts
            To be audited as any other.
        """
        low, high = self.limits
        if np.isnan(threshold):
            raise ValueError("threshold must be a number, not NaN.")
        cut = self.n_bins
        if threshold <= high:
            cut = int(places(np.array([max(threshold, low)]), low, high, self.n_bins)[0])

        def decided(table: NDArray[Any]) -> NDArray[Any]:
            return np.stack([table[..., :cut].sum(-1), table[..., cut:].sum(-1)], axis=-1)

        weight = None if self.weight is None else decided(self.weight)
        table = decided(self.table)
        return Counts(self.groups, self.classes, self.patterns, table, weight=weight)

    def sweep(self) -> NDArray[Any]:
        """The tables of all thresholds at once.

        Returns
        -------
        ndarray, shape (b, g, 2, 2)
            Rows, or the sum of their weights, by group, label and decision, at each of
            :attr:`edges`.
        """
        below = np.zeros_like(self.by_group)
        np.cumsum(self.by_group[..., :-1], axis=-1, out=below[..., 1:])
        total = self.by_group.sum(-1, keepdims=True)
        return np.moveaxis(np.stack([below, total - below], axis=2), -1, 0)

    def merge(self, other: ScoreCounts) -> ScoreCounts:
        """The counts of both blocks of rows together.

        Parameters
        ----------
        other : ScoreCounts
            May have groups that this one has not seen.

        Returns
        -------
        ScoreCounts

        Raises
        ------
        ValueError
            If bins or classes differ, or only one has weights.
        """
        if (self.weight is None) != (other.weight is None):
            raise ValueError("only one of the two counts has a weight of its rows.")
        if (self.limits, self.n_bins) != (other.limits, other.n_bins):
            raise ValueError("counts of scores with other limits or bins cannot be merged.")
        if self.classes != other.classes:
            raise ValueError(f"classes differ: {self.classes} and {other.classes}.")
        parts = (self, other)
        joined = join_patterns([(part.groups, part.patterns) for part in parts])
        table = np.zeros((len(joined.patterns), 2, self.n_bins), np.int64)
        weight = None if self.weight is None else np.zeros((2, *table.shape))
        for part, where in zip(parts, joined.where, strict=True):
            np.add.at(table, where, part.table)
            if weight is not None and part.weight is not None:
                for sums, more in zip(weight, part.weight, strict=True):
                    np.add.at(sums, where, more)
        shared = joined.groups, self.classes, joined.patterns
        return ScoreCounts(*shared, table, self.limits, weight)


def places(scores: NDArray[np.float64], low: float, high: float, bins: int) -> NDArray[np.int32]:
    """The bin of each score between two limits."""
    # One expression for scores and for thresholds: rounding must not tell them apart.
    place = ((scores - low) * (bins / (high - low))).astype(np.int32)
    return np.minimum(place, bins - 1, out=place)
