"""The structural model behind the census simulator, and its truth in closed form.

A person belongs to a group g (sex x race) and has a latent merit m, which nobody sees:

    g ~ SHARES                       m | g ~ Bernoulli(base_rates[g])
    x | m ~ Normal(MEANS[m], S)      S has standard deviations DEVIATIONS, correlations CORRELATIONS
    occupation | m ~ OCCUPATION_GIVEN_MERIT[m]
    neighbourhood | g ~ (1 - proxy_strength) uniform + proxy_strength HOME[g]

The recorded label y is m, save that a disadvantaged person's merit goes unrecorded with
probability `label_bias` (label bias); a disadvantaged person with y = 1 then enters the sample
with probability 1 - `selection_bias`, everybody else surely (selection bias).

Both biases act on (g, m, y) only, so that features keep their law given g and m. The sample is
therefore described by the weights of the cells (g, m, y), and the log-likelihood ratio of merit
given x is normal in either class. With the two categorical columns summed over, every truth
below is a finite sum of normal probabilities.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from equipoise.data.census_truth import CensusTruth
from equipoise.data.errors import DataError

__all__ = ["CensusModel"]

SEXES = ("female", "male")
RACES = ("A", "B", "C")
GROUPS: tuple[tuple[str, str], ...] = tuple((sex, race) for sex in SEXES for race in RACES)
"""The groups, sex x race, in the order of every array over groups."""

SHARES = np.array([0.275, 0.14, 0.085, 0.275, 0.14, 0.085])
"""Shares of the groups in the population, before selection."""
DISADVANTAGED = np.array([sex == "female" or race == "C" for sex, race in GROUPS])
"""The groups that both biases strike: women, and race C."""
BASE_RATES = np.array([0.30, 0.26, 0.20, 0.46, 0.38, 0.28])
"""Default probability of merit in each group, before selection."""

NUMERIC = ("age", "education_years", "hours", "experience_years", "commute_minutes", "sleep_hours")
"""The numeric columns; the last two are noise."""
MEANS = np.array([[43.0, 12.6, 36.5, 17.0, 32.0, 7.2], [46.5, 15.0, 41.5, 21.5, 32.0, 7.2]])
DEVIATIONS = np.array([9.0, 2.2, 6.5, 6.0, 7.0, 0.8])
CORRELATIONS = np.eye(6)
CORRELATIONS[[0, 3], [3, 0]] = 0.6
CORRELATIONS[[1, 3], [3, 1]] = -0.2
COVARIANCE = CORRELATIONS * np.outer(DEVIATIONS, DEVIATIONS)

OCCUPATIONS = ("clerical", "craft", "management", "professional", "sales", "service")
OCCUPATION_GIVEN_MERIT = np.array(
    [[0.22, 0.24, 0.07, 0.10, 0.15, 0.22], [0.13, 0.15, 0.26, 0.27, 0.12, 0.07]]
)
NEIGHBOURHOODS = ("Eastgate", "Harbour", "Hillside", "Meadows", "Oldtown", "Riverside")
HOME = np.full((6, 6), 0.03) + 0.82 * np.eye(6)
"""Where a group lives if neighbourhoods reveal groups fully, one row a group."""


@dataclass(frozen=True)
class CensusModel:
    """The structural model with its free parameters set.

    Parameters
    ----------
    base_rates : mapping of (sex, race) to float, or None
        Probability of merit in a group's population, in (0, 1); groups left out, or all with
        None, keep `BASE_RATES`.
    selection_bias : float
        Probability in [0, 1) that a disadvantaged person of positive label stays out.
    label_bias : float
        Probability in [0, 1) that a disadvantaged person's merit is recorded as negative.
    proxy_strength : float
        In [0, 1]; how much the neighbourhood tells of the group: 0 nothing, 1 most.

    Raises
    ------
    DataError
        If a parameter is out of range, or a group is unknown.
    """

    base_rates: Mapping[tuple[str, str], float] | None
    selection_bias: float
    label_bias: float
    proxy_strength: float

    def __post_init__(self) -> None:
        for group, rate in (self.base_rates or {}).items():
            if group not in GROUPS:
                raise DataError(
                    f"base_rates: no group {group!r}, wanted pairs (sex, race) of "
                    f"{', '.join(map(repr, GROUPS))}"
                )
            if not 0 < rate < 1:
                raise DataError(f"base_rates: {group!r} is given {rate}, wanted within (0, 1)")
        for name in ("selection_bias", "label_bias"):
            value = getattr(self, name)
            if not 0 <= value < 1:
                raise DataError(f"{name}: given {value}, wanted a probability in [0, 1)")
        if not 0 <= self.proxy_strength <= 1:
            raise DataError(f"proxy_strength: given {self.proxy_strength}, wanted within [0, 1]")

    @property
    def cells(self) -> NDArray[np.float64]:
        """Shares of the sampled, of shape (6, 3): per group m = y = 1; m = 1, y = 0; m = y = 0."""
        rates = np.array(
            [(self.base_rates or {}).get(g, r) for g, r in zip(GROUPS, BASE_RATES, strict=True)]
        )
        hidden = self.label_bias * DISADVANTAGED
        kept = 1 - self.selection_bias * DISADVANTAGED
        merit = SHARES * rates
        weights = [merit * (1 - hidden) * kept, merit * hidden, SHARES * (1 - rates)]
        cells = np.stack(weights, axis=1)
        return np.asarray(cells / cells.sum())

    @property
    def neighbourhoods(self) -> NDArray[np.float64]:
        """Law of the neighbourhood in each group, of shape (6, 6), one row a group."""
        uniform = np.full_like(HOME, 1 / len(NEIGHBOURHOODS))
        return (1 - self.proxy_strength) * uniform + self.proxy_strength * HOME

    def truth(self) -> CensusTruth:
        """Compute the population's truth, by sums over cells and normal probabilities.

        Given neighbourhood h, occupation o and the log-likelihood ratio L of merit given x, the
        Bayes classifier selects where

            exp(L) q1(o) / q0(o) (a_h - b_h) > c_h,

        with a, b, c the shares in h of the three cells of `cells`. L is normal with mean d^2/2
        given merit, -d^2/2 without, and standard deviation d, the Mahalanobis distance between
        the two means.

        Returns
        -------
        CensusTruth
        """
        hit, hidden, rest = cells = self.cells.T
        homes, occupations = self.neighbourhoods, OCCUPATION_GIVEN_MERIT
        gain, cost = (hit - hidden) @ homes, rest @ homes
        difference = MEANS[1] - MEANS[0]
        distance = float(np.sqrt(difference @ np.linalg.solve(COVARIANCE, difference)))
        # Where hidden merit outweighs recorded merit no score is high enough.
        odds = np.divide(cost, gain, out=np.full_like(cost, np.inf), where=gain > 0)
        threshold = np.log(odds)[:, None] - np.log(occupations[1] / occupations[0])

        selected = [
            homes @ (ndtr((mean - threshold) / distance) @ occupations[merit])
            for merit, mean in enumerate((-(distance**2) / 2, distance**2 / 2))
        ]
        shares = cells.sum(axis=0)
        merit_share = hit + hidden
        right = hit * selected[1] + hidden * (1 - selected[1]) + rest * (1 - selected[0])
        return CensusTruth(
            groups=GROUPS,
            shares=shares,
            merit_rates=merit_share / shares,
            label_rates=hit / shares,
            selection_rates=(merit_share * selected[1] + rest * selected[0]) / shares,
            true_positive_rates=selected[1],
            accuracy=float(right.sum()),
        )
