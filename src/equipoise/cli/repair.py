"""``equipoise repair``."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from equipoise.cli.options import (
    AsJson,
    How,
    MissingGroup,
    Positive,
    Several,
    UsualSensitiveColumns,
)


class Product(StrEnum):
    """The product law of the prior."""

    marginals = "marginals"
    uniform = "uniform"


def repair(
    data: Annotated[
        str,
        typer.Argument(
            help="census-sim, a known table, or the path of a .csv, .tsv or .parquet file.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", help="The repaired table: .csv, .tsv or .parquet.", show_default=False
        ),
    ],
    target: Annotated[
        str | None, typer.Option(help="The label's column. Known tables have one.")
    ] = None,
    sensitive: UsualSensitiveColumns = None,
    constraint: Annotated[
        list[str] | None,
        typer.Option(
            help="What labels are to keep, taken as decisions: 'ratio(\"selection\") >= 0.9', "
            "'gap(\"selection\") <= 0.05', ...; by default they become independent of the groups.",
            show_default=False,
        ),
    ] = None,
    n: Annotated[
        int | None,
        typer.Option("--n", "-n", help="Rows to draw; by default as many as there are."),
    ] = None,
    weigh: Annotated[
        str | None,
        typer.Option(
            help="Draw nothing: write the rows that there are, with a column of this name that "
            "says what each is to count.",
            show_default=False,
        ),
    ] = None,
    representation: Annotated[
        float | None,
        typer.Option(
            help="The smallest group's share over the largest's is to be at least this; by default "
            "shares stay.",
            show_default=False,
        ),
    ] = None,
    share: Annotated[
        float,
        typer.Option(
            help="How much of the prior combines columns independently; 0 draws only rows that "
            "there are."
        ),
    ] = 0.1,
    product: Annotated[
        Product,
        typer.Option(help="Columns independent as they are distributed in the data, or uniform."),
    ] = Product.marginals,
    bins: Annotated[
        int, typer.Option(help="Into how many intervals numbers of more distinct values are cut.")
    ] = 10,
    positive: Positive = None,
    weights: Annotated[
        str | None, typer.Option(help="A column that says what each row counts.")
    ] = None,
    drop: Annotated[
        list[str] | None, typer.Option(help="A column to leave out; repeat it for more.")
    ] = None,
    how: Several = How.crossed,
    min_group: Annotated[
        int, typer.Option(help="Groups with fewer rows are joined into one, or left out.")
    ] = 0,
    missing_group: MissingGroup = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="Folder of known tables; or set EQUIPOISE_DATA.")
    ] = None,
    classifiers: Annotated[
        bool,
        typer.Option(help="Train classifiers with and without the repair, and compare them."),
    ] = True,
    html: Annotated[
        Path | None, typer.Option(help="Write a report there, one file.", show_default=False)
    ] = None,
    seed: Annotated[int, typer.Option(help="Of what is drawn.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Draw a table that is as close to yours as a promise about its labels allows.

    Writes the table, and tells what moved: groups, labels in each, every other column, and what
    classifiers that are trained on it decide.
    """
    from equipoise.data import DataError, table_suffix
    from equipoise.repair import PARITY, Choices
    from equipoise.repair.run import repair as run

    table_suffix(out)  # before anything is read, which may take long
    for path, option in ((out, "--out"), (html, "--html")):
        if path is not None and not path.parent.is_dir():
            raise DataError(f"{option}: no folder {path.parent} to write {path.name} in")
    if out.exists() and Path(data).exists() and out.samefile(data):
        raise DataError(f"--out: {out} is the table to repair; write to another file")
    found = run(
        data,
        target=target,
        sensitive=sensitive,
        constraint=constraint or PARITY,
        n=n,
        weigh=weigh,
        choices=Choices(representation, share, product.value, bins=bins),
        positive=positive,
        weights=weights,
        drop=drop or (),
        how=how.value,
        min_group=min_group,
        missing_group=missing_group,
        data_dir=data_dir,
        classifiers=classifiers,
        seed=seed,
    )
    found.write(out)
    if html is not None:
        found.page().write(html)
    if as_json:
        typer.echo(json.dumps(found.to_dict(), indent=1, ensure_ascii=False))
        return
    shown = Console()
    for table in found.tables():
        shown.print(table.to_rich())
    if found.not_judged:
        shown.print(f"No classifiers were trained: {found.not_judged}", markup=False)
    shown.print(f"{len(found.table):,} rows: {out}", markup=False, highlight=False, soft_wrap=True)
    if html is not None:
        shown.print(f"report: {html}", markup=False, highlight=False, soft_wrap=True)
