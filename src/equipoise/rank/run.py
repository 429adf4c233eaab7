"""``equipoise.rank(...)``: from a table with scores to a ranked one and what it cost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from equipoise.data import DataError, read_table, write_table
from equipoise.data.arrow import kind_of, plain, to_arrow
from equipoise.data.errors import require_columns
from equipoise.data.sensitive import group_names, sensitive_columns
from equipoise.groups import Groups, How
from equipoise.rank.bounds import Bound, parse_bounds
from equipoise.rank.discounts import Discount
from equipoise.rank.exposure import Exposure, exposure, ndkl
from equipoise.rank.ranking import Ranking, rank_items
from equipoise.report import Page, Table
from equipoise.shares import Sense

POSITION, BY_SCORE = "position", "position_by_score"
"""The columns that a ranked table has besides its own."""


@dataclass(frozen=True, eq=False)
class Ranked:
    """A ranked table, and what it rests on.

    Attributes
    ----------
    name : str
        Of the data.
    table : narwhals.DataFrame
        The rows that are ranked, from the first position on, with the columns ``position`` and
        ``position_by_score``.
    scores : ndarray, shape (m,)
        Of all rows.
    groups : Groups
        Of all rows.
    ranking : Ranking
    """

    name: str
    table: nw.DataFrame[Any]
    scores: NDArray[np.float64]
    groups: Groups
    ranking: Ranking

    @cached_property
    def exposure(self) -> tuple[Exposure, Exposure]:
        """Of each group, by score and ranked."""
        ranking = self.ranking
        before, after = (
            exposure(order, self.groups, discount=ranking.discount)
            for order in (ranking.by_score, ranking.order)
        )
        return before, after

    @cached_property
    def ndkl(self) -> tuple[float, float] | None:
        """Divergence of prefixes from candidates, by score and ranked; None if groups overlap."""
        if not self.groups.disjoint:
            return None
        return ndkl(self.ranking.by_score, self.groups), ndkl(self.ranking.order, self.groups)

    @cached_property
    def places(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Of each row, from 1, by score and ranked, shape (m,); who is not ranked is behind all."""
        end = len(self.ranking.order) + 1
        before, after = (np.full(len(self.scores), end) for _ in range(2))
        before[self.ranking.by_score] = np.arange(1, end)
        after[self.ranking.order] = np.arange(1, end)
        return before, after

    @property
    def moved(self) -> NDArray[np.int64]:
        """Places that each row gained, shape (m,)."""
        before, after = self.places
        return before - after

    def write(self, path: str | Path) -> None:
        """Write the table to a .csv, .tsv or .parquet file.

        Parameters
        ----------
        path : path

        Raises
        ------
        DataError
            If it cannot be written.
        """
        write_table(self.table, path)

    def tables(self) -> list[Table]:
        """What it cost and who moved, as tables for a terminal or a page."""
        from equipoise.rank.page import tables

        return tables(self)

    def page(self) -> Page:
        """The report."""
        from equipoise.rank.page import page

        return page(self)

    def to_dict(self) -> dict[str, Any]:
        """Everything but the rows, as JSON can hold it."""
        ranking = self.ranking
        before, after = self.exposure
        return {
            "name": self.name,
            "candidates": len(self.scores),
            "positions": len(ranking.order),
            "bounds": [str(bound) for bound in ranking.bounds],
            "method": ranking.method,
            "exact": ranking.exact,
            "limit": ranking.limit,
            "shortfall": ranking.shortfall,
            "utility": ranking.utility,
            "utility_by_score": ranking.best_utility,
            "lost": ranking.lost,
            "exposure": {"by_score": before.to_dict(), "ranked": after.to_dict()},
            "ndkl": None
            if self.ndkl is None
            else {
                name: value if np.isfinite(value) else None
                for name, value in zip(("by_score", "ranked"), self.ndkl, strict=True)
            },
            "order": ranking.order.tolist(),
        }


def rank(
    source: Any,
    *,
    score: str,
    sensitive: Sequence[str],
    at_least: str | Bound | Iterable[str | Bound] = (),
    at_most: str | Bound | Iterable[str | Bound] = (),
    top: int | None = None,
    discount: Discount | ArrayLike = "dcg",
    how: How = "crossed",
    missing_group: str | None = None,
) -> Ranked:
    """Rank the rows of a table by a score, as well as bounds on groups in every prefix allow.

    Parameters
    ----------
    source : str, path or table
        The path of a CSV or Parquet file, or a pandas, polars, pyarrow or narwhals table.
    score : str
        A column of numbers; larger is better.
    sensitive : sequence of str
        The columns whose values make the groups; ``"age:25,60"`` cuts a number into groups.
    at_least, at_most : str or Bound, or several
        Such as ``"women >= 0.3"`` and ``"women <= 0.6"``, by the names of the groups: a value, or
        values of several columns as in ``"female, Black"``, or with how="each" ``"sex: female"``.
    top : int, optional
        Positions to fill; by default all rows are ranked.
    discount : {"dcg", "reciprocal", "geometric", "none"} or array-like
        What positions are worth.
    how : {"crossed", "each", "lattice"}
        What several sensitive columns mean.
    missing_group : str, optional
        The group of rows whose sensitive value is missing.

    Returns
    -------
    Ranked

    Raises
    ------
    InfeasibleError
        If no ranking keeps the bounds.
    ValueError
        For anything that could not give an answer; the message says what and why.
    """
    bounds = (*_read(at_least, ">=", "at_least"), *_read(at_most, "<=", "at_most"))
    name, table = _table(source)
    require_columns({"score": score}, table.column_names)
    scores = _scores(table, score)
    columns = {
        spec.column: group_names(table[spec.column], spec, missing_group).to_numpy(
            zero_copy_only=False
        )
        for spec in sensitive_columns(sensitive, table.column_names)
    }
    groups = Groups.of(columns, how)
    ranking = rank_items(scores, groups, bounds, n=top, discount=discount)
    for added in (POSITION, BY_SCORE):
        if added in table.column_names:
            raise DataError(
                f"source: the table has a column {added!r} already, in which the ranking would be "
                "written; rename or drop it."
            )
    by_score = np.empty(len(scores), np.int64)
    by_score[np.argsort(-scores, kind="stable")] = np.arange(1, len(scores) + 1)
    ranked = table.take(ranking.order)
    ranked = ranked.append_column(POSITION, pa.array(np.arange(1, len(ranking.order) + 1)))
    ranked = ranked.append_column(BY_SCORE, pa.array(by_score[ranking.order]))
    return Ranked(name, nw.from_native(ranked, eager_only=True), scores, groups, ranking)


def _read(
    bounds: str | Bound | Iterable[str | Bound], sense: Sense, argument: str
) -> tuple[Bound, ...]:
    read = parse_bounds(bounds)
    for bound in read:
        if bound.sense != sense:
            other = "at_most" if argument == "at_least" else "at_least"
            raise ValueError(
                f"{argument}: '{bound}' is the other way round; write it with {sense}, or give it "
                f"as {other}."
            )
    return read


def _table(source: Any) -> tuple[str, pa.Table]:
    if isinstance(source, str | Path):
        return Path(source).name, to_arrow(read_table(source))
    return "table", to_arrow(source)


def _scores(table: pa.Table, score: str) -> NDArray[np.float64]:
    column = table[score]
    if not len(column):
        raise DataError("source: the table has no rows.")
    kind = kind_of(column.type)
    if kind not in ("integer", "float"):
        raise DataError(
            f"score: column {score!r} holds {column.type}, wanted numbers, of which larger is "
            "better."
        )
    if column.null_count:
        missing = plain(column).is_null().to_numpy()
        raise DataError(
            f"score: column {score!r} has {column.null_count:,} missing values in "
            f"{len(column):,} rows, the first in row {int(missing.argmax()) + 1}; give these rows "
            "a score or remove them before."
        )
    values = np.asarray(plain(column).cast(pa.float64()).to_numpy())
    wrong = np.flatnonzero(~np.isfinite(values))
    if len(wrong):
        raise DataError(
            f"score: column {score!r} has {len(wrong):,} values that are not finite in "
            f"{len(column):,} rows, the first in row {wrong[0] + 1}; give these rows a score or "
            "remove them before."
        )
    return values
