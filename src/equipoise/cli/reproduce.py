"""``equipoise reproduce``."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console

from equipoise.cli.options import AsJson


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
    as_json: AsJson = False,
) -> None:
    """Re-run published claims and print the paper's figure beside the measured one."""
    from equipoise.reproduce import find_reproduction, list_reproductions

    console = Console()
    if name is None:
        console.print(list_reproductions().to_rich())
        return
    outcome = find_reproduction(name).run(tier.value)
    if as_json:
        typer.echo(json.dumps(outcome.to_dict(), indent=1, ensure_ascii=False))
    else:
        console.print(outcome.table().to_rich())
