"""The verbs together, and what happens when one fails."""

from __future__ import annotations

import sys
from importlib.metadata import version
from typing import Annotated

import typer
from rich.console import Console

from equipoise.cli.audit import audit
from equipoise.cli.cluster import cluster
from equipoise.cli.compare import compare
from equipoise.cli.predict import predict
from equipoise.cli.rank import rank
from equipoise.cli.repair import repair
from equipoise.cli.report import report
from equipoise.cli.reproduce import reproduce
from equipoise.cli.summarise import summarise

app = typer.Typer(
    name="equipoise",
    help=(
        "Train, audit and compare models that treat groups of people evenly.\n\n"
        "Begin with: equipoise compare census-sim --target income --sensitive sex "
        "--constraint 'gap(\"selection\") <= 0.05'"
    ),
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(compare)
app.command()(audit)
app.command()(predict)
app.command()(repair)
app.command()(rank)
app.command()(cluster)
app.command()(summarise)
app.command()(report)
app.command()(reproduce)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"equipoise {version('equipoise')}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line.

    Exits with 0 when done, 1 when the data or the request make an answer impossible (the message
    says why and what to do), 2 when the command is misspelt, 3 when what an audit was told to fail
    at is shown by the data, 130 when interrupted.
    """
    errors = Console(stderr=True)
    try:
        app()
    except (ValueError, OSError, FloatingPointError) as error:
        errors.print("error:", style="bold red", end=" ")
        errors.print(str(error), markup=False, highlight=False, soft_wrap=True)
        sys.exit(1)
