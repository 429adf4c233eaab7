"""``equipoise audit``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from equipoise.cli.compare import How


def audit(
    predictions: Annotated[
        Path, typer.Argument(help="A .csv, .tsv or .parquet file.", show_default=False)
    ],
    label: Annotated[str, typer.Option(help="The column of what was true.", show_default=False)],
    prediction: Annotated[
        str, typer.Option(help="The column of what was decided.", show_default=False)
    ],
    sensitive: Annotated[
        list[str],
        typer.Option(
            help="A sensitive column; repeat it for more. 'age:25,60' cuts a number into groups.",
            show_default=False,
        ),
    ],
    positive: Annotated[
        str | None, typer.Option(help="The positive class; by default the larger of two.")
    ] = None,
    how: Annotated[
        How,
        typer.Option(help="Several sensitive columns: their intersections, or each for itself."),
    ] = How.crossed,
    missing_group: Annotated[
        str | None,
        typer.Option(help="What to call the group of rows that have no sensitive value."),
    ] = None,
    confidence: Annotated[float, typer.Option(help="Of every interval.")] = 0.95,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the figures for a machine to read.")
    ] = False,
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
