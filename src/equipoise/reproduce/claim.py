"""What a re-run of a paper consists of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from equipoise.report import Cell, Column, Table

Tier = Literal["quick", "full"]
Verdict = Literal["holds", "holds with a condition", "does not hold"]

_KINDS: dict[Verdict, Literal["good", "warn", "bad"]] = {
    "holds": "good",
    "holds with a condition": "warn",
    "does not hold": "bad",
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
    verdict : {"holds", "holds with a condition", "does not hold"}
    """

    claim: str
    paper: str
    ours: float
    low: float
    high: float
    verdict: Verdict


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
    """

    name: str
    title: str
    source: str
    measure: Callable[[Tier], Sequence[Claim]]

    def run(self, tier: Tier) -> Outcome:
        """Re-run the claims.

        Parameters
        ----------
        tier : {"quick", "full"}

        Returns
        -------
        Outcome
        """
        return Outcome(tuple(self.measure(tier)))


@dataclass(frozen=True)
class Outcome:
    """Claims that have been re-run."""

    claims: tuple[Claim, ...]

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
            Column("paper", "right"),
            Column("ours", "right"),
            Column("interval", "right"),
            Column("verdict"),
        ]
        rows: list[list[str | Cell]] = [
            [
                claim.claim,
                claim.paper,
                f"{claim.ours:.4g}",
                "exact" if claim.low == claim.high else f"[{claim.low:.4g}, {claim.high:.4g}]",
                Cell(claim.verdict, kind=_KINDS[claim.verdict]),
            ]
            for claim in self.claims
        ]
        return Table(columns, rows)
