"""``equipoise predict``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def predict(
    model: Annotated[
        Path,
        typer.Argument(
            help="The folder of a model, such as runs/.../models/alm/seed-0.", show_default=False
        ),
    ],
    table: Annotated[
        Path, typer.Argument(help="A .csv, .tsv or .parquet file.", show_default=False)
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="Where to write the table with predictions (.csv, .tsv or .parquet); by default "
            "beside the table, as NAME.predicted.csv or the like.",
        ),
    ] = None,
) -> None:
    """Apply a saved model to a table: its rows with predictions and probabilities."""
    from equipoise.data import missing_as_null, read_table, table_suffix, write_table
    from equipoise.learn import Model, with_predictions

    written = read_table(table, as_text=True)
    predicted = with_predictions(Model.load(model), missing_as_null(written), shown=written)
    suffix = table_suffix(table)
    where = out or table.with_name(f"{table.name.removesuffix(suffix)}.predicted{suffix}")
    if where.exists() and where.samefile(table):
        raise ValueError(f"--out is {table} itself; the predictions need a file of their own.")
    write_table(predicted, where)
    typer.echo(str(where))
