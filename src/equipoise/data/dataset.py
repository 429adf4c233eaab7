"""A table with its columns in their roles: features, target, sensitive columns, weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import narwhals as nw
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from equipoise.data.arrow import kind_of, to_arrow
from equipoise.data.errors import DataError, hint
from equipoise.data.fingerprint import Fingerprint
from equipoise.data.sensitive import group_names, parse_sensitive
from equipoise.data.target import encode_target

__all__ = ["DataError", "Dataset", "reject_text"]


@dataclass(frozen=True, eq=False)
class Dataset:
    """What a method learns from and is held to: n rows in four roles.

    Usually built by `Dataset.from_table` or `equipoise.data.load`, which check what goes in.

    Parameters
    ----------
    name : str
        What the data are called in reports.
    features : narwhals.DataFrame of n rows
        The columns to learn from: neither target nor weights nor, unless asked for, the
        sensitive columns.
    target : ndarray of shape (n,), int64
        Each row's label as a position in `classes`.
    classes : tuple
        The labels as plain Python values, sorted; of two, the second is the positive one.
    sensitive : narwhals.DataFrame of n rows
        The sensitive columns; text without missing values.
    weights : ndarray of shape (n,), float64, or None
        How much each row counts; None counts each row once.
    target_name : str
        What the target's column is called.

    Raises
    ------
    DataError
        If the parts differ in length.
    """

    name: str
    features: nw.DataFrame[Any]
    target: NDArray[np.int64]
    classes: tuple[Any, ...]
    sensitive: nw.DataFrame[Any]
    weights: NDArray[np.float64] | None
    target_name: str

    def __post_init__(self) -> None:
        lengths = {"target": len(self.target), "features": len(self.features)}
        lengths["sensitive"] = len(self.sensitive)
        if self.weights is not None:
            lengths["weights"] = len(self.weights)
        if len(set(lengths.values())) > 1:
            shown = ", ".join(f"{part} {length:,}" for part, length in lengths.items())
            raise DataError(f"Dataset: all parts need the same number of rows, given {shown}")

    def __len__(self) -> int:
        return len(self.target)

    def take(self, rows: NDArray[np.integer]) -> Dataset:
        """Return the data set of some rows, in the order given.

        Parameters
        ----------
        rows : ndarray of shape (m,), integer
            Row positions in [0, n); a row may be taken more than once.

        Returns
        -------
        Dataset
            m rows, with the same classes, even those that no row taken has.

        Raises
        ------
        DataError
            If `rows` is no vector of integers, or a position is out of range.
        """
        rows = np.asarray(rows)
        if rows.ndim != 1 or not np.issubdtype(rows.dtype, np.integer):
            raise DataError(
                f"rows: given an array of shape {rows.shape} and type {rows.dtype}, wanted a "
                "vector of integer positions; of a boolean mask take np.flatnonzero first"
            )
        if rows.size and not (rows.min() >= 0 and rows.max() < len(self)):
            raise DataError(
                f"rows: positions run from {rows.min()} to {rows.max()}, wanted within "
                f"0 to {len(self) - 1}"
            )
        return replace(
            self,
            features=self.features[rows],
            target=self.target[rows],
            sensitive=self.sensitive[rows],
            weights=None if self.weights is None else self.weights[rows],
        )

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256, in hexadecimal, of the content: column names, kinds, order and values.

        It does not depend on `name`, nor on whether the table came as pandas, polars or
        pyarrow, or from CSV or Parquet with the same types.
        """
        fingerprint = Fingerprint()
        fingerprint.table("features", self.features)
        fingerprint.table("sensitive", self.sensitive)
        fingerprint.text("target", self.target_name)
        fingerprint.array("codes", self.target)
        for label in self.classes:
            fingerprint.text(f"class {type(label).__name__}", repr(label))
        if self.weights is not None:
            fingerprint.array("weights", self.weights)
        return fingerprint.hexdigest()

    @classmethod
    def from_table(
        cls,
        table: Any,
        *,
        target: str,
        sensitive: Sequence[str],
        positive: object = None,
        weights: str | None = None,
        drop: Sequence[str] = (),
        keep_sensitive: bool = False,
        missing_group: str | None = None,
        name: str = "table",
    ) -> Dataset:
        """Give the columns of a table their roles, and check them.

        Parameters
        ----------
        table : pandas, polars or pyarrow table, or eager narwhals frame, of n rows
        target : str
            The label's column: text, integers, floats, booleans or categories, of at most
            fifty classes, none missing.
        sensitive : sequence of str
            The sensitive columns. A numeric one may carry cut points: ``"age:25,60"`` makes
            the groups ``age < 25``, ``25 <= age < 60`` and ``age >= 60``.
        positive : label, optional
            The favoured class of two; may be written as text. By default the larger.
        weights : str, optional
            A numeric column that says how much each row counts.
        drop : sequence of str
            Columns to leave out altogether.
        keep_sensitive : bool
            Whether the sensitive columns are features too.
        missing_group : str, optional
            Name of a group for the rows whose sensitive value is missing; without it such rows
            are refused.
        name : str
            What the data are called in reports.

        Returns
        -------
        Dataset
            Its frames are backed by pyarrow, with a null for each missing value.

        Raises
        ------
        DataError
            If a column is unknown, repeated or in two roles; if there are no rows or no
            features; if labels, weights or sensitive values are missing or unfit.
        """
        arrow = to_arrow(table)
        columns = arrow.column_names
        reject_text("sensitive", sensitive)
        reject_text("drop", drop)
        specs = [parse_sensitive(entry, columns) for entry in sensitive]
        if not specs:
            raise DataError("sensitive: no column given, wanted at least one")
        roles = [("target", target), *(("sensitive", spec.column) for spec in specs)]
        roles += [] if weights is None else [("weights", weights)]
        roles += [("drop", column) for column in drop]
        _check_roles(roles, columns)
        if not arrow.num_rows:
            raise DataError("table: no rows, wanted at least one for each class")

        codes, classes = encode_target(arrow[target], target, positive)
        groups = [group_names(arrow[spec.column], spec, missing_group) for spec in specs]
        kept = {spec.column for spec in specs} if keep_sensitive else set()
        used = {column for _, column in roles} - kept
        features = arrow.select([column for column in columns if column not in used])
        _check_features(features, keep_sensitive)
        named = pa.Table.from_arrays(groups, names=[spec.column for spec in specs])
        return cls(
            name=name,
            features=nw.from_native(features, eager_only=True),
            target=codes,
            classes=classes,
            sensitive=nw.from_native(named, eager_only=True),
            weights=None if weights is None else _read_weights(arrow[weights], weights),
            target_name=target,
        )


def reject_text(argument: str, given: Sequence[str] | None) -> None:
    """Refuse one text where a list of texts is wanted, which Python would read as its letters.

    Raises
    ------
    DataError
        If `given` is a text.
    """
    if isinstance(given, str):
        raise DataError(f"{argument}: given the text {given!r}, wanted a list: [{given!r}]")


def _check_roles(roles: list[tuple[str, str]], columns: Sequence[str]) -> None:
    taken: dict[str, str] = {}
    for role, column in roles:
        if column not in columns:
            raise DataError(f"{role}: no column {column!r} in the table. {hint(column, columns)}")
        if column in taken:
            first = taken[column]
            given = f"twice as {role}" if first == role else f"as {first} and as {role}"
            raise DataError(
                f"{role}: column {column!r} is given {given}; a column has one role: name it once"
            )
        taken[column] = role


def _check_features(features: pa.Table, keep_sensitive: bool) -> None:
    if not features.num_columns:
        cure = "" if keep_sensitive else ", or keep the sensitive ones with keep_sensitive=True"
        raise DataError(
            "table: no column is left as a feature after target, sensitive columns, weights and "
            f"drop; give a table with more columns{cure}"
        )
    for column in features.schema:
        if kind_of(column.type) == "other":
            raise DataError(
                f"table: column {column.name!r} holds {column.type}, which is no feature; "
                f"convert it to text or numbers, or leave it out with drop=[{column.name!r}]"
            )


def _read_weights(column: pa.ChunkedArray, name: str) -> NDArray[np.float64]:
    if kind_of(column.type) not in ("integer", "float"):
        raise DataError(f"weights: column {name!r} holds {column.type}, wanted numbers")
    if column.null_count:
        raise DataError(
            f"weights: column {name!r} has {column.null_count:,} missing values; fill them in, "
            "or remove those rows before"
        )
    values = np.asarray(column.cast(pa.float64()).to_numpy(), dtype=np.float64)
    unfit = ~np.isfinite(values) | (values < 0)
    if unfit.any():
        row = int(np.flatnonzero(unfit)[0])
        raise DataError(
            f"weights: column {name!r} has {int(unfit.sum()):,} values that are negative or not "
            f"finite (first in row {row}: {values[row]}); wanted finite numbers >= 0"
        )
    if not values.any():
        raise DataError(f"weights: column {name!r} is zero in every row; wanted a positive sum")
    return values
