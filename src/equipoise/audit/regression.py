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
from equipoise.audit.weights import as_weights
from equipoise.codes import as_array
from equipoise.constraints import Disparity
from equipoise.groups import Groups, How
from equipoise.rates import Rate, divide

Array = NDArray[np.float64]

# Of weights that leave no more than one row to speak of, no spread is known.
_ONE_ROW = 1 + 1e-9
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
    weight : ndarray, shape (2, p)
        Sums of the rows' weights and of their squares.
    averages : ndarray, shape (f, p)
        Means of the figures over the rows of each pattern.
    deviations : ndarray, shape (f, 2, p)
        Sums over these rows of the deviation from the mean, and of its square, with the squares
        of the weights: the former is 0 where rows weigh the same.
    confidence : float
    n_boot : int
    random_state : int
    """

    groups: tuple[str, ...]
    figures: tuple[str, ...]
    patterns: NDArray[np.bool_]
    rows: NDArray[np.int64]
    weight: NDArray[np.float64]
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
        mean, variance, n = self._of_groups(self._number(figure))
        half = stats.t.isf((1 - self.confidence) / 2, np.maximum(n - 1, 1)) * np.sqrt(variance)
        low, high = mean - half, mean + half
        return GroupRates([figure], mean[None], low[None], high[None], n[None])

    def _of_groups(self, f: int) -> tuple[Array, Array, Array]:
        """Means, the variances of their estimates, and as how many equal rows a group's tell."""
        members = self.patterns.astype(np.float64)
        total, squares = self.weight @ members
        mean = divide((self.weight[0] * self.averages[f]) @ members, total)
        apart = self.averages[f][:, None] - np.nan_to_num(mean)
        moved = _moved(self.weight[1][:, None], self.deviations[f][:, :, None], apart)[1]
        n = divide(total**2, squares)
        # Of n - 1, as an estimate of the population's.
        variance = divide(divide((moved * members).sum(0), total**2) * n, n - 1)
        return mean, np.where(n > _ONE_ROW, variance, np.nan), np.nan_to_num(n)

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
        mean, _, n = self._of_groups(f)
        if not (n > _ONE_ROW).all():
            return UNKNOWN
        total, squares = self.weight
        each = np.nan_to_num(divide(total**2, squares))
        within = self.deviations[f, 1]
        free = squares * (1 - divide(np.ones_like(each), np.maximum(each, 1)))
        pooled = within.sum() / max(free.sum(), 1e-300) * squares
        # Of patterns of one row the spread is taken to be that of the others.
        spread = np.where(each > _ONE_ROW, divide(within * each, np.maximum(each - 1, 0)), pooled)
        random = np.random.default_rng(self.random_state)
        shape = (draws_for(self.confidence, self.n_boot), len(self.rows))
        # Of sums of weights times figures, which add up over the patterns of a group.
        drawn = random.normal(total * self.averages[f], np.sqrt(spread), shape)
        members = self.patterns.astype(np.float64)
        draws = drawn @ members / (total @ members)
        disparity = Disparity("gap", _FIGURE)
        freedom = (n - 1)[None]
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

        def added(x: Array) -> Array:
            flat = x.reshape(-1, len(where))
            sums = [np.bincount(where, row, len(patterns)).astype(np.float64) for row in flat]
            return np.stack(sums).reshape(*x.shape[:-1], len(patterns))

        rows = added(np.concatenate([self.rows, other.rows]).astype(np.float64))
        weight = np.concatenate([self.weight, other.weight], axis=1)
        averages = np.concatenate([self.averages, other.averages], axis=1)
        deviations = np.concatenate([self.deviations, other.deviations], axis=2)
        mean = np.nan_to_num(divide(added(weight[0] * averages), added(weight)[0]))
        moved = _moved(weight[1], np.swapaxes(deviations, 0, 1), averages - mean[:, where])
        return RegressionAudit(
            joined.groups,
            self.figures,
            patterns,
            rows.astype(np.int64),
            added(weight),
            mean,
            np.swapaxes(added(moved), 0, 1),
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
    sample_weight: ArrayLike | None = None,
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
    sample_weight : array-like, shape (n,), optional
        How much each row counts for.
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
        If lengths differ, a number is missing or infinite, or a weight is negative.

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
    w = np.ones(len(y)) if sample_weight is None else as_weights(sample_weight, len(y))

    def summed(x: Array) -> Array:
        return np.bincount(codes, x, len(patterns)).astype(np.float64)

    weight = np.stack([summed(w), summed(w * w)])
    averages, deviations = [], []
    for x in figures.values():
        mean = np.nan_to_num(divide(summed(w * x), weight[0]))
        apart = x - mean[codes]
        averages.append(mean)
        deviations.append(np.stack([summed(w * w * apart), summed((w * apart) ** 2)]))
    return RegressionAudit(
        groups.names,
        tuple(figures),
        patterns,
        np.bincount(codes, minlength=len(patterns)),
        weight,
        np.stack(averages),
        np.stack(deviations),
        confidence,
        n_boot,
        random_state,
    )


def _moved(squares: Array, deviations: Array, apart: Array) -> Array:
    """Sums of deviations, and of their squares, from a centre that lies ``apart`` below the mean.

    Numerically what Chan, Golub and LeVeque (1979) add up variances by.
    """
    first, second = deviations
    return np.stack([first + squares * apart, second + (2 * first + squares * apart) * apart])


def _numbers(values: ArrayLike, name: str) -> NDArray[np.float64]:
    column = as_array(values, name)
    if column.dtype.kind not in "fiub":
        raise ValueError(f"{name} must hold numbers, not {column.dtype}.")
    numbers = column.astype(np.float64)
    bad = int((~np.isfinite(numbers)).sum())
    if bad:
        raise ValueError(f"{name} has {bad:,} missing or infinite values; drop those rows.")
    return numbers
