"""``python -m benchmarks AREA``: without an area, all of them."""

from __future__ import annotations

import importlib
from typing import Annotated

import typer

from benchmarks.figure import show

AREAS = (
    "startup",
    "audit",
    "train",
    "constrained",
    "frontier",
    "autobalance",
    "minmax",
    "optimizers",
    "sampling",
    "maxent",
    "noisy",
    "coresets",
)


def main(
    areas: Annotated[list[str] | None, typer.Argument(help=f"Of {', '.join(AREAS)}.")] = None,
) -> None:
    """Measure, print a table, and then one tab-separated line a figure."""
    unknown = sorted({*(areas or ())} - {*AREAS})
    if unknown:
        raise typer.BadParameter(f"unknown areas {unknown}; there are {', '.join(AREAS)}")
    for area in areas or AREAS:
        show(importlib.import_module(f"benchmarks.{area}").figures())


if __name__ == "__main__":
    typer.run(main)
