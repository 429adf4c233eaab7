"""An audit over draws of a classifier whose scores lie in a table's columns, or beside it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from equipoise.audit.counts import Counts
from equipoise.audit.draw_counts import blocks_of, by_threshold, count_draws, rows_at_once
from equipoise.audit.labels import encode_label
from equipoise.audit.posterior import PosteriorAudit
from equipoise.audit.result import Audit
from equipoise.audit.tally import inferred
from equipoise.audit.weights import as_weights
from equipoise.data.arrow import kind_of, plain, to_arrow
from equipoise.data.blocks import column_names, read_blocks
from equipoise.data.errors import DataError, require_columns
from equipoise.data.read import table_suffix
from equipoise.data.sensitive import group_names, sensitive_columns
from equipoise.groups import Groups, How


def audit_posterior_table(
    source: Any,
    *,
    label: str,
    draws: str | os.PathLike[str],
    threshold: float = 0.5,
    sensitive: Sequence[str],
    weight: str | None = None,
    how: How = "crossed",
    positive: Any = None,
    missing_group: str | None = None,
    confidence: float = 0.95,
) -> PosteriorAudit:
    """Audit a classifier of which there are many draws, with their scores in files.

    Scores are gone through in one pass, a block of rows at a time; of the table, labels and groups
    alone are held in memory.

    Parameters
    ----------
    source : path or dataframe of n rows
        A .parquet, .csv or .tsv file; or pandas, polars, pyarrow or narwhals.
    label : str
        The column that holds what was true, of two classes.
    draws : str or path
        A pattern that the columns of scores match, such as ``"p_*"``, each of which is a draw; or
        a .npy file of shape (draws, n), with a column for each row of the table.
    threshold : float
        From which score on a decision is positive.
    sensitive : sequence of str
        The sensitive columns; ``"age:25,60"`` cuts a number into groups.
    weight : str, optional
        A column of how much each row counts for.
    how : {"crossed", "each", "lattice"}
        Whether several columns mean their intersections or stand side by side.
    positive : optional
        The positive class.
    missing_group : str, optional
        The group of rows whose sensitive value is missing; without it they are refused.
    confidence : float

    Returns
    -------
    PosteriorAudit

    Raises
    ------
    ValueError
        If a column is not there, no column matches, or one cannot be audited.
    """
    path = Path(source) if isinstance(source, str | os.PathLike) else None
    table = to_arrow(source) if path is None else None
    names = table.column_names if table is not None else column_names(Path(source))
    require_columns({"label": label} | ({} if weight is None else {"weight": weight}), names)
    specs = sensitive_columns(sensitive, names)
    needed = [label, *(spec.column for spec in specs), *([] if weight is None else [weight])]
    matrix = _matrix(draws) if str(draws).endswith(".npy") else None
    if matrix is not None:
        blocks = blocks_of(matrix)
    else:
        chosen = _columns(names, str(draws), needed)
        blocks = _of_columns(source if table is None else table, chosen)
    known = table if table is not None else _known(Path(source), needed)
    if matrix is not None and matrix.shape[1] != len(known):
        hint = ": save their transpose" if matrix.shape[0] == len(known) else ""
        raise DataError(
            f"draws: {draws} must have shape (draws, {len(known):,}), a column for each row of the "
            f"table, not {matrix.shape}{hint}."
        )
    y, classes = encode_label(known[label], positive)
    weights = None if weight is None else as_weights(known[weight], len(y))
    of = {spec.column: group_names(known[spec.column], spec, missing_group) for spec in specs}
    groups = Groups.of(of, how)
    counted = count_draws(blocks, by_threshold(threshold), y, groups, 2, weights)
    if not counted.tables.any(axis=(0, 1, 2)).all():
        raise DataError(
            f"threshold: {threshold:g} decides everybody alike, by every draw; choose one between "
            "the least and the largest score."
        )
    counts = Counts.from_block(y, counted.together, groups, classes, weight=weights)
    return PosteriorAudit(Audit(counts, confidence), counted.tables)


def _known(path: Path, columns: Sequence[str]) -> pa.Table:
    rows = pa.concat_tables(read_blocks(path, columns))
    if not len(rows):
        raise DataError("source: it has no rows to audit.")
    return rows if table_suffix(path) == ".parquet" else inferred(rows)


def _matrix(path: str | os.PathLike[str]) -> NDArray[Any]:
    try:
        matrix: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise DataError(f"draws: cannot read {path}: {error}") from error
    if matrix.ndim != 2 or not matrix.size:
        raise DataError(f"draws: {path} must have shape (draws, rows), not {matrix.shape}.")
    return matrix


def _columns(names: Sequence[str], pattern: str, needed: Sequence[str]) -> list[str]:
    chosen = [name for name in names if fnmatchcase(name, pattern)]
    if not chosen:
        raise DataError(
            f"draws: no column matches {pattern!r}; write a pattern such as 'p_*', or name a "
            ".npy file of shape (draws, rows)."
        )
    taken = sorted({*chosen} & {*needed})
    if taken:
        raise DataError(
            f"draws: {pattern!r} matches {taken[0]!r} too, which is no draw; rename it, or "
            "write a narrower pattern."
        )
    return chosen


def _of_columns(source: Any, columns: Sequence[str]) -> Iterator[NDArray[Any]]:
    at_once = rows_at_once(len(columns))
    if isinstance(source, pa.Table):
        batches = source.select(columns).to_batches(max_chunksize=at_once)
        blocks: Iterator[pa.Table] = (pa.table(batch) for batch in batches)
    else:
        blocks = read_blocks(Path(source), columns, at_once)
    for block in blocks:
        yield np.column_stack([_numbers(block[name], name) for name in columns])


def _numbers(column: pa.ChunkedArray, name: str) -> NDArray[Any]:
    column = plain(column)
    if pa.types.is_string(column.type):
        try:
            # As they are written in a file, numbers are text.
            column = pc.utf8_trim_whitespace(column).cast(pa.float64())
        except pa.ArrowInvalid as error:
            raise DataError(f"draws: column {name!r} must hold numbers ({error}).") from error
    if kind_of(column.type) not in ("integer", "float", "boolean"):
        raise DataError(f"draws: column {name!r} must hold numbers, not {column.type}.")
    if column.null_count:
        raise DataError(
            f"draws: column {name!r} has missing values; fill them or remove those rows before."
        )
    return np.asarray(column.to_numpy())
