"""How often each combination of group, label, decision and bin of the score occurs.

It is all that an audit needs of rows. Arrow counts the combinations of a block in its own threads,
and those of all blocks are few.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
from numpy.typing import NDArray

from equipoise.audit.counts import Counts
from equipoise.audit.labels import encode_label, encode_pair
from equipoise.audit.score_blocks import BIN, DECIDED
from equipoise.audit.score_counts import N_BINS, ScoreCounts
from equipoise.audit.weights import require_range
from equipoise.data.arrow import plain
from equipoise.data.delimited import parse_delimited
from equipoise.data.errors import DataError, require_columns
from equipoise.data.sensitive import (
    SensitiveColumn,
    group_names,
    refuse_missing,
    sensitive_columns,
)
from equipoise.groups import Groups, How

_TIMES, _WEIGHT, _SQUARE = "\0 times", "\0 weight", "\0 square"
_SUMMED = (_TIMES, _WEIGHT, _SQUARE)


@dataclass(frozen=True)
class Asked:
    """What is asked about rows.

    Attributes
    ----------
    label : str
    prediction, score : str or None
        Columns; without the first, scores of at least the threshold are decided to be positive.
    threshold : float
    sensitive : sequence of str
    missing_group : str or None
    weight : str or None
        A column of how much each row counts for.
    gold : str or None
        A column that has the true groups of some rows.
    """

    label: str
    prediction: str | None
    score: str | None
    threshold: float
    sensitive: Sequence[str]
    missing_group: str | None
    weight: str | None = None
    gold: str | None = None

    def __post_init__(self) -> None:
        if self.prediction is None and self.score is None:
            raise DataError("prediction: name the column of decisions, or that of scores.")

    @property
    def decision(self) -> str:
        """The column that holds what was decided."""
        return self.prediction or DECIDED

    @property
    def columns(self) -> list[str]:
        """All that are to be read, those that are cut with their cut points."""
        named = [self.label, self.prediction, self.score, self.weight, self.gold, *self.sensitive]
        return [column for column in named if column is not None]

    def specs(self, names: Sequence[str]) -> list[SensitiveColumn]:
        """The sensitive columns of a table of such columns, which must have all others too."""
        named = {
            "label": self.label,
            "prediction": self.prediction,
            "score": self.score,
            "weight": self.weight,
            "gold": self.gold,
        }
        require_columns({name: c for name, c in named.items() if c is not None}, names)
        return sensitive_columns(self.sensitive, names)


@dataclass(frozen=True, eq=False)
class Tally:
    """Distinct rows, and how often each occurs.

    Attributes
    ----------
    rows : pyarrow.Table
        Of label, decision, sensitive columns and perhaps bins, how often each row occurs and,
        where rows are weighted, the sums of the weights and of their squares.
    asked : Asked
    specs : sequence of SensitiveColumn
    """

    rows: pa.Table
    asked: Asked
    specs: Sequence[SensitiveColumn]

    @classmethod
    def of_block(
        cls, block: pa.Table, asked: Asked, specs: Sequence[SensitiveColumn], bins: bool
    ) -> Tally:
        """Count one block of rows.

        Parameters
        ----------
        block : pyarrow.Table
        asked : Asked
        specs : sequence of SensitiveColumn
        bins : bool
            Whether it has bins, by which it is to be counted.

        Returns
        -------
        Tally
        """
        block = _cut(block, specs, asked.missing_group)
        also = [*([] if asked.gold is None else [asked.gold]), *([BIN] if bins else [])]
        keys = [asked.label, asked.decision, *(spec.column for spec in specs), *also]
        names = list(dict.fromkeys(keys))
        needed = names if asked.weight is None else [*names, asked.weight]
        gone = [name for name in needed if name not in block.column_names]
        if gone:
            raise DataError(
                f"source: a later block has no column {gone[0]!r}, which the first has."
            )
        numbered = [f"key {number}" for number in range(len(names))]
        columns = pa.table([plain(block[name]) for name in names], names=numbered)
        sums: list[tuple[Any, str]] = [([], "count_all")]
        taken = ["count_all"]
        if asked.weight is not None:
            weight = _weights(plain(block[asked.weight]), asked.weight)
            for name, x in ((_WEIGHT, weight), (_SQUARE, weight * weight)):
                columns = columns.append_column(name, pa.array(x))
                sums.append((name, "sum"))
                taken.append(f"{name}_sum")
        counted = columns.group_by(numbered).aggregate(sums).select([*numbered, *taken])
        return cls(counted.rename_columns([*names, *_SUMMED[: len(taken)]]), asked, specs)

    def merge(self, others: Sequence[Tally]) -> Tally:
        """Count what several tallies have counted together.

        Parameters
        ----------
        others : sequence of Tally

        Returns
        -------
        Tally

        Raises
        ------
        DataError
            If they hold different kinds of values in one column.
        """
        try:
            stacked = pa.concat_tables(
                [self.rows, *(other.rows for other in others)], promote_options="permissive"
            )
        except pa.ArrowException as error:
            raise DataError(
                f"source: blocks hold different kinds of values in one column ({error}); write "
                "them alike."
            ) from error
        names = stacked.column_names
        sums = [name for name in _SUMMED if name in names]
        keys = [f"key {number}" for number in range(len(names) - len(sums))]
        numbered = stacked.rename_columns([*keys, *sums])
        summed = numbered.group_by(keys).aggregate([(name, "sum") for name in sums])
        rows = summed.select([*keys, *(f"{name}_sum" for name in sums)]).rename_columns(names)
        return Tally(rows, self.asked, self.specs)

    @cached_property
    def times(self) -> NDArray[np.int64]:
        """How often each of the rows occurs."""
        return np.asarray(self.rows[_TIMES].to_numpy())

    @cached_property
    def groups(self) -> dict[str, pa.Array]:
        """The names of the groups of the distinct rows, by sensitive column."""
        found = {}
        for spec in self.specs:
            missing = self._missing(spec.column)
            if missing and self.asked.missing_group is None:
                refuse_missing(spec, missing, int(self.times.sum()))
            cut = SensitiveColumn(spec.column)  # already, if it is to be
            found[spec.column] = group_names(self.rows[spec.column], cut, self.asked.missing_group)
        return found

    def counts(self, how: How, positive: Any) -> Counts:
        """The counts of the decisions.

        Parameters
        ----------
        how : {"crossed", "each", "lattice"}
        positive : optional
            The positive class.

        Returns
        -------
        Counts

        Raises
        ------
        ValueError
            If values are missing, or are no classes.
        """
        y, decided, classes = self.decisions(positive)
        of = Groups.of(self.groups, how)
        codes, patterns = of.patterns()
        shape = len(patterns), len(classes), len(classes)
        table, weight = self.added((codes, y, decided), shape)
        return Counts(of.names, classes, patterns, table, weight=weight)

    def decisions(
        self, positive: Any
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], tuple[Any, ...]]:
        """The labels and the decisions of the distinct rows.

        Parameters
        ----------
        positive : optional
            The positive class.

        Returns
        -------
        label, decided : ndarray of int64
            Codes.
        classes : tuple

        Raises
        ------
        ValueError
            If values are missing, or are no classes.
        """
        self._refuse_missing()
        label, decision = self.rows[self.asked.label], self.rows[self.asked.decision]
        if self.asked.prediction is None:
            y, classes = encode_label(label, positive)
            return y, decision.to_numpy().astype(np.int64), classes
        return encode_pair(label, decision, positive)

    def score_counts(self, how: How, positive: Any, limits: tuple[float, float]) -> ScoreCounts:
        """The counts of the scores.

        Parameters
        ----------
        how : {"crossed", "each", "lattice"}
        positive : optional
            The positive class.
        limits : (float, float)
            Between which bins were laid.

        Returns
        -------
        ScoreCounts

        Raises
        ------
        ValueError
            If values are missing, or labels are not of two classes.
        """
        self._refuse_missing()
        y, classes = encode_label(self.rows[self.asked.label], positive)
        of = Groups.of(self.groups, how)
        codes, patterns = of.patterns()
        cells = codes, y, self.rows[BIN].to_numpy()
        table, weight = self.added(cells, (len(patterns), 2, N_BINS))
        return ScoreCounts(of.names, classes, patterns, table, limits, weight)

    def added(
        self, cells: tuple[NDArray[Any], ...], shape: tuple[int, ...]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64] | None]:
        """Count the rows by cell of a table.

        Parameters
        ----------
        cells : tuple of ndarray of int
            Where each of the distinct rows belongs.
        shape : tuple of int

        Returns
        -------
        table : ndarray of int64, of that shape
        weight : ndarray of float64, shape (2, *shape), or None
            Sums of weights and of squares, if rows are weighted.
        """
        table = np.zeros(shape, np.int64)
        np.add.at(table, cells, self.times)
        if self.asked.weight is None:
            return table, None
        weight = np.zeros((2, *shape))
        for sums, name in zip(weight, (_WEIGHT, _SQUARE), strict=True):
            np.add.at(sums, cells, self.rows[name].to_numpy().astype(np.float64))
        if not weight.any():
            raise DataError(f"weight: column {self.asked.weight!r} is 0 in every row.")
        return table, weight

    def _missing(self, column: str) -> int:
        return int(self.times[self.rows[column].is_null().to_numpy()].sum())

    def _refuse_missing(self) -> None:
        named = {"label": self.asked.label, "prediction": self.asked.decision}
        for argument, column in named.items():
            missing = self._missing(column)
            if missing:
                raise DataError(
                    f"{argument}: column {column!r} has {missing:,} missing values in "
                    f"{int(self.times.sum()):,} rows; fill them or remove those rows before."
                )


def inferred(rows: pa.Table) -> pa.Table:
    """Read cells that are as they are written, now that all values of a column are known.

    Parameters
    ----------
    rows : pyarrow.Table

    Returns
    -------
    pyarrow.Table
    """
    written = pa.BufferOutputStream()
    pa_csv.write_csv(rows, written)
    return parse_delimited(written.getvalue().to_pybytes(), "source", delimiter=",")


def _cut(block: pa.Table, specs: Sequence[SensitiveColumn], missing_group: str | None) -> pa.Table:
    # Numbers become intervals before they are counted, since nearly all of them differ.
    for spec in specs:
        if spec.cuts:
            at = block.column_names.index(spec.column)
            names = group_names(_numbers(block[spec.column]), spec, missing_group)
            block = block.set_column(at, spec.column, names)
    return block


def _weights(column: pa.ChunkedArray, name: str) -> NDArray[np.float64]:
    try:
        # As they are written in a file, numbers may be text.
        text = pa.types.is_string(column.type)
        numbers = (pc.utf8_trim_whitespace(column) if text else column).cast(pa.float64())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DataError(f"weight: column {name!r} must hold numbers ({error}).") from error
    if numbers.null_count:
        raise DataError(
            f"weight: column {name!r} has missing values; fill them or remove those rows before."
        )
    weight = np.asarray(numbers.to_numpy())
    if not (np.isfinite(weight) & (weight >= 0)).all():
        wrong = weight[~(np.isfinite(weight) & (weight >= 0))][0]
        raise DataError(
            f"weight: column {name!r} must hold finite numbers that are not negative, but holds "
            f"{wrong:g}."
        )
    require_range(weight, f"weight: column {name!r}")
    return weight


def _numbers(column: pa.ChunkedArray) -> pa.ChunkedArray:
    try:
        return column.cast(pa.float64()) if pa.types.is_string(column.type) else column
    except pa.ArrowInvalid:
        return column  # to be refused for what it is
