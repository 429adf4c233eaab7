"""Flips from two columns that say the same of people, each with errors of its own.

Two columns give the table J = H1^T diag(shares) H2 of how often they say what together. That is p^2
- 1 numbers, while the shares and two flip matrices are p - 1 and 2 p (p - 1): of two groups three
are known and five sought. So flips are not identified by two columns alone, whatever the number of
rows, and not by two columns that err alike either, whose table is symmetric. What is identified:

- one probability to keep and one of each flip, the same in both columns, from how often they agree;
- both flip matrices from a third column, such as the label, that says something of each true group
  and nothing else of the two (:func:`equipoise.noise.flips_from_three_views`).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from equipoise.codes import encode
from equipoise.noise.flips import FlipMatrix
from equipoise.noise.response import symmetric

# So improbable an asymmetry refutes that both columns err alike.
_REFUTED = 1e-3


def symmetric_flips_from_copies(first: ArrayLike, second: ArrayLike) -> FlipMatrix:
    """Estimate flips of which all are equally probable, from two columns that err alike.

    With k = P(observed = true) in both, independently given the true group, they agree with
    probability k^2 + (1 - k)^2 / (p - 1), whatever the shares of the groups.

    Parameters
    ----------
    first, second : array-like, shape (n,)
        Each says to which of the same p groups a row belongs.

    Returns
    -------
    FlipMatrix
        Of either column, with its covariance.

    Raises
    ------
    ValueError
        If lengths differ, there is one group, columns agree no more than chance would make them,
        or one column says a where the other says b so much oftener than the other way round that
        they cannot err alike.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> true = random.integers(0, 2, 100_000)
    >>> copies = [np.where(random.random(100_000) < 0.2, 1 - true, true) for _ in range(2)]
    >>> symmetric_flips_from_copies(*copies).p_flip.round(2)
    array([[0.8, 0.2],
           [0.2, 0.8]])
    """
    (table,), names = count_views(first, second)
    p, n = len(names), int(table.sum())
    if p < 2:
        raise ValueError("first and second name one group only: there is nothing to be confused.")
    agree = np.trace(table) / n
    if agree <= 1 / p:
        raise ValueError(
            f"first and second agree in {agree:.3f} of the rows, which chance would make too "
            f"(1/{p}): they say nothing of a common truth, or err against each other."
        )
    p_value = _bowker(table)
    if p_value < _REFUTED:
        raise ValueError(
            "first and second do not err alike: the one says a where the other says b far oftener "
            f"than the other way round (p = {p_value:.2g}). Give a third column to "
            "flips_from_three_views, or gold rows to flips_from_gold."
        )
    root = math.sqrt((p - 1) * (p * agree - 1))
    keep = (1 + root) / p
    slope = (symmetric(p, 1.0) - symmetric(p, 0.0)).ravel() * (p - 1) / (2 * root)
    # One agreement and one disagreement more: that all agree does not show that all always do.
    share = (n * agree + 1) / (n + 2)
    covariance = np.outer(slope, slope) * share * (1 - share) / n
    return FlipMatrix(symmetric(p, keep), names, covariance.reshape(p, p, p, p))


def count_views(
    first: ArrayLike, second: ArrayLike, third: ArrayLike | None = None
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Count what two columns say together, for each value of a third.

    Parameters
    ----------
    first, second : array-like, shape (n,)
    third : array-like, shape (n,), optional

    Returns
    -------
    tables : ndarray of int64, shape (k, p, p)
        Rows by value of the third, and by group of the first and of the second.
    names : tuple of str, length p
        Of the groups that either says.

    Raises
    ------
    ValueError
        If lengths differ or values are missing.
    """
    given = [("first", first), ("second", second), *([] if third is None else [("third", third)])]
    columns = [encode(x, name) for name, x in given]
    lengths = [len(column.codes) for column in columns]
    if len(set(lengths)) > 1 or not lengths[0]:
        raise ValueError(f"the columns must have one entry a row, but have {lengths}.")
    names = sorted({str(level) for column in columns[:2] for level in column.levels})
    one, other = (
        np.array([names.index(str(level)) for level in column.levels], np.int64)[column.codes]
        for column in columns[:2]
    )
    k = 1 if third is None else len(columns[2].levels)
    value = np.zeros(len(one), np.int64) if third is None else columns[2].codes
    tables = np.zeros((k, len(names), len(names)), np.int64)
    np.add.at(tables, (value, one, other), 1)
    return tables, tuple(names)


def _bowker(table: NDArray[np.int64]) -> float:
    # Bowker 1948, JASA 43, 572: of McNemar's statistics of all pairs.
    upper = np.triu_indices(len(table), 1)
    a, b = table[upper], table.T[upper]
    some = a + b > 0
    statistic = ((a - b)[some] ** 2 / (a + b)[some]).sum()
    return float(stats.chi2.sf(statistic, max(1, int(some.sum()))))
