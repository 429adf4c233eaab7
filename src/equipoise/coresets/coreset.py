"""A weighted set of points that stands for a larger one, and what can be done with two of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.coresets.checks import (
    as_centres,
    as_codes,
    as_count,
    as_points,
    as_power,
    as_weights,
)
from equipoise.coresets.distances import nearest, to_power

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class Coreset:
    """Weighted points in place of many more.

    For a set of k centres C the cost of the points, ``sum_x w_x min_c |x - c|^z``, is close to that
    of what they stand for; so it is for each *collection* of points alone, whose total weight is
    exactly that of what it stands for. That is what makes costs under constraints on collections
    comparable: where masses differ, one has a feasible assignment that the other has not.

    Coresets are a commutative monoid under :meth:`merge`, with :meth:`empty`: blocks of rows can
    be summarised apart, in any order, and put together.

    Attributes
    ----------
    points : ndarray of float64, shape (m, d)
    weights : ndarray of float64, shape (m,)
        Positive: how many rows, or how much of the rows' weight, each point stands for.
    collections : ndarray of int64, shape (m,)
        Which collection each point is of: codes that mean the same in all coresets that are
        merged, and need not be consecutive.
    rows : ndarray of int64, shape (m,)
        The number of the row that each point is; -1 for points that are no row.
    power : float
        z: 1 for k-median, 2 for k-means.
    movement : float or None
        M_z, the sum of ``w |x - s(x)|^z`` over all rows x, where each was moved to the point s(x)
        of its own collection: a certificate for all centres and all constraints, see
        :mod:`equipoise.coresets.certificates`. None for samples, which have no such certificate.
    offset : float
        To be added to the cost of the points: what points lose that are replaced by their mean
        (z = 2).
    n_rows : int
        Rows that it stands for.
    lineage : tuple of str
        How it was made: distinct steps with their seeds, sorted.
    """

    points: Floats
    weights: Floats
    collections: Integers
    rows: Integers
    power: float
    movement: float | None = 0.0
    offset: float = 0.0
    n_rows: int = 0
    lineage: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.points)

    @classmethod
    def empty(cls, n_features: int, power: float = 2.0) -> Coreset:
        """That of no rows.

        Parameters
        ----------
        n_features : int
            d.
        power : float
            z.

        Returns
        -------
        Coreset

        Raises
        ------
        ValueError
            If there are no features, or z is less than 1.
        """
        n_features, power = as_count(n_features, "n_features"), as_power(power)
        codes = np.empty(0, np.int64)
        return cls(np.empty((0, n_features)), np.empty(0), codes, codes, power)

    @classmethod
    def from_block(
        cls,
        points: ArrayLike,
        weights: ArrayLike | None = None,
        collections: ArrayLike | None = None,
        *,
        power: float = 2.0,
        first_row: int = 0,
    ) -> Coreset:
        """All rows of a block, each for itself.

        Parameters
        ----------
        points : array-like of float, shape (n, d)
            Not copied if it is a float64 array already.
        weights : array-like of float, shape (n,), optional
            By default 1. Rows of weight 0 are left out.
        collections : array-like of int, shape (n,), optional
            By default all rows are of one.
        power : float
            z, at least 1.
        first_row : int
            The number of the first row, where blocks follow one another.

        Returns
        -------
        Coreset

        Raises
        ------
        ValueError
            If points are not finite or shapes differ, weights are negative or not finite,
            collections are no integers, or z is less than 1.
        """
        power = as_power(power)
        X = as_points(points)
        n = len(X)
        w = np.ones(n) if weights is None else as_weights(weights, n)
        codes = np.zeros(n, np.int64) if collections is None else as_codes(collections, n)
        rows = np.arange(first_row, first_row + n)
        if (w == 0).any():
            kept = w > 0
            X, w, codes, rows = X[kept], w[kept], codes[kept], rows[kept]
        return cls(X, w, codes, rows, power, n_rows=n)

    def merge(self, *others: Coreset) -> Coreset:
        """Put together with others, which stand for other rows.

        Parameters
        ----------
        *others : Coreset
            Of as many features and the same power.

        Returns
        -------
        Coreset
            Points are in the order of their rows, so that the order of merging makes no
            difference.

        Raises
        ------
        ValueError
            If features or powers differ.
        """
        parts = (self, *others)
        for other in others:
            if other.points.shape[1] != self.points.shape[1]:
                raise ValueError(
                    f"coresets of {self.points.shape[1]} and {other.points.shape[1]} features "
                    "cannot be merged."
                )
            if other.power != self.power:
                raise ValueError(
                    f"coresets for z = {self.power:g} and z = {other.power:g} cannot be merged."
                )
        points, weights, collections, rows = (
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("points", "weights", "collections", "rows")
        )
        order = np.argsort(rows, kind="stable")
        if (np.diff(rows[order]) == 0).any():
            # Points that are no row, or rows that blocks numbered alike, go by what they are.
            order = np.lexsort((weights, *points.T[::-1], collections, rows))
        movements = [part.movement for part in parts]
        return Coreset(
            points[order],
            weights[order],
            collections[order],
            rows[order],
            self.power,
            None if None in movements else float(sum(sorted(m for m in movements if m))),
            float(sum(sorted(part.offset for part in parts))),
            sum(part.n_rows for part in parts),
            tuple(sorted({step for part in parts for step in part.lineage})),
        )

    def reduce(self, builder: Builder, seed: int | np.random.SeedSequence = 0) -> Coreset:
        """A smaller one that stands for the same rows.

        Parameters
        ----------
        builder : Builder
            Such as :class:`equipoise.coresets.Stratified`.
        seed : int or SeedSequence
            The same seed gives the same bits.

        Returns
        -------
        Coreset
            This one, if it is as small as the builder would make it already.
        """
        random = np.random.default_rng(seed)
        if len(self) <= builder.size:
            return self
        return builder(self, random).after(self, f"{builder}, seed {_said(seed)}")

    def after(self, larger: Coreset, step: str) -> Coreset:
        """Made of points of another coreset, as one of the rows that the other stands for.

        Parameters
        ----------
        larger : Coreset
            Whose points this one takes for rows: ``rows`` are numbers of its points.
        step : str
            What was done, for the lineage.

        Returns
        -------
        Coreset
            With the movement that the triangle inequality gives for both steps together; where
            the larger one has means for points, that of Pythagoras' theorem, which is exact.
        """
        whole = self.rows >= 0
        movement: float | None = None
        if self.movement is not None and larger.movement is not None:
            root = 1 / self.power
            movement = (
                self.movement + larger.movement
                if larger.has_means
                else float((self.movement**root + larger.movement**root) ** self.power)
            )
        return replace(
            self,
            rows=np.where(whole, larger.rows[np.where(whole, self.rows, 0)], -1),
            movement=movement,
            offset=self.offset + larger.offset,
            n_rows=larger.n_rows,
            lineage=tuple(sorted({*larger.lineage, step})),
        )

    def cost(self, centres: ArrayLike) -> float:
        """What the rows cost at the nearest of some centres, as the coreset has it.

        Parameters
        ----------
        centres : array-like of float, shape (k, d)

        Returns
        -------
        float
            ``sum_x w_x min_c |x - c|^z``, and the offset.
        """
        C = as_centres(centres, self.points.shape[1])
        squares = nearest(self.points, C)[1]
        return float(self.weights @ to_power(squares, self.power)) + self.offset

    @cached_property
    def masses(self) -> dict[int, float]:
        """The weight of each collection."""
        codes, of = np.unique(self.collections, return_inverse=True)
        sums = np.bincount(of, self.weights, len(codes))
        return {int(code): float(mass) for code, mass in zip(codes, sums, strict=True)}

    @property
    def has_means(self) -> bool:
        """Whether z is 2 and each point is the mean of all that it stands for.

        No step's offset is more than its movement, and it is as much where points were replaced
        by their means alone.
        """
        if self.movement is None or self.power != 2:
            return False
        return self.movement <= self.offset * (1 + _ROUNDING)

    @property
    def mass(self) -> float:
        """The weight of all points."""
        return float(self.weights.sum())

    def __repr__(self) -> str:
        kind = "z" if self.power not in (1, 2) else ("median", "means")[int(self.power) - 1]
        return (
            f"Coreset({len(self):,} points for {self.n_rows:,} rows, "
            f"{self.points.shape[1]} features, {len(self.masses)} collections, k-{kind})"
        )


class Builder(Protocol):
    """How a coreset is made smaller. Its text is how it is named in lineages."""

    @property
    def size(self) -> int:
        """Points that it makes, about."""

    def __call__(self, larger: Coreset, random: np.random.Generator) -> Coreset:
        """Make it.

        Parameters
        ----------
        larger : Coreset
            With more points than `size`.
        random : numpy.random.Generator

        Returns
        -------
        Coreset
            Of the points of `larger`: ``rows`` are numbers of its points, and movement and
            offset those of this step alone.
        """


def merge_all(parts: Iterable[Coreset]) -> Coreset:
    """Several coresets as one.

    Parameters
    ----------
    parts : iterable of Coreset
        At least one.

    Returns
    -------
    Coreset
    """
    first, *others = parts
    return first.merge(*others)


def _said(seed: Any) -> str:
    if isinstance(seed, np.random.SeedSequence):
        return f"{seed.entropy}" + ("" if not seed.spawn_key else " by block")
    return str(seed)
