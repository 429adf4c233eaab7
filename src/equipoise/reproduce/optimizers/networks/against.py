"""Each optimizer against SGD, seed by seed, under every protocol."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from equipoise.compare.paired import PairedSeeds, compare_seeds, holm
from equipoise.compare.study.course import Floats
from equipoise.compare.study.entry import Entry
from equipoise.compare.study.protocols import MatchedLoss, Protocol, chosen, figures
from equipoise.constraints import Disparity
from equipoise.reproduce.optimizers.networks.setting import Results

BASE = "SGD"

Column = Literal["fixed rate", "tuned", "tuned for the worst group", "matched loss"]
"""The protocols, and what is left of a difference at equal training loss."""


@dataclass(frozen=True)
class Difference:
    """A contender's figure less SGD's.

    Attributes
    ----------
    seeds : PairedSeeds or None
        None where one of the two diverged, or has no such figure, with some seed.
    p : float
        Adjusted by Holm's method for all contenders and protocols of the table; NaN where there is
        no difference to test.
    """

    seeds: PairedSeeds | None
    p: float

    @property
    def less(self) -> bool:
        """Whether the figure is shown to be smaller than SGD's."""
        return self.seeds is not None and self.p < 0.05 and self.seeds.mean.value < 0

    @property
    def more(self) -> bool:
        """Whether it is shown to be larger."""
        return self.seeds is not None and self.p < 0.05 and self.seeds.mean.value > 0


@dataclass(frozen=True, eq=False)
class Against:
    """All contenders against SGD in one figure, after some epochs.

    Attributes
    ----------
    look : int
        Which of the looks.
    disparity : Disparity
    r_squared : float
        What share of the figure's variance training loss explains, over all optimizers, rates,
        looks and seeds; NaN if they have no losses in common.
    found : dict
        By contender and protocol.
    """

    look: int
    disparity: Disparity
    r_squared: float
    found: dict[tuple[str, Column], Difference]

    @property
    def explained(self) -> str:
        """What training loss explains, in words."""
        if np.isnan(self.r_squared):
            return "there is no training loss that all optimizers came to"
        return f"training loss alone explains {self.r_squared:.0%} of the variance"

    def worst_at_edge(self, results: Results, name: str) -> bool:
        """Whether a rate that is best for the worst group is the last one that was tried.

        Rates are sought beyond what is best for all rows, and for nothing else.

        Parameters
        ----------
        results : Results
        name : str

        Returns
        -------
        bool
            Of the contender or of SGD.
        """
        entries = [results.entries[one] for one in (name, BASE)]
        return any(one.at_edge(one.tuned(self.look, for_worst=True)) for one in entries)

    @classmethod
    def of(cls, results: Results, look: int, disparity: Disparity) -> Against:
        """Compare.

        Parameters
        ----------
        results : Results
        look : int
        disparity : Disparity

        Returns
        -------
        Against
        """
        entries = results.entries
        values = {name: figures(entry, disparity) for name, entry in entries.items()}
        matched = MatchedLoss(list(entries.values()), values)
        pairs: dict[tuple[str, Column], PairedSeeds | None] = {}
        for name in entries:
            if name == BASE:
                continue
            for protocol in get_args(Protocol):
                own, base = (_at(entries[one], values[one], protocol, look) for one in (name, BASE))
                pairs[name, protocol] = paired(base, own)
            pairs[name, "matched loss"] = paired(matched.residuals[BASE], matched.residuals[name])
        tested = [key for key, seeds in pairs.items() if seeds is not None]
        adjusted = dict(
            zip(tested, holm([seeds.p for seeds in pairs.values() if seeds]), strict=True)
        )
        return cls(
            look,
            disparity,
            matched.r_squared,
            {
                key: Difference(seeds, float(adjusted.get(key, np.nan)))
                for key, seeds in pairs.items()
            },
        )


def _at(entry: Entry, values: Floats, protocol: Protocol, look: int) -> Floats:
    found: Floats = values[chosen(entry, protocol, look), look]
    return found


def paired(base: Floats, own: Floats) -> PairedSeeds | None:
    """Compare figures of the same seeds, where every seed has one.

    Parameters
    ----------
    base, own : ndarray, shape (s,)

    Returns
    -------
    PairedSeeds or None
        Of the second less the first.
    """
    both = np.isfinite(base) & np.isfinite(own)
    # A figure that is undefined for some seeds is not one of fewer seeds.
    return compare_seeds(base, own) if both.all() else None
