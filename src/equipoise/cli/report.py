"""``equipoise report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console


def report(
    run: Annotated[Path, typer.Argument(help="The folder of a finished run.", show_default=False)],
) -> None:
    """Write the report of a run anew from what it found."""
    from equipoise.compare.result import Comparison

    comparison = Comparison.load(run)
    comparison.write()
    console = Console()
    for table in comparison.tables():
        console.print(table.to_rich())
    console.print(str(comparison.report), markup=False, highlight=False, soft_wrap=True)
