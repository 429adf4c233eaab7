"""A difference of two contenders that holds for new seeds and for new test rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse, stats

from equipoise.audit import Estimate
from equipoise.audit.result import require_settings
from equipoise.constraints import Disparity
from equipoise.groups import Groups

# So many numbers of resampled tables are held at a time.
_AT_ONCE = 2**23
# What share of the resamples has to have a figure, as in audits.
_DEFINED = 0.95


@dataclass(frozen=True)
class NestedDifference:
    """By how much a figure differs between two contenders, and what makes it uncertain.

    Attributes
    ----------
    difference : Estimate
        Of the second's figure less the first's, in the mean over seeds.
    error_of_seeds : float
        The standard error if the test rows were all there are.
    error_of_rows : float
        The standard error if these seeds were all there are.
    """

    difference: Estimate
    error_of_seeds: float
    error_of_rows: float


def nested_difference(
    disparity: str | Disparity,
    label: ArrayLike,
    groups: Groups,
    first: ArrayLike,
    second: ArrayLike,
    n_classes: int,
    *,
    confidence: float = 0.95,
    n_boot: int = 2000,
    random_state: int = 0,
) -> NestedDifference:
    """Compare a disparity of two contenders by resampling seeds and test rows.

    All models decide about the same rows, so a resample draws rows once for all of them. How much a
    resample of seeds varies is known without drawing any. What rows do to one seed and not to
    another is in the spread of the seeds already, and a bootstrap of both that is left to itself
    counts it up to three times (Owen 2007, Annals of Applied Statistics 1(2), section 4): of the
    variance of rows only what all seeds share is added. The interval is Student's, of the degrees
    of freedom that the seeds leave to the sum (Satterthwaite 1946), around the figure less its
    bootstrap bias: gaps are too large on any sample.

    Parameters
    ----------
    disparity : str or Disparity
        Such as ``gap("equalized_odds")`` or ``worst("accuracy")``.
    label : array-like of int, shape (n,)
        Of the test rows, from 0 to k - 1.
    groups : Groups of n rows
    first, second : array-like of int, shape (s, n)
        What each seed's model decides, from 0 to k - 1, in the same order of at least two seeds.
    n_classes : int
        k.
    confidence : float
    n_boot : int
    random_state : int

    Returns
    -------
    NestedDifference
        Undefined where the figure is, as where a group has no row.

    Raises
    ------
    ValueError
        If shapes do not go together, codes are out of their range, there are fewer than two seeds
        or 100 resamples, or the disparity is one of losses, which decisions do not tell.
    """
    disparity = Disparity.parse(disparity)
    require_settings(confidence, n_boot)
    rows = _Rows.of(disparity, label, groups, first, second, n_classes)
    seen = rows.differences(rows.counts[None])[0]
    random = np.random.default_rng(random_state)
    drawn = np.concatenate(
        [rows.differences(counts) for counts in rows.resamples(n_boot, random)]
    )  # (n_boot, s)
    value, error_of_seeds = float(seen.mean()), float(stats.sem(seen))
    drawn = drawn[~np.isnan(drawn).any(axis=1)]
    if np.isnan(value) or len(drawn) < _DEFINED * n_boot:
        return NestedDifference(Estimate(value, np.nan, np.nan), error_of_seeds, np.nan)
    means = drawn.mean(axis=1)
    own = (drawn - seen).var(axis=1, ddof=1).mean() / len(seen)
    error = np.hypot(error_of_seeds, np.sqrt(max(0.0, means.var() - own)))
    half = 0.0
    if error > 0:
        share = (error_of_seeds / error) ** 4  # all of it where only seeds vary
        freedom = (len(seen) - 1) / share if share > 0 else np.inf
        half = float(stats.t.isf((1 - confidence) / 2, freedom) * error)
    middle = 2 * value - float(means.mean())
    low, high = min(middle - half, value), max(middle + half, value)
    return NestedDifference(Estimate(value, low, high), error_of_seeds, float(means.std()))


@dataclass(frozen=True, eq=False)
class _Rows:
    """Test rows, of which those that all models decide alike about are one.

    Attributes
    ----------
    counts : ndarray of int, shape (u,)
        How many rows each stands for.
    cells : sparse array, shape (2 s p k k, u)
        In which cell of a model's table by pattern, label and decision each lies.
    members : ndarray, shape (p, g)
    """

    disparity: Disparity
    counts: NDArray[np.int64]
    cells: sparse.csr_array
    members: NDArray[np.float64]
    n_classes: int

    @classmethod
    def of(
        cls,
        disparity: Disparity,
        label: ArrayLike,
        groups: Groups,
        first: ArrayLike,
        second: ArrayLike,
        n_classes: int,
    ) -> _Rows:
        if disparity.rate.of_loss:
            raise ValueError(f"{disparity} is one of losses, which decisions do not tell.")
        y, one, other = (np.asarray(codes) for codes in (label, first, second))
        if one.ndim != 2 or one.shape != other.shape or len(one) < 2:
            raise ValueError(
                "first and second must be decisions of the same seeds, at least two, about the "
                f"same rows, shape (s, n), but have shapes {one.shape} and {other.shape}."
            )
        if y.shape != one.shape[1:] or groups.n_rows != one.shape[1] or not one.shape[1]:
            raise ValueError(
                f"label, groups and decisions must be of the same rows, but have {y.shape}, "
                f"{groups.n_rows:,} and {one.shape[1]:,}."
            )
        for name, codes in (("label", y), ("first", one), ("second", other)):
            if codes.dtype.kind not in "iu" or codes.min() < 0 or codes.max() >= n_classes:
                raise ValueError(f"{name} must be integer codes from 0 to {n_classes - 1}.")
        pattern, members = groups.patterns()
        cell = pattern * n_classes + y
        alike, counts = np.unique(
            np.concatenate([cell[:, None], one.T, other.T], axis=1), axis=0, return_counts=True
        )
        n_cells = len(members) * n_classes**2
        models = alike.shape[1] - 1
        where = alike[:, :1] * n_classes + alike[:, 1:] + n_cells * np.arange(models)
        places = (where.ravel(), np.repeat(np.arange(len(alike)), models))
        ones = np.ones(where.size)
        cells = sparse.csr_array((ones, places), shape=(models * n_cells, len(alike)))
        return cls(disparity, counts, cells, members.astype(np.float64), n_classes)

    def resamples(self, n_boot: int, random: np.random.Generator) -> Iterator[NDArray[np.int64]]:
        """How often each comes in resamples of all rows, (b, u) at a time."""
        n = int(self.counts.sum())
        block = max(1, _AT_ONCE // max(self.cells.shape))
        for start in range(0, n_boot, block):
            yield random.multinomial(n, self.counts / n, size=min(block, n_boot - start))

    def differences(self, counts: NDArray[np.int64]) -> NDArray[np.float64]:
        """Of each seed on rows that come so often, shape (b, s)."""
        k, p = self.n_classes, len(self.members)
        by_pattern = (self.cells @ counts.T.astype(np.float64)).T.reshape(len(counts), -1, p, k, k)
        tables = np.einsum("pg,bmpyd->bmgyd", self.members, by_pattern)
        figures = self.disparity.value(self.disparity.rate.values(tables))
        first, second = np.split(figures, 2, axis=1)
        return second - first
