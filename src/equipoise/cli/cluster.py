"""``equipoise cluster``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from equipoise.cli.clusters import (
    Clusters,
    DataDir,
    Drop,
    Eps,
    Features,
    Progressing,
    Scale,
    Scaled,
    Size,
    Table,
    Weights,
)
from equipoise.cli.options import AsJson, How, MissingGroup, UsualSensitiveColumns


def cluster(
    data: Table,
    clusters: Clusters,
    sensitive: UsualSensitiveColumns = None,
    balance: Annotated[
        float | None,
        typer.Option(
            help="The share of each group in each cluster is between this times its share of all "
            "rows and the share divided by this; 0.8 if nothing else is asked, and 0 asks for "
            "nothing.",
            show_default=False,
        ),
    ] = None,
    at_least: Annotated[
        list[str] | None,
        typer.Option(
            help="Of a group in every cluster: 'Female >= 0.3', or of several sensitive columns "
            "'sex: Female >= 0.3'; repeat it.",
            show_default=False,
        ),
    ] = None,
    at_most: Annotated[
        list[str] | None,
        typer.Option(help="Likewise: 'Female <= 0.6'.", show_default=False),
    ] = None,
    median: Annotated[
        bool, typer.Option("--median", help="k-median: distances are not squared.")
    ] = False,
    how: Annotated[
        How,
        typer.Option(
            help="Several sensitive columns: each for itself, their intersections, or the lattice "
            "of intersections of any of them."
        ),
    ] = How.each,
    size: Size = None,
    eps: Eps = None,
    all_rows: Annotated[
        bool, typer.Option("--all-rows", help="Find centres on all rows, not on a summary.")
    ] = False,
    columns: Features = None,
    drop: Drop = None,
    weights: Weights = None,
    scale: Scaled = Scale.standard,
    missing_group: MissingGroup = None,
    data_dir: DataDir = None,
    starts: Annotated[int, typer.Option(help="Starts, of which the best is kept.")] = 5,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="The table with a column 'cluster': .csv, .tsv or .parquet.",
            show_default=False,
        ),
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write a report there, one file.", show_default=False)
    ] = None,
    seed: Annotated[int, typer.Option(help="Of everything that is drawn.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Cluster the rows of a table of any size, so that every cluster has its share of each group.

    Tells how large the clusters are, what groups have of them, and what the bounds cost. A summary
    that `equipoise summarise` has written is a table too.
    """
    from equipoise.cli.outputs import require_writable
    from equipoise.cluster.run import cluster as run

    require_writable(data, out, html)
    with Progressing() as progress:
        found = run(
            data,
            n_clusters=clusters,
            sensitive=sensitive,
            at_least=at_least or (),
            at_most=at_most or (),
            balance=balance,
            how=how.value,
            power=1.0 if median else 2.0,
            size=size,
            eps=eps,
            all_rows=all_rows,
            columns=columns,
            drop=drop or (),
            weights=weights,
            scale=scale.value,
            missing_group=missing_group,
            data_dir=data_dir,
            n_init=starts,
            random_state=seed,
            progress=progress,
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
            f"{len(found.labels):,} rows: {out}", markup=False, highlight=False, soft_wrap=True
        )
    if html is not None:
        shown.print(f"report: {html}", markup=False, highlight=False, soft_wrap=True)
