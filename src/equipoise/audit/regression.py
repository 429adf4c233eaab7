"""The audit of predicted numbers: how far they are off, and on which side, by group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from equipoise.audit.parity import UNKNOWN, Parity, parity_of_estimates
from equipoise.audit.result import GroupRates
from equipoise.codes import as_array
from equipoise.constraints import Disparity
from equipoise.groups import Groups, How
from equipoise.rates import Rate, divide

_FIGURE = Rate("figure", better="low", per_class=False, of_loss=True)


@dataclass(frozen=True, eq=False)
class RegressionAudit:
    """Means of errors by group, from sums that can be added up.

    Attributes
    ----------
    groups : tuple of str, length g
    figures : tuple of str, length f
        Names of what is averaged: "mean error", "mean absolute error", "quantile loss 0.9", ...
    patterns : ndarray of bool, shape (p, g)
        To which groups the rows of each pattern belong.
    rows : ndarray of int64, shape (p,)
    sums, squares : ndarray, shape (f, p)
        Of the figures over the rows of each pattern, and of their squares.
    confidence : float
    n_boot : int
    random_state : int
    """

    groups: tuple[str, ...]
    figures: tuple[str, ...]
    patterns: NDArray[np.bool_]
    rows: NDArray[np.int64]
    sums: NDArray[np.float64]
    squares: NDArray[np.float64]
    confidence: float = 0.95
    n_boot: int = 2000
    random_state: int = 0

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
        f = self._number(figure)
        members = self.patterns.astype(np.float64)
        total, squares, n = self.sums[f] @ members, self.squares[f] @ members, self.sizes
        mean = divide(total, n)
        spread = np.maximum(divide(squares, n) - mean**2, 0)
        # Of n - 1, as an estimate of the population's.
        error = np.sqrt(divide(spread, n - 1))
        half = stats.t.isf((1 - self.confidence) / 2, np.maximum(n - 1, 1)) * error
        low, high = mean - half, mean + half
        return GroupRates([figure], mean[None], low[None], high[None], n[None])

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
        values = self.means(figure).values
        if not (self.rows > 1).all():
            return UNKNOWN
        mean = self.sums[f] / self.rows
        spread = np.sqrt(np.maximum(self.squares[f] - self.rows * mean**2, 0))
        random = np.random.default_rng(self.random_state)
        # Sums of many rows are about normal, each with the spread of its own pattern's rows.
        drawn = random.normal(self.sums[f], spread, (self.n_boot, len(self.rows)))
        draws = (drawn @ self.patterns.astype(np.float64)) / self.sizes
        disparity = Disparity("gap", _FIGURE)
        return parity_of_estimates(values, draws[:, None], disparity, self.confidence)

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
        groups = tuple(dict.fromkeys([*self.groups, *other.groups]))
        stacked = []
        for part in (self, other):
            wide = np.zeros((len(part.patterns), len(groups)), np.bool_)
            wide[:, [groups.index(name) for name in part.groups]] = part.patterns
            stacked.append(wide)
        patterns, where = np.unique(np.concatenate(stacked), axis=0, return_inverse=True)
        where = where.ravel()

        def added(one: NDArray[Any], two: NDArray[Any]) -> NDArray[Any]:
            both = np.concatenate([one, two], axis=-1)
            total = np.zeros((*both.shape[:-1], len(patterns)), both.dtype)
            np.add.at(total.T, where, both.T)
            return total

        return RegressionAudit(
            groups,
            self.figures,
            patterns,
            added(self.rows, other.rows),
            added(self.sums, other.sums),
            added(self.squares, other.squares),
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
        figures[f"quantile loss {level:g}"] = np.maximum(-level * error, (1 - level) * error)
    codes, patterns = groups.patterns()

    def summed(x: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.bincount(codes, x, len(patterns)).astype(np.float64)

    return RegressionAudit(
        groups.names,
        tuple(figures),
        patterns,
        np.bincount(codes, minlength=len(patterns)),
        np.stack([summed(x) for x in figures.values()]),
        np.stack([summed(x * x) for x in figures.values()]),
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
