"""A volume, with its error and what it was made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import scipy


class Stage(NamedTuple):
    """One ratio of two normalisers.

    Attributes
    ----------
    variance : float
        Of the Gaussian that was drawn from, in the coordinates that were walked in. The first
        stage is the narrowest Gaussian on all space, with independent draws; the others are on
        the body.
    log_ratio : float
        Log of the normaliser of what comes next over its own: of the first stage the share inside
        the body, of the last the step to the uniform distribution.
    se : float
        Standard error of the log ratio.
    ess : float
        Effective draws, for the mean of the weights.
    draws : int
        Of all chains together.
    """

    variance: float
    log_ratio: float
    se: float
    ess: float
    draws: int


@dataclass(frozen=True)
class Volume:
    """The log of a volume, and how far it can be trusted.

    The volume is Lebesgue's where the set has as many dimensions as variables. Where equations,
    or inequalities that can only hold with equality, make it flatter, it is the Hausdorff measure
    of its own dimension in the coordinates of x: a segment from (0, 0) to (1, 1) has length
    sqrt(2), not 1. Leaving out coordinates that equations determine changes it: all n by n
    doubly stochastic matrices have n^(n - 1) times the volume of their first n - 1 rows and
    columns.

    Attributes
    ----------
    log_volume : float
        Natural logarithm.
    se : float
        Its standard error; zero where it is exact.
    dimension : int
        Of the set.
    method : str
        ``exact`` and a shape, or ``Gaussian cooling`` and how coordinates are taken.
    stages : tuple of Stage
        None where it is exact.
    steps : int
        Coordinates drawn, of all chains, the choice of the stages included.
    """

    log_volume: float
    se: float
    dimension: int
    method: str
    stages: tuple[Stage, ...] = ()
    steps: int = 0

    @property
    def low(self) -> float:
        """Lower end of the 95 % interval of the log."""
        return self.interval()[0]

    @property
    def high(self) -> float:
        """Upper end of the 95 % interval of the log."""
        return self.interval()[1]

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Interval that holds the log of the volume with this confidence.

        Parameters
        ----------
        confidence : float
            In (0, 1).

        Returns
        -------
        low, high : float
            By the normal approximation, and only as good as the chains are mixed.

        Raises
        ------
        ValueError
            If the confidence is not inside (0, 1).
        """
        if not 0 < confidence < 1:
            raise ValueError(f"confidence lies inside (0, 1), not {confidence!r}")
        reach = float(scipy.special.ndtri((1 + confidence) / 2)) * self.se
        return self.log_volume - reach, self.log_volume + reach

    def __str__(self) -> str:
        head = (
            f"log volume {self.log_volume:.6g}, standard error {self.se:.3g}, "
            f"{self.dimension} dimensions, {self.method}"
        )
        if not self.stages:
            return head
        rows = [("variance", "log ratio", "se", "ess", "draws")]
        rows += [
            (f"{s.variance:.4g}", f"{s.log_ratio:.4f}", f"{s.se:.4f}", f"{s.ess:.0f}", f"{s.draws}")
            for s in self.stages
        ]
        widths = np.array([[len(word) for word in row] for row in rows]).max(axis=0)
        lines = [
            "  ".join(word.rjust(w) for word, w in zip(row, widths, strict=True)) for row in rows
        ]
        return "\n".join([head, *lines])
