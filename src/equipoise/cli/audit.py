"""``equipoise audit``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from equipoise.cli.options import AsJson, How, MissingGroup, Positive, SensitiveColumns, Several


def audit(
    predictions: Annotated[
        Path, typer.Argument(help="A .csv, .tsv or .parquet file.", show_default=False)
    ],
    label: Annotated[str, typer.Option(help="The column of what was true.", show_default=False)],
    prediction: Annotated[
        str, typer.Option(help="The column of what was decided.", show_default=False)
    ],
    sensitive: SensitiveColumns,
    positive: Positive = None,
    how: Several = How.crossed,
    missing_group: MissingGroup = None,
    confidence: Annotated[float, typer.Option(help="Of every interval.")] = 0.95,
    as_json: AsJson = False,
) -> None:
    """Audit predictions that exist: rates by group, how far they fall apart, and how surely."""
    from equipoise.audit import audit_table
    from equipoise.data import read_table

    found = audit_table(
        read_table(predictions),
        label=label,
        prediction=prediction,
        sensitive=sensitive,
        how=how.value,
        positive=positive,
        missing_group=missing_group,
        confidence=confidence,
    )
    if as_json:
        typer.echo(json.dumps(found.to_dict(), indent=1, ensure_ascii=False))
    else:
        typer.echo(str(found))
