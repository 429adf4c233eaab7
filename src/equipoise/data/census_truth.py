"""What is so in the population that a simulated census is drawn from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from equipoise.data.errors import DataError

__all__ = ["CensusTruth"]


@dataclass(frozen=True)
class CensusTruth:
    """Exact quantities of the population that a simulated census is drawn from.

    "Sampled" is after selection. The Bayes classifier is the one of highest accuracy for the
    recorded label among all that see the features and neither sex nor race.

    Attributes
    ----------
    groups : tuple of tuple of str
        g groups, as (sex, race); of `by`, as (sex,) or (race,).
    shares : ndarray of shape (g,)
        Share of each group among the sampled.
    merit_rates : ndarray of shape (g,)
        Share of each group's sampled with merit.
    label_rates : ndarray of shape (g,)
        Share of each group's sampled whose recorded label is positive.
    selection_rates : ndarray of shape (g,)
        Share of each group's sampled that the Bayes classifier selects.
    true_positive_rates : ndarray of shape (g,)
        The same share among those whose recorded label is positive.
    accuracy : float
        Share of the sampled whose recorded label the Bayes classifier tells.
    """

    groups: tuple[tuple[str, ...], ...]
    shares: NDArray[np.float64]
    merit_rates: NDArray[np.float64]
    label_rates: NDArray[np.float64]
    selection_rates: NDArray[np.float64]
    true_positive_rates: NDArray[np.float64]
    accuracy: float

    @property
    def merit_gap(self) -> float:
        """Largest less smallest merit rate."""
        return float(np.ptp(self.merit_rates))

    @property
    def label_gap(self) -> float:
        """Largest less smallest rate of positive recorded labels."""
        return float(np.ptp(self.label_rates))

    @property
    def selection_gap(self) -> float:
        """Largest less smallest selection rate of the Bayes classifier."""
        return float(np.ptp(self.selection_rates))

    @property
    def true_positive_gap(self) -> float:
        """Largest less smallest true-positive rate of the Bayes classifier."""
        return float(np.ptp(self.true_positive_rates))

    def by(self, column: Literal["sex", "race"]) -> CensusTruth:
        """Return the same quantities for the groups of one column alone.

        Parameters
        ----------
        column : {"sex", "race"}

        Returns
        -------
        CensusTruth
            Its groups are the column's values, in alphabetical order.

        Raises
        ------
        DataError
            If it is another column, or these are one column's groups already.
        """
        if column not in ("sex", "race") or len(self.groups[0]) != 2:
            raise DataError(
                f"column: given {column!r}, wanted 'sex' or 'race', of the truth over both"
            )
        keys = [group[("sex", "race").index(column)] for group in self.groups]
        names = sorted(set(keys))
        member = np.array([[key == name for key in keys] for name in names], dtype=np.float64)
        shares = member @ self.shares
        labelled = self.shares * self.label_rates
        return CensusTruth(
            groups=tuple((name,) for name in names),
            shares=shares,
            merit_rates=member @ (self.shares * self.merit_rates) / shares,
            label_rates=member @ labelled / shares,
            selection_rates=member @ (self.shares * self.selection_rates) / shares,
            true_positive_rates=member
            @ (labelled * self.true_positive_rates)
            / (member @ labelled),
            accuracy=self.accuracy,
        )
