"""An audit of a table that has labels, predictions and sensitive columns side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from equipoise.audit.decisions import audit
from equipoise.audit.labels import encode_label
from equipoise.audit.result import Audit
from equipoise.audit.score_audit import ScoreAudit, audit_scores
from equipoise.audit.score_blocks import limits_of, require_threshold
from equipoise.audit.subgroups import Subgroup, find_subgroups
from equipoise.codes import as_array
from equipoise.data.arrow import to_arrow
from equipoise.data.errors import DataError, require_columns
from equipoise.data.sensitive import group_names, sensitive_columns
from equipoise.groups import How

if TYPE_CHECKING:
    import pyarrow as pa


def audit_table(
    table: Any,
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
    """Audit the predictions in a table.

    Parameters
    ----------
    table : dataframe of n rows
        pandas, polars, pyarrow or narwhals.
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

    Raises
    ------
    ValueError
        If a column is not there, or cannot be audited.
    """
    arrow = to_arrow(table)
    decided = _decided(arrow, label, prediction, score, threshold, positive)
    return audit(
        arrow[label],
        decided,
        sensitive_features=_sensitive(arrow, sensitive, missing_group),
        sample_weight=_weight(arrow, weight),
        how=how,
        positive=positive,
        confidence=confidence,
    )


def audit_scores_table(
    table: Any,
    *,
    label: str,
    score: str,
    sensitive: Sequence[str],
    weight: str | None = None,
    how: How = "crossed",
    positive: Any = None,
    missing_group: str | None = None,
    confidence: float = 0.95,
) -> ScoreAudit:
    """Audit the scores in a table.

    Parameters
    ----------
    table : dataframe of n rows
        pandas, polars, pyarrow or narwhals.
    label, score : str
        The columns that hold what was true, of two classes, and how much was said for the
        positive one.
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
    ScoreAudit
        Scores that are no probabilities are counted between the least and the largest of them.

    Raises
    ------
    ValueError
        If a column is not there, or cannot be audited.
    """
    arrow = to_arrow(table)
    require_columns({"label": label, "score": score}, arrow.column_names)
    scores = as_array(arrow[score], "score")
    limits = (0.0, 1.0)
    if scores.dtype.kind in "fiub" and len(scores):
        limits = limits_of(float(scores.min()), float(scores.max()))
    return audit_scores(
        arrow[label],
        scores,
        sensitive_features=_sensitive(arrow, sensitive, missing_group),
        sample_weight=_weight(arrow, weight),
        how=how,
        positive=positive,
        limits=limits,
        confidence=confidence,
    )


def find_subgroups_table(
    table: Any,
    rate: str,
    *,
    label: str,
    prediction: str | None = None,
    score: str | None = None,
    threshold: float = 0.5,
    positive: Any = None,
    confidence: float = 0.95,
) -> list[Subgroup]:
    """Search all other columns of a table for the subgroups whose rate is far from the others'.

    Parameters
    ----------
    table : dataframe of n rows
        pandas, polars, pyarrow or narwhals.
    rate : str
    label : str
        The column that holds what was true.
    prediction, score : str, optional
        The columns of decisions and of scores. Without the former, scores from a threshold on are
        decided to be positive.
    threshold : float
    positive : optional
        The positive class of a binary task.
    confidence : float

    Returns
    -------
    list of Subgroup

    Raises
    ------
    ValueError
        If a column is not there, or the search is refused.
    """
    arrow = to_arrow(table)
    decided = _decided(arrow, label, prediction, score, threshold, positive)
    said = {label, prediction, score}
    others = arrow.select([name for name in arrow.column_names if name not in said])
    return find_subgroups(
        others, arrow[label], decided, rate, positive=positive, confidence=confidence
    )


def _decided(
    arrow: pa.Table,
    label: str,
    prediction: str | None,
    score: str | None,
    threshold: float,
    positive: Any,
) -> Any:
    named = {"label": label, "prediction": prediction, "score": score}
    given = {argument: column for argument, column in named.items() if column}
    require_columns(given, arrow.column_names)
    if prediction is not None:
        return arrow[prediction]
    if score is None:
        raise DataError("prediction: name the column of decisions, or that of scores.")
    scores = as_array(arrow[score], "score")
    if scores.dtype.kind not in "fiub":
        raise DataError(
            f"score: column {score!r} must hold numbers; some are missing or something else."
        )
    # Not by `initial`, since the minimum of whole numbers cannot begin at an infinite one.
    low, high = (float(scores.min()), float(scores.max())) if len(scores) else (np.inf, -np.inf)
    require_threshold(threshold, low, high)
    _, classes = encode_label(arrow[label], positive)
    decided = np.array(classes, object)[(scores >= threshold).astype(int)]
    return decided if isinstance(classes[1], str) else decided.astype(type(classes[1]))


def _weight(arrow: pa.Table, weight: str | None) -> Any:
    if weight is None:
        return None
    require_columns({"weight": weight}, arrow.column_names)
    return arrow[weight]


def _sensitive(
    arrow: pa.Table, sensitive: Sequence[str], missing_group: str | None
) -> dict[str, Any]:
    specs = sensitive_columns(sensitive, arrow.column_names)
    return {spec.column: group_names(arrow[spec.column], spec, missing_group) for spec in specs}
