"""``equipoise reproduce``."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from equipoise.cli.options import AsJson

if TYPE_CHECKING:
    from equipoise.reproduce.claim import Progress

_PAGE = "report.html"
_WIDE = 200


class Tier(StrEnum):
    """How much is re-run."""

    quick = "quick"
    full = "full"


def reproduce(
    name: Annotated[
        str | None,
        typer.Argument(help="Which claims; without a name they are listed.", show_default=False),
    ] = None,
    tier: Annotated[
        Tier, typer.Option(help="quick: embedded data, minutes. full: all of it.")
    ] = Tier.quick,
    data_dir: Annotated[
        Path | None,
        typer.Option(envvar="EQUIPOISE_DATA", help="Where the known tables are; full needs them."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for what is finished, so that a run that was stopped goes on, and for "
            "the report.",
            show_default=False,
        ),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(help="Processes at work at once; by default one a core.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Re-run published claims and print the paper's figure beside the measured one."""
    from equipoise.reproduce import Workplace, find_reproduction, list_reproductions

    console, errors = Console(), Console(stderr=True)
    if not console.is_terminal:  # whose width would be a guess that cuts tables short
        console.width = _WIDE
    if name is None:
        console.print(list_reproductions().to_rich())
        return
    found = find_reproduction(name)
    n_jobs = (os.cpu_count() or 1) if jobs is None else jobs
    if n_jobs < 1:
        raise ValueError(f"--jobs must be at least 1, not {n_jobs}.")
    if out is not None:
        _make(out)
    with _progress(errors) as progress, _may_be_stopped(errors, kept=out is not None):
        outcome = found.run(tier.value, Workplace(data_dir, out, progress, n_jobs))
    if out is not None and outcome.page is not None:
        outcome.page.write(out / _PAGE)
    if as_json:
        typer.echo(json.dumps(outcome.to_dict(), indent=1, ensure_ascii=False))
        return
    for table in (*outcome.tables, outcome.table()):
        console.print(table.to_rich())
    if out is not None and outcome.page is not None:
        console.print(str(out / _PAGE), markup=False, highlight=False, soft_wrap=True)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(
            f"cannot write into {folder} ({error.strerror}); choose another folder as --out."
        ) from error


@contextmanager
def _may_be_stopped(console: Console, *, kept: bool) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        console.print(
            "stopped; what is finished is kept, and the same command goes on from there."
            if kept
            else "stopped; with --out a folder would keep what is finished."
        )
        raise typer.Exit(130) from None


@contextmanager
def _progress(console: Console) -> Iterator[Progress]:
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    with Progress(
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
        console=console,
        transient=True,
    ) as bars:
        bar = bars.add_task("", total=None, visible=False)

        def show(what: str, done: int, total: int) -> None:
            bars.update(bar, description=what, completed=done, total=total, visible=True)

        yield show
