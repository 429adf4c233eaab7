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
    fail_if: Annotated[
        list[str] | None,
        typer.Option(
            help="Exit with 3 if the data show this, such as 'gap(\"true_positive\") > 0.1' or "
            "'ratio(\"selection\") < 0.8'; repeat it for more.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Audit predictions that exist: rates by group, how far they fall apart, and how surely."""
    from equipoise.audit import audit_table, gates
    from equipoise.audit.gate import promise_against
    from equipoise.data import read_table

    conditions = fail_if or []
    for condition in conditions:
        promise_against(condition)  # before anything is read, which may take long
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
    judged = gates(found.counts, conditions, confidence)
    if as_json:
        answer = found.to_dict() | ({"fail_if": [g.to_dict() for g in judged]} if judged else {})
        typer.echo(json.dumps(answer, indent=1, ensure_ascii=False))
    else:
        typer.echo(str(found))
    for each in judged:
        typer.echo(f"{'FAILED' if each.shut else 'passed'}: {each}", err=True)
    if any(each.shut for each in judged):
        raise typer.Exit(3)
