"""The audit of predicted numbers: how far they are off, and on which side, by group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from equipoise.audit.parity import UNKNOWN, Parity, draws_for, parity_of_estimates
from equipoise.audit.patterns import join_patterns
from equipoise.audit.result import GroupRates, require_settings
from equipoise.codes import as_array
from equipoise.constraints import Disparity
from equipoise.groups import Groups, How
from equipoise.rates import Rate, divide

_FIGURE = Rate("figure", better="low", per_class=False, of_loss=True)


@dataclass(frozen=True, eq=False)
class RegressionAudit:
    """Means of errors by group, which can be merged.

    Attributes
    ----------
    groups : tuple of str, length g
    figures : tuple of str, length f
        Names of what is averaged: "mean error", "mean absolute error", "quantile loss 0.9", ...
    patterns : ndarray of bool, shape (p, g)
        To which groups the rows of each pattern belong.
    rows : ndarray of int64, shape (p,)
    averages, deviations : ndarray, shape (f, p)
        Means of the figures over the rows of each pattern, and the sums of squared deviations
        from these.
    confidence : float
    n_boot : int
    random_state : int
    """

    groups: tuple[str, ...]
    figures: tuple[str, ...]
    patterns: NDArray[np.bool_]
    rows: NDArray[np.int64]
    averages: NDArray[np.float64]
    deviations: NDArray[np.float64]
    confidence: float = 0.95
    n_boot: int = 2000
    random_state: int = 0

    def __post_init__(self) -> None:
        require_settings(self.confidence, self.n_boot)

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Rows of each group, shape (g,)."""
        return self.rows @ self.patterns.astype(np.int64)

    def means(self, figure: str) -> GroupRates:
        """A figure's mean in each group.

        Parameters
        ----------
        figure : str
            One of ``figures``.

        Returns
        -------
        GroupRates
            Of one component, with Student's intervals.
        """
        mean, within = self._of_groups(self._number(figure))
        n = self.sizes
        # Of n - 1, as an estimate of the population's.
        error = np.sqrt(divide(divide(within, n - 1), n))
        half = stats.t.isf((1 - self.confidence) / 2, np.maximum(n - 1, 1)) * error
        low, high = mean - half, mean + half
        return GroupRates([figure], mean[None], low[None], high[None], n[None])

    def _of_groups(self, f: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        members, n = self.patterns.astype(np.float64), self.sizes
        mean = divide((self.rows * self.averages[f]) @ members, n)
        apart = (self.averages[f][:, None] - np.nan_to_num(mean)) ** 2 * self.rows[:, None]
        return mean, self.deviations[f] @ members + (apart * members).sum(0)

    def gap(self, figure: str) -> Parity:
        """How far the groups' means fall apart, beside what chance would make of it.

        Parameters
        ----------
        figure : str

        Returns
        -------
        Parity
        """
        f = self._number(figure)
        n = self.sizes
        if not (n > 1).all():
            return UNKNOWN
        mean, _ = self._of_groups(f)
        several = self.rows > 1
        pooled = self.deviations[f].sum() / max(1, int((self.rows - 1).sum()))
        # Of patterns of one row the spread is taken to be that of the others.
        spread = np.where(several, divide(self.deviations[f], np.maximum(self.rows - 1, 1)), pooled)
        random = np.random.default_rng(self.random_state)
        error = np.sqrt(spread / self.rows)
        shape = (draws_for(self.confidence, self.n_boot), len(self.rows))
        drawn = random.normal(self.averages[f], error, shape)
        draws = (drawn * self.rows) @ self.patterns.astype(np.float64) / n
        disparity = Disparity("gap", _FIGURE)
        freedom = (n - 1)[None].astype(np.float64)
        return parity_of_estimates(mean[None], draws[:, None], disparity, self.confidence, freedom)

    def merge(self, other: RegressionAudit) -> RegressionAudit:
        """Both blocks of rows together.

        Parameters
        ----------
        other : RegressionAudit
            Of the same figures; it may have other groups.

        Returns
        -------
        RegressionAudit

        Raises
        ------
        ValueError
            If the figures differ.
        """
        if self.figures != other.figures:
            raise ValueError(f"the figures differ: {self.figures} and {other.figures}.")
        joined = join_patterns([(part.groups, part.patterns) for part in (self, other)])
        where, patterns = np.concatenate(joined.where), joined.patterns
        rows = np.concatenate([self.rows, other.rows])
        total = np.bincount(where, rows, len(patterns))
        averages = np.concatenate([self.averages, other.averages], axis=1)
        mean = np.stack([np.bincount(where, rows * a, len(patterns)) / total for a in averages])
        # Chan, Golub and LeVeque (1979): deviations within the blocks, and of their means.
        within = np.concatenate([self.deviations, other.deviations], axis=1)
        within = within + rows * (averages - mean[:, where]) ** 2
        return RegressionAudit(
            joined.groups,
            self.figures,
            patterns,
            total.astype(np.int64),
            mean,
            np.stack([np.bincount(where, d, len(patterns)) for d in within]),
            self.confidence,
            self.n_boot,
            self.random_state,
        )

    def _number(self, figure: str) -> int:
        if figure not in self.figures:
            raise ValueError(f"there is no figure {figure!r}; there are {', '.join(self.figures)}.")
        return self.figures.index(figure)


def audit_regression(
    target: ArrayLike,
    prediction: ArrayLike,
    *,
    sensitive_features: Any,
    quantiles: tuple[float, ...] = (),
    how: How = "crossed",
    confidence: float = 0.95,
    n_boot: int = 2000,
    random_state: int = 0,
) -> RegressionAudit:
    """Audit predicted numbers: how far they are off, and on which side, by group.

    Parameters
    ----------
    target, prediction : array-like of numbers, shape (n,)
    sensitive_features : Groups, array-like, mapping or dataframe
        One or several columns of n values; see :meth:`equipoise.Groups.of`.
    quantiles : tuple of float
        Levels between 0 and 1 for which predictions are judged as quantiles, by the pinball loss.
    how : {"crossed", "each", "lattice"}
        Whether several columns mean their intersections or stand side by side.
    confidence : float
    n_boot : int
    random_state : int

    Returns
    -------
    RegressionAudit
        Of the mean error (prediction less target), the mean absolute and squared error, and the
        loss of each quantile.

    Raises
    ------
    ValueError
        If lengths differ, or a number is missing or infinite.

    Examples
    --------
    >>> from equipoise.audit import audit_regression
    >>> found = audit_regression([1, 2, 3, 4], [1, 3, 3, 2], sensitive_features=list("aabb"))
    >>> found.means("mean error").values.tolist()
    [[0.5, -1.0]]
    """
    groups = Groups.of(sensitive_features, how)
    y, p = (_numbers(x, name) for x, name in ((target, "target"), (prediction, "prediction")))
    if not len(y) == len(p) == groups.n_rows:
        raise ValueError(
            f"target, prediction and sensitive_features must have one value a row, but have "
            f"{len(y):,}, {len(p):,} and {groups.n_rows:,}."
        )
    error = p - y
    figures = {
        "mean error": error,
        "mean absolute error": np.abs(error),
        "mean squared error": error**2,
    }
    for level in quantiles:
        if not 0 < level < 1:
            raise ValueError(f"quantiles must lie between 0 and 1, not {level}.")
        figures[f"quantile loss {level!r}"] = np.maximum(-level * error, (1 - level) * error)
    codes, patterns = groups.patterns()

    rows = np.bincount(codes, minlength=len(patterns))
    averages, deviations = [], []
    for x in figures.values():
        mean = np.bincount(codes, x, len(patterns)) / rows
        averages.append(mean)
        deviations.append(np.bincount(codes, (x - mean[codes]) ** 2, len(patterns)))
    return RegressionAudit(
        groups.names,
        tuple(figures),
        patterns,
        rows,
        np.stack(averages),
        np.stack(deviations),
        confidence,
        n_boot,
        random_state,
    )


def _numbers(values: ArrayLike, name: str) -> NDArray[np.float64]:
    column = as_array(values, name)
    if column.dtype.kind not in "fiub":
        raise ValueError(f"{name} must hold numbers, not {column.dtype}.")
    numbers = column.astype(np.float64)
    bad = int((~np.isfinite(numbers)).sum())
    if bad:
        raise ValueError(f"{name} has {bad:,} missing or infinite values; drop those rows.")
    return numbers
