"""Whether flips depend on something else than the true group, as gold rows tell."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from equipoise.codes import encode

Array = NDArray[np.float64]
Counted = NDArray[np.int64]


class FlipsDiffer(NamedTuple):
    """A test of whether flips are the same whatever another column says.

    Attributes
    ----------
    statistic : float
        Pearson's, summed over true groups.
    p_value : float
        That it is as large by chance, where flips depend on nothing but the true group.
    group : str
        The true group in which they differ most.
    largest : float
        By how much, at most, the share that is observed as one group differs there between two
        values of the other column.
    """

    statistic: float
    p_value: float
    group: str
    largest: float

    def __str__(self) -> str:
        p = "p < 0.001" if self.p_value < 0.001 else f"p = {self.p_value:.3f}"
        if self.p_value >= 0.05:
            return f"it is not shown that they do ({p}), which too few rows would not show either."
        return (
            f"they do, and not on the true group alone ({p}): those of {self.group!r} differ by "
            f"{self.largest:.2f}. One flip matrix of all rows does not correct them rightly."
        )


def flips_differ(
    true: ArrayLike,
    observed: ArrayLike,
    over: ArrayLike,
    *,
    n_draws: int = 9999,
    random_state: int = 0,
) -> FlipsDiffer:
    """Test on gold rows whether flips depend on another column, such as the label.

    Rates are corrected rightly only if errors in the group depend on the true group alone, and not
    on labels and decisions too. Groups that were guessed from names, addresses or pictures often
    break this. The test is exact: tables of observed group by the other column are drawn with the
    margins that they have within each true group.

    Parameters
    ----------
    true, observed, over : array-like, shape (n,)
        Of the gold rows; the last of few values.
    n_draws : int
    random_state : int

    Returns
    -------
    FlipsDiffer
        Its text answers whether flips depend on that column.

    Raises
    ------
    ValueError
        If lengths differ, values are missing, or there are no rows or draws.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> true, label = random.integers(0, 2, (2, 2000))
    >>> observed = np.where(random.random(2000) < 0.1 + 0.2 * label, 1 - true, true)
    >>> bool(flips_differ(true, observed, label).p_value < 0.001)
    True
    """
    groups, seen, other = (
        encode(x, name) for x, name in ((true, "true"), (observed, "observed"), (over, "over"))
    )
    lengths = [len(column.codes) for column in (groups, seen, other)]
    if len(set(lengths)) > 1:
        raise ValueError(f"true, observed and over must have one entry a row, but have {lengths}.")
    if not lengths[0]:
        raise ValueError("true, observed and over have no rows.")
    if n_draws < 1:
        raise ValueError(f"n_draws must be at least 1, not {n_draws}.")
    shape = len(groups.levels), len(seen.levels), len(other.levels)
    tables = np.zeros(shape, np.int64)
    np.add.at(tables, (groups.codes, seen.codes, other.codes), 1)
    random = np.random.default_rng(random_state)
    statistic, drawn = 0.0, np.zeros(n_draws)
    for table in tables:
        rows, columns = table.sum(axis=1), table.sum(axis=0)
        statistic += float(_pearson(table, rows, columns))
        law = stats.random_table(rows, columns)
        drawn += _pearson(law.rvs(n_draws, random_state=random), rows, columns)
    p_value = (1 + np.count_nonzero(drawn >= statistic * (1 - 1e-12))) / (1 + n_draws)
    largest = [_largest(table) for table in tables]
    group = int(np.argmax(largest))
    return FlipsDiffer(statistic, float(p_value), str(groups.levels[group]), largest[group])


def _pearson(
    tables: NDArray[np.int64], rows: NDArray[np.int64], columns: NDArray[np.int64]
) -> Array:
    expected = np.outer(rows, columns) / rows.sum()
    some = expected > 0
    error = np.where(some, (tables - expected) ** 2, 0.0)
    return np.asarray((error / np.where(some, expected, 1.0)).sum(axis=(-2, -1)))


def _largest(table: Counted) -> float:
    some = table[:, table.sum(axis=0) > 0]
    shares = some / some.sum(axis=0)
    return float((shares.max(axis=1) - shares.min(axis=1)).max())
