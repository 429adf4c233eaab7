"""The audit of decisions about people whose groups are observed with errors."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from equipoise.audit.labels import encode_pair
from equipoise.audit.noisy_counts import NoisyCounts
from equipoise.audit.noisy_spread import IMPOSSIBLE, beyond, covariance, price, score_interval
from equipoise.audit.parity import UNKNOWN, Parity, draws_for, parity_of_estimates
from equipoise.audit.power import detectable
from equipoise.audit.result import (
    DEFAULT_RATES,
    TELLING,
    Audit,
    Estimate,
    GroupRates,
    require_between_groups,
    require_settings,
)
from equipoise.audit.weights import as_weights
from equipoise.constraints import Disparity
from equipoise.noise import FlipsDiffer, NoisyGroups
from equipoise.rates import Rate, find_rate

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class NoisyAudit:
    """Rates of the true groups and their disparities, from groups that are observed with errors.

    Every figure is corrected for the flips, so that it is that of the true groups but for chance;
    it may then lie outside 0 and 1, and is told as it is. Intervals carry what the correction
    costs, and what is not known of the flips where they were estimated.

    Attributes
    ----------
    counts : NoisyCounts
    confidence : float
        Of every interval.
    n_boot : int
        Draws of the distribution of disparities under parity, at least.
    random_state : int
    dependence : FlipsDiffer or None
        Whether flips depend on labels and decisions, if gold rows were asked.
    """

    counts: NoisyCounts
    confidence: float = 0.95
    n_boot: int = 2000
    random_state: int = 0
    dependence: FlipsDiffer | None = None
    _judged: dict[Disparity, Parity] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        require_settings(self.confidence, self.n_boot)

    @property
    def interval(self) -> str:
        """How the rates' intervals are made, in words."""
        return "score"

    def rates(self, rate: str | Rate, *, simultaneous: bool = False) -> GroupRates:
        """A rate of each true group.

        Parameters
        ----------
        rate : str or Rate
        simultaneous : bool
            Whether the confidence is that all intervals hold at once (Bonferroni).

        Returns
        -------
        GroupRates
            Its support is how many rows of known group would tell as much.

        Raises
        ------
        ValueError
            If the rate is one of the loss.
        """
        rate = find_rate(rate)
        counts = self.counts
        values = counts.rates(rate)
        error = (1 - self.confidence) / (values.size if simultaneous else 1)
        low, high = score_interval(counts, rate, float(stats.norm.isf(error / 2)))
        support = np.nan_to_num(counts.known_rows(rate) / self.price(rate))
        return GroupRates(rate.component_names(counts.classes), values, low, high, support)

    def price(self, rate: str | Rate) -> Array:
        """How many times as many rows a rate takes as it would if groups were known.

        Parameters
        ----------
        rate : str or Rate

        Returns
        -------
        ndarray, shape (c, p)
            The variance of each group's rate over what it would be without errors, those of the
            estimated flips included.
        """
        return price(self.counts, find_rate(rate))

    def disparity(self, disparity: str | Disparity) -> Estimate:
        """How far a rate falls apart between the true groups.

        Parameters
        ----------
        disparity : str or Disparity
            Such as ``gap("selection")``, or what it prints.

        Returns
        -------
        Estimate
            The interval of a gap or ratio is that of :meth:`parity`, or where that is not known
            follows from intervals of all rates that hold at once; that of the worst group's rate
            is made as :meth:`Audit.disparity` makes it. Intervals are cut to 0 and 1, not short of
            the estimate.
        """
        disparity = Disparity.parse(disparity)
        value = float(disparity.value(self.counts.rates(disparity.rate)))
        low, high = self._ends(disparity)
        if not (np.isnan(value) or np.isnan(low)):
            low, high = min(max(low, 0.0), value), max(min(high, 1.0), value)
        return Estimate(value, low, high)

    def _ends(self, disparity: Disparity) -> tuple[float, float]:
        together = self.rates(disparity.rate, simultaneous=True)
        if disparity.kind == "worst":
            each = self.rates(disparity.rate)
            if disparity.sense == "<=":
                return float(together.low.max()), float(each.high.max())
            return float(each.low.min()), float(together.high.min())
        found = self.parity(disparity)
        if not np.isnan(found.value):
            return found.low, found.high
        # A ratio with a rate that is hardly positive: what rates in all intervals at once allow.
        low, high = together.low.clip(0.0), together.high
        if np.isnan(low).any():
            return np.nan, np.nan
        most = np.divide(high.min(-1), low.max(-1), out=np.ones(len(low)), where=low.max(-1) > 0)
        return 0.0, float(most.clip(max=1.0).min())

    def parity(self, disparity: str | Disparity) -> Parity:
        """How far a rate falls apart, beside what chance would make of it under parity.

        Parameters
        ----------
        disparity : str or Disparity
            A gap or a ratio.

        Returns
        -------
        Parity
            All NaN where a rate is undefined, or where a ratio has a rate that is within a standard
            error of 0, or below.

        Raises
        ------
        ValueError
            Of the worst group's rate, which says nothing of parity.
        """
        disparity = require_between_groups(disparity)
        if disparity not in self._judged:
            self._judged[disparity] = self._judge(disparity)
        return self._judged[disparity]

    def _judge(self, disparity: Disparity) -> Parity:
        values = self.counts.rates(disparity.rate)
        spread = covariance(self.counts, disparity.rate)
        if not (np.isfinite(values).all() and np.isfinite(spread).all()):
            return UNKNOWN
        error = np.sqrt(np.diag(spread)).reshape(values.shape)
        if disparity.kind == "ratio" and not (values > error).all():
            return UNKNOWN
        random = np.random.default_rng(self.random_state)
        size = draws_for(self.confidence, self.n_boot)
        # By eigenvalues, since one may be 0: of a component that is another's complement.
        scales, axes = np.linalg.eigh(spread)
        steps = random.standard_normal((size, values.size)) * np.sqrt(scales.clip(0.0))
        errors = (steps @ axes.T).reshape(size, *values.shape)
        # Of a ratio the logarithms are compared, and no draw may be negative.
        draws = values * np.exp(errors / values) if disparity.kind == "ratio" else values + errors
        return parity_of_estimates(values, draws, disparity, self.confidence)

    @property
    def uncorrected(self) -> Audit:
        """The audit that takes what is observed for the truth."""
        return Audit(
            self.counts.observed,
            self.confidence,
            n_boot=self.n_boot,
            random_state=self.random_state,
        )

    @property
    def undefined(self) -> list[str]:
        """Which rates of which groups are undefined, and why, in words."""
        found: list[str] = []
        for rate in map(find_rate, DEFAULT_RATES):
            _, rows = rate.fractions(self.counts.by_group)
            for component, own in zip(rate.component_names(self.counts.classes), rows, strict=True):
                found.extend(
                    f"{component} of {self.counts.groups[g]!r} is undefined: by the flips "
                    f"{own[g]:.1f} rows of the group meet the condition, and none or fewer is no "
                    "number of rows"
                    for g in np.flatnonzero(own <= 0)
                )
        return found

    @property
    def unsure(self) -> list[str]:
        """What contradicts the flips, and which groups are too few to say much of, in words."""
        counts, found = self.counts, []
        components: list[str] = []
        least = []
        for rate in map(find_rate, DEFAULT_RATES):
            names = rate.component_names(counts.classes)
            values = counts.rates(rate)
            for c, g in np.argwhere(beyond(counts, rate, IMPOSSIBLE)):
                found.append(
                    f"{names[c]} of {counts.groups[g]!r} would be {values[c, g]:.3f}, outside 0 "
                    "and 1 by more than chance: the flips cannot be right. Are any two swapped? "
                    "Do flips depend on labels or decisions?"
                )
            components += names
            support = self.rates(rate).support
            share = np.nan_to_num(values).clip(0.0, 1.0)
            least.append(detectable(share * support, support, self.confidence))
        widest = np.nan_to_num(np.concatenate(least))
        support = self.rates("selection").support.max(axis=0)
        for g, name in enumerate(counts.groups):
            c = int(widest[:, g].argmax())
            if widest[c, g] > TELLING:
                found.append(
                    f"{name!r} has about {counts.sizes[g]:,.0f} rows, which tell of selection as "
                    f"much as {support[g]:,.0f} of known group: its {components[c]} must be "
                    f"{widest[c, g]:.2f} from the others' to be seen to differ"
                )
        return found

    def to_dict(self) -> dict[str, Any]:
        """Every figure, as JSON can hold it; None for what is undefined."""
        from equipoise.audit.figures import figures_of_audit
        from equipoise.audit.noisy_tables import noise_dict

        return {**figures_of_audit(self), "noise": noise_dict(self)}

    def write(self, path: str | Path) -> None:
        """Write the report, one HTML file that needs nothing else.

        Parameters
        ----------
        path : path

        Raises
        ------
        OSError
            If it cannot be written.
        """
        from equipoise.audit.page import page

        page(self).write(path)

    def __repr__(self) -> str:
        return f"NoisyAudit({self.counts.n_rows:,} rows, {len(self.counts.groups)} groups)"

    def __str__(self) -> str:
        from equipoise.audit.tables import as_text

        return as_text(self)


def audit_noisy(
    label: ArrayLike,
    prediction: ArrayLike,
    *,
    groups: NoisyGroups,
    sample_weight: ArrayLike | None = None,
    positive: Any = None,
    confidence: float = 0.95,
    n_boot: int = 2000,
    random_state: int = 0,
) -> NoisyAudit:
    """Audit predictions about people whose groups are observed with errors.

    :func:`equipoise.audit.audit` calls it where it is given noisy groups.

    Parameters
    ----------
    label, prediction : array-like, shape (n,)
    groups : NoisyGroups of n rows
    sample_weight : array-like, shape (n,), optional
    positive : optional
    confidence : float
    n_boot : int
    random_state : int

    Returns
    -------
    NoisyAudit

    Raises
    ------
    ValueError
        If lengths differ, values are missing, there is one class, or a weight is negative.
    """
    y, p, classes = encode_pair(label, prediction, positive)
    weight = None if sample_weight is None else as_weights(sample_weight, len(y))
    counts = NoisyCounts.from_codes(y, p, groups, classes, weight)
    return NoisyAudit(counts, confidence, n_boot=n_boot, random_state=random_state)
