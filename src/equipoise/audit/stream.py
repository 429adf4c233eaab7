"""An audit of rows that pass by once, of which there may be more than memory holds."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from equipoise.audit.from_table import find_subgroups_table
from equipoise.audit.result import Audit
from equipoise.audit.row_sample import RowSample, Sampled
from equipoise.audit.score_audit import ScoreAudit
from equipoise.audit.score_blocks import BeyondLimitsError, ScoreBlocks, limits_of
from equipoise.audit.subgroups import Subgroup
from equipoise.audit.tally import Asked, Tally, inferred
from equipoise.data.arrow import to_arrow
from equipoise.data.blocks import column_names, read_blocks
from equipoise.data.errors import DataError
from equipoise.data.read import table_suffix
from equipoise.data.sensitive import SensitiveColumn
from equipoise.groups import How

# So many combinations are held before those of all blocks so far are counted together.
_HELD = 1_000_000
# So many rows are searched for subgroups.
_SEARCHED = 1_000_000


class OnePass(NamedTuple):
    """What one pass over rows told.

    Attributes
    ----------
    audit : Audit
        Of the decisions.
    scores : ScoreAudit or None
        Of the scores, if there is a column of them.
    subgroups : list of Subgroup or None
        Those that were found, if they were searched for.
    sampled : Sampled or None
        Which sample they were searched in, if there were more rows than are searched.
    """

    audit: Audit
    scores: ScoreAudit | None
    subgroups: list[Subgroup] | None
    sampled: Sampled | None


def audit_stream(
    source: Any,
    *,
    label: str,
    prediction: str | None = None,
    score: str | None = None,
    threshold: float = 0.5,
    sensitive: Sequence[str],
    weight: str | None = None,
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
    score : str, optional
        Without a column of decisions, one of scores: those of at least the threshold are decided
        to be positive.
    threshold : float
    sensitive : sequence of str
        The sensitive columns; ``"age:25,60"`` cuts a number into groups.
    weight : str, optional
        A column of how much each row counts for.
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
    asked = Asked(label, prediction, score, threshold, sensitive, missing_group, weight)
    counts = tally_rows(source, asked, None, None).counts(how, positive)
    return Audit(counts, confidence)


def audit_one_pass(
    source: Any,
    *,
    label: str,
    prediction: str | None = None,
    score: str | None = None,
    threshold: float = 0.5,
    sensitive: Sequence[str],
    weight: str | None = None,
    how: How = "crossed",
    positive: Any = None,
    missing_group: str | None = None,
    limits: tuple[float, float] | None = None,
    subgroups: str | None = None,
    confidence: float = 0.95,
) -> OnePass:
    """Audit decisions and scores, and search for subgroups, in memory for one block and a sample.

    Parameters
    ----------
    source, label, prediction, threshold, sensitive, weight, how, positive, missing_group
        As :func:`audit_stream` has them, and ``confidence``.
    score : str, optional
        The column of scores, which are audited; they decide if no prediction is named.
    limits : (float, float), optional
        Between which scores lie. By default between 0 and 1, or, where one is found beyond, in
        their range, for which the rows are gone through again.
    subgroups : str, optional
        A rate. The columns that are not named are searched for the subgroups in which it is far
        from the others', each row counted once, in a uniform sample of a million rows where there
        are more.

    Returns
    -------
    OnePass
        But for a sample, the same as of all rows at once.

    Raises
    ------
    ValueError
        If there are no rows, a column is not there, or it cannot be audited; if scores lie beyond
        0 and 1, no limits are given, and the rows can be gone through only once.
    """
    asked = Asked(label, prediction, score, threshold, sensitive, missing_group, weight)
    within = None if score is None else limits or (0.0, 1.0)
    sample = None if subgroups is None else RowSample(_SEARCHED)
    try:
        tally = tally_rows(source, asked, within, sample)
    except BeyondLimitsError as error:
        if limits is not None:
            raise
        if not _lasting(source):
            raise DataError(
                f"{error} These rows can be gone through only once: give limits that all scores "
                "lie between, as in limits=(-5, 5)."
            ) from error
        within = limits_of(*_range(source, asked))
        sample = None if subgroups is None else RowSample(_SEARCHED)
        tally = tally_rows(source, asked, within, sample)
    scores = None
    if within is not None:
        scores = ScoreAudit(tally.score_counts(how, positive, within), confidence)
    found = Audit(tally.counts(how, positive), confidence)
    if sample is None:
        return OnePass(found, scores, None, None)
    rows, sampled = sample.rows()
    if weight is not None:
        rows = rows.drop_columns([weight])
    try:
        far = find_subgroups_table(
            inferred(rows) if _is_text(source) else rows,
            str(subgroups),
            label=label,
            prediction=prediction,
            score=score,
            threshold=threshold,
            positive=positive,
            confidence=confidence,
        )
    except ValueError as error:
        if sampled is None:
            raise
        raise DataError(f"subgroups: in {sampled}: {error}") from error
    return OnePass(found, scores, far, sampled)


def tally_rows(
    source: Any, asked: Asked, limits: tuple[float, float] | None, sample: RowSample | None
) -> Tally:
    """Count the rows of a source block by block.

    Parameters
    ----------
    source : path, Arrow stream, or iterable of tables
    asked : Asked
    limits : (float, float) or None
        Between which scores are counted in bins, if they are to be.
    sample : RowSample or None
        To which all blocks are added.

    Returns
    -------
    Tally

    Raises
    ------
    ValueError
        If there are no rows, or a column is not there.
    """
    specs: list[SensitiveColumn] = []
    columns = asked.columns
    if isinstance(source, str | os.PathLike):
        # Of a file only the columns that are asked for are read, but all are known.
        names = column_names(Path(source))
        specs = asked.specs(names)
        columns = columns if sample is None else names
    scored = None
    if asked.score is not None and (limits is not None or asked.prediction is None):
        scored = ScoreBlocks(asked.score, asked.threshold, limits, _is_text(source))
    held: list[Tally] = []
    most = _HELD
    for block in _blocks(source, columns):
        specs = specs or asked.specs(block.column_names)
        if sample is not None:
            sample.add(block)
        rows = block if scored is None else scored.add_to(block)
        held.append(Tally.of_block(rows, asked, specs, limits is not None))
        if sum(len(one.rows) for one in held) > most:
            held = [held[0].merge(held[1:])]
            # Where there are very many, they are not counted again with each block.
            most = max(_HELD, 2 * len(held[0].rows))
    if not any(len(one.rows) for one in held):
        raise DataError("source: it has no rows to audit.")
    tally = held[0].merge(held[1:])
    if scored is not None:
        scored.finish(int(tally.times.sum()), asked.prediction is None)
    # All values that occur are among these few rows, so that they say of what kind a column is.
    return Tally(inferred(tally.rows), asked, specs) if _is_text(source) else tally


def _range(source: Any, asked: Asked) -> tuple[float, float]:
    scored = ScoreBlocks(str(asked.score), asked.threshold, text=_is_text(source))
    for block in _blocks(source, [scored.column]):
        scored.look(block)
    return scored.least, scored.most


def _is_text(source: Any) -> bool:
    is_file = isinstance(source, str | os.PathLike)
    return is_file and table_suffix(Path(source)) != ".parquet"


def _lasting(source: Any) -> bool:
    """Whether its rows can be gone through again."""
    return isinstance(source, str | os.PathLike) or hasattr(source, "__len__")


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
