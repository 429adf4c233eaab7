"""``equipoise summarise``."""

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
from equipoise.cli.options import AsJson, MissingGroup, UsualSensitiveColumns


def summarise(
    data: Table,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            help="The summary: .parquet, which keeps all that is known of it, .csv or .tsv.",
            show_default=False,
        ),
    ],
    clusters: Clusters,
    size: Size = None,
    eps: Eps = None,
    sensitive: UsualSensitiveColumns = None,
    columns: Features = None,
    drop: Drop = None,
    weights: Weights = None,
    median: Annotated[
        bool, typer.Option("--median", help="For k-median: distances are not squared.")
    ] = False,
    scale: Scaled = Scale.standard,
    missing_group: MissingGroup = None,
    data_dir: DataDir = None,
    check: Annotated[
        bool,
        typer.Option(
            help="Go through the table once more, and tell by how much costs differ at centres of "
            "several kinds."
        ),
    ] = True,
    seed: Annotated[int, typer.Option(help="Of the points that are drawn.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Summarise a table of any size by a few thousand weighted rows, to be clustered in its place.

    What clusters cost on the summary is close to what they cost on the table, and each combination
    of sensitive values has exactly the weight that it has there. `equipoise cluster` takes it.
    """
    from equipoise.cli.outputs import require_writable
    from equipoise.cluster.summary import summarise as run

    require_writable(data, out, None)
    with Progressing() as progress:
        found = run(
            data,
            n_clusters=clusters,
            size=size,
            eps=eps,
            columns=columns,
            drop=drop or (),
            sensitive=sensitive,
            weights=weights,
            power=1.0 if median else 2.0,
            scale=scale.value,
            missing_group=missing_group,
            data_dir=data_dir,
            check=check,
            random_state=seed,
            progress=progress,
        )
    found.write(out)
    if as_json:
        typer.echo(json.dumps(found.to_dict(), indent=1, ensure_ascii=False))
        return
    shown = Console()
    for table in found.tables():
        shown.print(table.to_rich())
    shown.print(f"{len(found):,} points: {out}", markup=False, highlight=False, soft_wrap=True)
