"""An audit of rows that pass by once, of which there may be more than memory holds.

What an audit needs of a block of rows is which combinations of group, label and prediction occur in
it and how often. Arrow counts them in its own threads, and combinations of all blocks are few.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from equipoise.audit.counts import Counts
from equipoise.audit.labels import encode_pair
from equipoise.audit.result import Audit
from equipoise.data.arrow import plain, to_arrow
from equipoise.data.blocks import column_names, read_blocks
from equipoise.data.delimited import parse_delimited
from equipoise.data.errors import DataError, require_columns
from equipoise.data.read import table_suffix
from equipoise.data.sensitive import (
    SensitiveColumn,
    group_names,
    refuse_missing,
    sensitive_columns,
)
from equipoise.groups import Groups, How

# So many combinations are held before those of all blocks so far are counted together.
_HELD = 1_000_000
# No column of a table is called so: names are text that somebody has written.
_TIMES = "\0 times"


def audit_stream(
    source: Any,
    *,
    label: str,
    prediction: str,
    sensitive: Sequence[str],
    how: How = "crossed",
    positive: Any = None,
    missing_group: str | None = None,
    confidence: float = 0.95,
) -> Audit:
    """Audit predictions in one pass over blocks of rows, in memory for one block.

    Parameters
    ----------
    source : path, Arrow stream, or iterable of tables
        A .parquet, .csv or .tsv file; whatever hands out an Arrow stream, such as a DuckDB
        relation or a ``pyarrow.RecordBatchReader``; or tables of any library, one after another.
        A block in which some group or class is absent is no special case.
    label, prediction : str
        The columns that hold what was true and what was decided.
    sensitive : sequence of str
        The sensitive columns; ``"age:25,60"`` cuts a number into groups.
    how : {"crossed", "each", "lattice"}
        Whether several columns mean their intersections or stand side by side.
    positive : optional
        The positive class of a binary task.
    missing_group : str, optional
        The group of rows whose sensitive value is missing; without it they are refused.
    confidence : float

    Returns
    -------
    Audit
        The same as of all rows at once.

    Raises
    ------
    ValueError
        If there are no rows, a column is not there, or it cannot be audited.
    """
    specs: list[SensitiveColumn] = []
    if isinstance(source, str | os.PathLike):
        # Of a file only the columns that are asked for are read, but all are known.
        specs = _columns(column_names(Path(source)), label, prediction, sensitive)
    held: list[pa.Table] = []
    for block in _blocks(source, [label, prediction, *sensitive]):
        if not specs:
            specs = _columns(block.column_names, label, prediction, sensitive)
        held.append(_counted(_cut(block, specs, missing_group), label, prediction, specs))
        if sum(len(one) for one in held) > _HELD:
            held = [_together(held)]
    if not sum(map(len, held)):
        raise DataError("source: it has no rows to audit.")
    rows = _together(held)
    if isinstance(source, str | os.PathLike) and table_suffix(Path(source)) != ".parquet":
        rows = _inferred(rows)
    return _audit(rows, label, prediction, specs, how, positive, missing_group, confidence)


def _blocks(source: Any, columns: Sequence[str]) -> Iterator[pa.Table]:
    if isinstance(source, str | os.PathLike):
        yield from read_blocks(Path(source), columns)
    elif hasattr(source, "__arrow_c_stream__") and not hasattr(source, "__len__"):
        for batch in pa.RecordBatchReader.from_stream(source):
            yield to_arrow(pa.table(batch))
    elif isinstance(source, list | tuple) or (
        isinstance(source, Iterable) and not hasattr(source, "__len__")
    ):
        for table in source:
            yield to_arrow(table)
    else:
        yield to_arrow(source)


def _columns(
    names: Sequence[str], label: str, prediction: str, sensitive: Sequence[str]
) -> list[SensitiveColumn]:
    require_columns({"label": label, "prediction": prediction}, names)
    return sensitive_columns(sensitive, names)


def _cut(block: pa.Table, specs: list[SensitiveColumn], missing_group: str | None) -> pa.Table:
    # Numbers become intervals before they are counted, since nearly all of them differ.
    for spec in specs:
        if spec.cuts:
            at = block.column_names.index(spec.column)
            names = group_names(_numbers(block[spec.column]), spec, missing_group)
            block = block.set_column(at, spec.column, names)
    return block


def _numbers(column: pa.ChunkedArray) -> pa.ChunkedArray:
    try:
        return column.cast(pa.float64()) if pa.types.is_string(column.type) else column
    except pa.ArrowInvalid:
        return column  # to be refused for what it is


def _inferred(rows: pa.Table) -> pa.Table:
    # All values that occur are among these few rows, so that they say of what kind a column is.
    written = pa.BufferOutputStream()
    pa_csv.write_csv(rows, written)
    return parse_delimited(written.getvalue().to_pybytes(), "source", delimiter=",")


def _counted(
    block: pa.Table, label: str, prediction: str, specs: list[SensitiveColumn]
) -> pa.Table:
    names = list(dict.fromkeys([label, prediction, *(spec.column for spec in specs)]))
    gone = [name for name in names if name not in block.column_names]
    if gone:
        raise DataError(f"source: a later block has no column {gone[0]!r}, which the first has.")
    keys = [f"key {number}" for number in range(len(names))]
    columns = pa.table([plain(block[name]) for name in names], names=keys)
    counted = columns.group_by(keys).aggregate([([], "count_all")])
    return counted.select([*keys, "count_all"]).rename_columns([*names, _TIMES])


def _together(held: list[pa.Table]) -> pa.Table:
    try:
        stacked = pa.concat_tables(held, promote_options="permissive")
    except pa.ArrowException as error:
        raise DataError(
            f"source: blocks hold different kinds of values in one column ({error}); write them "
            "alike."
        ) from error
    names = stacked.column_names
    keys = [f"key {number}" for number in range(len(names) - 1)]
    summed = stacked.rename_columns([*keys, _TIMES]).group_by(keys).aggregate([(_TIMES, "sum")])
    return summed.select([*keys, f"{_TIMES}_sum"]).rename_columns(names)


def _audit(
    rows: pa.Table,
    label: str,
    prediction: str,
    specs: list[SensitiveColumn],
    how: How,
    positive: Any,
    missing_group: str | None,
    confidence: float,
) -> Audit:
    times = rows[_TIMES].to_numpy()
    total = int(times.sum())

    def missing(column: str) -> int:
        return int(times[rows[column].is_null().to_numpy(zero_copy_only=False)].sum())

    for argument, column in (("label", label), ("prediction", prediction)):
        if missing(column):
            raise DataError(
                f"{argument}: column {column!r} has {missing(column):,} missing values in "
                f"{total:,} rows; fill them or remove those rows before."
            )
    groups = {}
    for spec in specs:
        if missing_group is None and missing(spec.column):
            refuse_missing(spec, missing(spec.column), total)
        cut = SensitiveColumn(spec.column)  # already, if it is to be
        groups[spec.column] = group_names(rows[spec.column], cut, missing_group)
    y, decided, classes = encode_pair(rows[label], rows[prediction], positive)
    of = Groups.of(groups, how)
    codes, patterns = of.patterns()
    table = np.zeros((len(patterns), len(classes), len(classes)), np.int64)
    np.add.at(table, (codes, y, decided), times)
    return Audit(Counts(of.names, classes, patterns, table), confidence)
