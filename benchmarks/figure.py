"""A measured figure beside the bar it is held to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rich.console import Console

from equipoise.report import Cell, Column, Table


@dataclass(frozen=True)
class Figure:
    """A measurement and its bar.

    Attributes
    ----------
    name : str
    value : float
    side : {"<=", ">="}
        On which side of the bar it should be.
    bar : float
    what : str
        What was measured, in words.
    """

    name: str
    value: float
    side: Literal["<=", ">="]
    bar: float
    what: str

    @property
    def ok(self) -> bool:
        return self.value <= self.bar if self.side == "<=" else self.value >= self.bar

    @property
    def line(self) -> str:
        verdict = "ok" if self.ok else "short"
        return f"figure\t{self.name}\t{self.value:.4g}\t{self.side} {self.bar:g}\t{verdict}"


def show(figures: Sequence[Figure]) -> None:
    table = Table(
        [Column("figure"), Column("value", "right"), Column("bar", "right"), Column("")],
        [
            [
                figure.what,
                f"{figure.value:.4g}",
                f"{figure.side} {figure.bar:g}",
                Cell("ok" if figure.ok else "short", kind="good" if figure.ok else "bad"),
            ]
            for figure in figures
        ],
    )
    Console(width=110).print(table.to_rich())
    for figure in figures:
        print(figure.line)
