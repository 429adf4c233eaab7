"""An audit of a table that has labels, predictions and sensitive columns side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from equipoise.audit.result import Audit, audit
from equipoise.data.arrow import to_arrow
from equipoise.data.errors import DataError, hint
from equipoise.data.sensitive import group_names, parse_sensitive
from equipoise.groups import How


def audit_table(
    table: Any,
    *,
    label: str,
    prediction: str,
    sensitive: Sequence[str],
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

    Raises
    ------
    ValueError
        If a column is not there, or cannot be audited.
    """
    arrow = to_arrow(table)
    names = arrow.column_names
    for argument, column in (("label", label), ("prediction", prediction)):
        if column not in names:
            raise DataError(f"{argument}: no column {column!r} in the table. {hint(column, names)}")
    if not sensitive:
        raise DataError("sensitive: name at least one column whose values make the groups.")
    specs = [parse_sensitive(entry, names) for entry in sensitive]
    return audit(
        arrow[label],
        arrow[prediction],
        sensitive_features={
            spec.column: group_names(arrow[spec.column], spec, missing_group) for spec in specs
        },
        how=how,
        positive=positive,
        confidence=confidence,
    )
