"""What a re-run of a paper consists of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from equipoise.report import Cell, Column, Page, Table

Tier = Literal["quick", "full"]
Verdict = Literal["holds", "holds with a condition", "does not hold", "cannot be told"]

_KINDS: dict[Verdict, Literal["good", "warn", "bad", "none"]] = {
    "holds": "good",
    "holds with a condition": "warn",
    "does not hold": "bad",
    "cannot be told": "none",
}


@dataclass(frozen=True)
class Claim:
    """One published figure and what came of it.

    Attributes
    ----------
    claim : str
        In a sentence, the condition included where it holds only with one.
    paper : str
        The figure as published.
    ours : float
        The figure as measured.
    low, high : float
        The interval of the measurement; both equal to it where it is exact.
    verdict : {"holds", "holds with a condition", "does not hold", "cannot be told"}
    """

    claim: str
    paper: str
    ours: float
    low: float
    high: float
    verdict: Verdict


Progress = Callable[[str, int, int], None]
"""Told what is being done, and how many of how many parts of the whole are done."""


@dataclass(frozen=True)
class Workplace:
    """Where a re-run finds and keeps things.

    Attributes
    ----------
    data_dir : Path or None
        The folder with the files of well-known tables.
    out : Path or None
        The folder in which finished parts are kept, so that a run that was stopped goes on.
    progress : callable or None
    jobs : int
        How many processes may work at once.
    """

    data_dir: Path | None = None
    out: Path | None = None
    progress: Progress | None = None
    jobs: int = 1


@dataclass(frozen=True)
class Reproduction:
    """The claims of one paper and how to re-run them.

    Attributes
    ----------
    name : str
        What ``equipoise reproduce`` calls it.
    title : str
    source : str
    measure : callable
        From the tier to the claims. The quick tier takes minutes and embedded data.
    in_place : callable, optional
        From the tier and a workplace to the outcome, in place of ``measure``: for re-runs that
        read tables, keep parts of what they do, or have more to show than claims.
    """

    name: str
    title: str
    source: str
    measure: Callable[[Tier], Sequence[Claim]] | None = None
    in_place: Callable[[Tier, Workplace], Outcome] | None = None

    def __post_init__(self) -> None:
        if (self.measure is None) == (self.in_place is None):
            raise ValueError(f"{self.name} needs either measure or in_place, and not both.")

    def run(self, tier: Tier, place: Workplace | None = None) -> Outcome:
        """Re-run the claims.

        Parameters
        ----------
        tier : {"quick", "full"}
        place : Workplace, optional

        Returns
        -------
        Outcome
        """
        if self.in_place is not None:
            return self.in_place(tier, place or Workplace())
        assert self.measure is not None
        return Outcome(tuple(self.measure(tier)))


@dataclass(frozen=True)
class Outcome:
    """Claims that have been re-run.

    Attributes
    ----------
    claims : tuple of Claim
    tables : tuple of Table
        What is printed before them.
    page : Page or None
        All of it with figures, for a browser.
    """

    claims: tuple[Claim, ...]
    tables: tuple[Table, ...] = ()
    page: Page | None = None

    def to_dict(self) -> dict[str, Any]:
        """The claims as JSON can hold them."""
        return {"claims": [asdict(claim) for claim in self.claims]}

    def table(self) -> Table:
        """The claims in a table, the paper's figure beside the measured one.

        Returns
        -------
        Table
        """
        columns = [
            Column("claim"),
            Column("verdict"),
            Column("paper", "right"),
            Column("ours", "right"),
            Column("interval", "right"),
        ]
        rows: list[list[str | Cell]] = [
            [
                claim.claim,
                Cell(claim.verdict, kind=_KINDS[claim.verdict]),
                claim.paper,
                f"{claim.ours:.4g}",
                "exact" if claim.low == claim.high else f"[{claim.low:.4g}, {claim.high:.4g}]",
            ]
            for claim in self.claims
        ]
        return Table(columns, rows)
