"""Two models on the same rows: what one does less or more than the other, and how surely."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.audit.counts import Counts
from equipoise.audit.intervals import basic_interval
from equipoise.audit.joint import joint_counts
from equipoise.audit.labels import encode_pair
from equipoise.audit.result import require_settings
from equipoise.audit.weights import as_weights, resample_cells, weigh_cells
from equipoise.audit.words import number_or_none
from equipoise.codes import as_array
from equipoise.constraints import Disparity
from equipoise.groups import Groups, How
from equipoise.rates import Rate, find_rate


class Change(NamedTuple):
    """A figure of the first model, of the second, and by how much the second's is larger.

    Attributes
    ----------
    first, second : float
    difference, low, high : float
        With its interval; NaN where a figure is undefined.
    """

    first: float
    second: float
    difference: float
    low: float
    high: float

    def to_dict(self) -> dict[str, float | None]:
        """The figures as JSON can hold them; None for what is undefined."""
        return {name: number_or_none(value) for name, value in self._asdict().items()}


@dataclass(frozen=True, eq=False)
class PairedAudit:
    """Decisions of two models about the same rows.

    Rows on which both err alike say nothing of their difference, so an interval of it is narrower
    than two separate ones would have it. A resample of the rows is a multinomial draw of the table
    of label and both decisions, by group.

    Attributes
    ----------
    groups : tuple of str, length g
    classes : tuple, length k
    patterns : ndarray of bool, shape (p, g)
    table : ndarray of int64, shape (p, k, k, k)
        Rows by pattern, label, first and second decision.
    confidence : float
    n_boot : int
    random_state : int
    weight : ndarray of float64, shape (2, p, k, k, k), or None
        Sums of the rows' weights, and of their squares, where rows count for more than others.
    """

    groups: tuple[str, ...]
    classes: tuple[Any, ...]
    patterns: NDArray[np.bool_]
    table: NDArray[np.int64]
    confidence: float = 0.95
    n_boot: int = 2000
    random_state: int = 0
    weight: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        require_settings(self.confidence, self.n_boot)

    @property
    def counts(self) -> tuple[Counts, Counts]:
        """Each model's counts alone."""
        first, second = (
            Counts(
                self.groups,
                self.classes,
                self.patterns,
                self.table.sum(axis=other),
                weight=None if self.weight is None else self.weight.sum(axis=other),
            )
            for other in (-1, -2)
        )
        return first, second

    def disparity(self, disparity: str | Disparity) -> Change:
        """How a disparity changes from the first model to the second.

        Parameters
        ----------
        disparity : str or Disparity

        Returns
        -------
        Change
        """
        disparity = Disparity.parse(disparity)
        return self._change(lambda t: disparity.value(disparity.rate.values(t))[..., None])[0]

    def rate(self, rate: str | Rate) -> dict[str, Change]:
        """How a rate of each group changes.

        Parameters
        ----------
        rate : str or Rate
            Of one component: of more than two classes, accuracy or error.

        Returns
        -------
        dict of Change, by group

        Raises
        ------
        ValueError
            If the rate has several components.
        """
        rate = find_rate(rate)
        if rate.n_components(len(self.classes)) > 1:
            raise ValueError(f"{rate} has several components: ask for a disparity of it.")
        changes = self._change(lambda t: rate.values(t)[..., 0, :])
        return dict(zip(self.groups, changes, strict=True))

    def _change(self, figures: Callable[[NDArray[Any]], NDArray[np.float64]]) -> list[Change]:
        # Of figures, shape (..., f), of tables by group, label and decision, shape (..., g, k, k).
        table = self.table if self.weight is None else self.weight[0]
        seen = [figures(part)[0] for part in self._by_group(table[None])]
        random = np.random.default_rng(self.random_state)
        drawn = []
        for tables in resample_cells(self.table, self.weight, self.n_boot, random):
            first, second = self._by_group(tables)
            drawn.append(figures(second) - figures(first))
        draws = np.concatenate(drawn)
        changes = []
        for f, (one, other) in enumerate(zip(*seen, strict=True)):
            ends = basic_interval(float(other - one), draws[:, f], self.confidence)
            changes.append(Change(float(one), float(other), float(other - one), *ends))
        return changes

    def _by_group(self, tables: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        # The first model's tables and the second's, of shape (b, p, k, k, k) before.
        members = self.patterns.astype(np.float64)
        first, second = tables.sum(axis=-1), tables.sum(axis=-2)
        return (
            np.einsum("pg,bpyd->bgyd", members, first),
            np.einsum("pg,bpyd->bgyd", members, second),
        )


def audit_pair(
    label: ArrayLike,
    first: ArrayLike,
    second: ArrayLike,
    *,
    sensitive_features: Any,
    sample_weight: ArrayLike | None = None,
    how: How = "crossed",
    positive: Any = None,
    confidence: float = 0.95,
    n_boot: int = 2000,
    random_state: int = 0,
) -> PairedAudit:
    """Compare the decisions of two models about the same rows.

    Parameters
    ----------
    label, first, second : array-like, shape (n,)
        What was true, and what each model decided, in the same classes.
    sensitive_features : Groups, array-like, mapping or dataframe
        One or several columns of n values; see :meth:`equipoise.Groups.of`.
    sample_weight : array-like, shape (n,), optional
        How much each row counts for.
    how : {"crossed", "each", "lattice"}
        Whether several columns mean their intersections or stand side by side.
    positive : optional
        The positive class of a binary task; the larger by default.
    confidence : float
    n_boot : int
    random_state : int

    Returns
    -------
    PairedAudit

    Raises
    ------
    ValueError
        If lengths differ, values are missing, there is one class, decisions are scores, or a weight
        is negative or no number.

    Examples
    --------
    >>> from equipoise import gap
    >>> from equipoise.audit import audit_pair
    >>> both = audit_pair(
    ...     [0, 1, 0, 1], [0, 1, 0, 0], [0, 1, 0, 1], sensitive_features=["a", "a", "b", "b"]
    ... )
    >>> both.disparity(gap("selection")).difference
    -0.5
    """
    groups = Groups.of(sensitive_features, how)
    columns = [
        as_array(x, name) for x, name in ((label, "label"), (first, "first"), (second, "second"))
    ]
    if {*map(len, columns)} != {groups.n_rows}:
        raise ValueError(
            "label, first, second and sensitive_features must have one value a row, but have "
            f"{', '.join(f'{len(x):,}' for x in columns)} and {groups.n_rows:,}."
        )
    y, decided, classes = encode_pair(
        np.concatenate([columns[0], columns[0]]), np.concatenate(columns[1:]), positive
    )
    n, k = groups.n_rows, len(classes)
    codes, patterns = groups.patterns()
    cells, shape = (codes, y[:n], decided[:n], decided[n:]), (len(patterns), k, k, k)
    weight = None
    if sample_weight is not None:
        code = np.ravel_multi_index(cells, shape)
        weight = weigh_cells(code, as_weights(sample_weight, n), shape)
    table = joint_counts(cells, shape)
    settings = confidence, n_boot, random_state
    return PairedAudit(groups.names, classes, patterns, table, *settings, weight)
