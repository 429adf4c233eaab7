"""``equipoise rank``."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from equipoise.cli.options import AsJson, How, MissingGroup, SensitiveColumns, Several


class Worth(StrEnum):
    """What positions are worth."""

    dcg = "dcg"
    reciprocal = "reciprocal"
    geometric = "geometric"
    none = "none"


def rank(
    data: Annotated[
        str,
        typer.Argument(help="A .csv, .tsv or .parquet file.", show_default=False),
    ],
    score: Annotated[
        str,
        typer.Option(help="A column of numbers, of which larger is better.", show_default=False),
    ],
    sensitive: SensitiveColumns,
    at_least: Annotated[
        list[str] | None,
        typer.Option(
            help="Of a group in every prefix: 'women >= 0.3', or 'women >= 3 in 10'; repeat it.",
            show_default=False,
        ),
    ] = None,
    at_most: Annotated[
        list[str] | None,
        typer.Option(help="Likewise: 'women <= 0.6'.", show_default=False),
    ] = None,
    top: Annotated[
        int | None,
        typer.Option(help="Positions to fill; by default all rows are ranked.", show_default=False),
    ] = None,
    discount: Annotated[
        Worth,
        typer.Option(help="What position k is worth: 1 / log2(k + 1), 1 / k, 0.8^(k - 1), or 1."),
    ] = Worth.dcg,
    how: Several = How.crossed,
    missing_group: MissingGroup = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", help="The ranked table: .csv, .tsv or .parquet.", show_default=False
        ),
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write a report there, one file.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Rank rows by a score, with a place for each group in every prefix.

    The ranking has the largest discounted sum of scores of all that keep the bounds. Tells what
    they cost, exposure by group, and who moved.
    """
    from equipoise.data import table_suffix
    from equipoise.rank.run import rank as run

    if out is not None:
        table_suffix(out)  # before anything is read
    found = run(
        data,
        score=score,
        sensitive=sensitive,
        at_least=at_least or (),
        at_most=at_most or (),
        top=top,
        discount=discount.value,
        how=how.value,
        missing_group=missing_group,
    )
    if out is not None:
        found.write(out)
    if html is not None:
        found.page().write(html)
    if as_json:
        typer.echo(json.dumps(found.to_dict(), indent=1, ensure_ascii=False))
        return
    shown = Console()
    for table in found.tables():
        shown.print(table.to_rich())
    if out is not None:
        shown.print(
            f"{len(found.table):,} rows: {out}", markup=False, highlight=False, soft_wrap=True
        )
    if html is not None:
        shown.print(f"report: {html}", markup=False, highlight=False, soft_wrap=True)
