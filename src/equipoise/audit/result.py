"""The audit of a set of predictions, from its counts alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from equipoise.audit.aggregate import Aggregate, component_weights, mean_interval
from equipoise.audit.counts import Counts
from equipoise.audit.entropy import entropy_between, entropy_of
from equipoise.audit.intervals import IntervalMethod, basic_interval, share_interval
from equipoise.audit.judge import judge
from equipoise.audit.parity import Parity
from equipoise.audit.power import detectable
from equipoise.audit.words import number_or_none
from equipoise.constraints import Disparity, gap, ratio, worst
from equipoise.rates import Rate, find_rate

if TYPE_CHECKING:
    from equipoise.audit.score_audit import ScoreAudit

DEFAULT_RATES = ("selection", "true_positive", "false_positive", "predictive_value", "accuracy")
"""The rates that an audit shows of each group."""

DEFAULT_DISPARITIES = (
    gap("selection"),
    ratio("selection"),
    gap("true_positive"),
    gap("equalized_odds"),
    gap("predictive_value"),
    gap("accuracy"),
    worst("accuracy"),
)
"""The disparities that an audit shows: demographic parity as a difference and as a ratio, equal
opportunity, equalized odds, predictive parity, and how accuracy falls apart."""


# A difference that few would call small.
TELLING = 0.1


class Estimate(NamedTuple):
    """A figure with its interval; NaN where undefined."""

    value: float
    low: float
    high: float

    def to_dict(self) -> dict[str, float | None]:
        """The figure as JSON can hold it; None for what is undefined."""
        return {name: number_or_none(value) for name, value in self._asdict().items()}


class GroupRates(NamedTuple):
    """A rate of each group with its interval.

    Attributes
    ----------
    components : list of str, length c
    values, low, high : ndarray of float64, shape (c, g)
        NaN where undefined.
    support : ndarray, shape (c, g)
        How many rows the rate is a share of; of weighted rows, how many equal ones would tell as
        much of it.
    """

    components: list[str]
    values: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    support: NDArray[Any]

    def estimate(self, component: int, group: int) -> Estimate:
        """One of the figures.

        Parameters
        ----------
        component, group : int

        Returns
        -------
        Estimate
        """
        return Estimate(*(float(x[component, group]) for x in (self.values, self.low, self.high)))


def require_settings(confidence: float, n_boot: int) -> None:
    """Refuse settings that no interval can have.

    Parameters
    ----------
    confidence : float
    n_boot : int

    Raises
    ------
    ValueError
        If one is out of range.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, not {confidence}.")
    if n_boot < 100:
        raise ValueError(f"n_boot must be at least 100, not {n_boot}.")


@dataclass(frozen=True, eq=False)
class Audit:
    """Rates by group and their disparities, with intervals.

    Attributes
    ----------
    counts : Counts
    confidence : float
        Of every interval.
    interval : {"wilson", "jeffreys", "exact"}
        For the rates of single groups.
    n_boot : int
        Bootstrap samples for disparities.
    random_state : int
        Seed of the bootstrap: the same audit gives the same intervals.
    """

    counts: Counts
    confidence: float = 0.95
    interval: IntervalMethod = "wilson"
    n_boot: int = 2000
    random_state: int = 0
    _judged: dict[Disparity, Parity] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        require_settings(self.confidence, self.n_boot)

    def rates(self, rate: str | Rate, *, simultaneous: bool = False) -> GroupRates:
        """A rate of each group.

        Parameters
        ----------
        rate : str or Rate
        simultaneous : bool
            Whether the confidence is that all intervals hold at once (Šidák), as it must be where
            one looks for the group that is out of line; otherwise it is that of each alone.

        Returns
        -------
        GroupRates
        """
        rate = find_rate(rate)
        success, trials = self.counts.fractions(rate)
        values = self.counts.rates(rate)
        confidence = self.confidence ** (1 / values.size) if simultaneous else self.confidence
        if rate.of_loss:
            low, high = self._loss_interval(rate, values, confidence)
        else:
            low, high = share_interval(success, trials, confidence, self.interval)
        components = rate.component_names(self.counts.classes)
        return GroupRates(components, values, low, high, np.broadcast_to(trials, values.shape))

    def _loss_interval(
        self, rate: Rate, values: NDArray[np.float64], confidence: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        spread = self._draws(rate).std(axis=0) * stats.norm.isf((1 - confidence) / 2)
        return values - spread, values + spread

    def _draws(self, rate: Rate) -> NDArray[np.float64]:
        return self.counts.resample(rate, self.n_boot, np.random.default_rng(self.random_state))

    def disparity(self, disparity: str | Disparity, *, aggregate: Aggregate = "max") -> Estimate:
        """How far a rate falls apart.

        Parameters
        ----------
        disparity : str or Disparity
            Such as ``gap("selection")``, or what it prints.
        aggregate : {"max", "mean", "prevalence"}
            Of a rate with a figure for each class, or of two parts as equalized odds: the worst
            of the disparities, their mean, or the mean with the weights of how often each class
            is the label.

        Returns
        -------
        Estimate
            The interval of a gap or ratio is that of :meth:`parity`. That of the worst group's
            rate ends on the bad side where any group's own interval does, since any may be the
            worst, and on the good side where the first does of intervals that hold all at once.
            That of a mean of several is the mean of the ends of intervals that hold all at once.
            The last two hold at least as often as they say.

        Raises
        ------
        ValueError
            If the aggregate is none of these, or is asked for of the worst group's rate.
        """
        disparity = Disparity.parse(disparity)
        rate = disparity.rate
        if aggregate != "max":
            weights = component_weights(rate, self.counts.by_class, aggregate)
            parts = list(self.parities(disparity, simultaneous=True).values())
            value = float(weights @ disparity.of_components(self.counts.rates(rate)))
            return Estimate(value, *mean_interval(parts, weights))
        value = float(disparity.value(self.counts.rates(rate)))
        if disparity.kind == "worst":
            each, together = (self.rates(rate, simultaneous=s) for s in (False, True))
            if disparity.sense == "<=":
                return Estimate(value, float(together.low.max()), float(each.high.max()))
            return Estimate(value, float(each.low.min()), float(together.high.min()))
        found = self.parity(disparity)
        if not np.isnan(found.value):
            return Estimate(value, found.low, found.high)
        draws = disparity.value(self._draws(rate))
        return Estimate(value, *basic_interval(value, draws, self.confidence, disparity.limits))

    def parity(self, disparity: str | Disparity) -> Parity:
        """How far a rate falls apart, beside what chance would make of it under parity.

        Parameters
        ----------
        disparity : str or Disparity
            A gap or a ratio.

        Returns
        -------
        Parity
            All NaN where a rate is undefined, or where groups overlap and a ratio has a rate of 0.

        Raises
        ------
        ValueError
            Of the worst group's rate, which says nothing of parity.
        """
        disparity = require_between_groups(disparity)
        if disparity in self._judged:
            return self._judged[disparity]
        found = judge(self.counts, disparity, self.confidence, self.n_boot, self.random_state)
        self._judged[disparity] = found
        return found

    def parities(
        self, disparity: str | Disparity, *, simultaneous: bool = False
    ) -> dict[str, Parity]:
        """A disparity of each component of its rate alone: of each class, or part of it.

        Parameters
        ----------
        disparity : str or Disparity
            A gap or a ratio.
        simultaneous : bool
            Whether the confidence is that all intervals hold at once (Bonferroni).

        Returns
        -------
        dict of Parity
            By the component, such as ``"true_positive of cat"``.

        Raises
        ------
        ValueError
            Of the worst group's rate, which says nothing of parity.
        """
        disparity = require_between_groups(disparity)
        names = disparity.rate.component_names(self.counts.classes)
        error = (1 - self.confidence) / (len(names) if simultaneous else 1)
        settings = 1 - error, self.n_boot, self.random_state
        return {
            name: judge(self.counts, disparity, *settings, component=c)
            for c, name in enumerate(names)
        }

    def entropy(self, alpha: float = 2.0, *, between: bool = True) -> Estimate:
        """Inequality of benefits: decision less label plus one, of each row.

        Parameters
        ----------
        alpha : float
            2 is half the squared coefficient of variation, 1 Theil's index.
        between : bool
            Whether only the part that lies between the groups' means is asked for, or all of it.

        Returns
        -------
        Estimate
            With a basic bootstrap interval.

        Raises
        ------
        ValueError
            If there are more than two classes, or groups overlap.
        """
        counts = self.counts
        if len(counts.classes) != 2 or not counts.disjoint:
            raise ValueError("entropy is of decisions of two classes about groups apart.")
        figure = entropy_between if between else entropy_of
        value = float(figure(counts.by_group, alpha))
        random = np.random.default_rng(self.random_state)
        draws = figure(counts.resample_tables(self.n_boot, random), alpha)
        return Estimate(value, *basic_interval(value, draws, self.confidence, (0.0, np.inf)))

    def as_in(self, convention: str, reference: str | None = None) -> dict[str, float]:
        """The figures that another library gives of the same decisions.

        Parameters
        ----------
        convention : {"fairlearn", "aif360", "torchmetrics", "oxonfair", "aequitas"}
        reference : str, optional
            The privileged group of AIF360, or the reference of Aequitas; the largest by default.

        Returns
        -------
        dict of float
            By that library's names, with its signs, its way of comparing several groups, and what
            it makes of rates that no row defines.

        Raises
        ------
        ValueError
            If there is no such convention or reference, more than two classes, or groups overlap.
        """
        from equipoise.audit.conventions import figures_of

        return figures_of(convention, self.counts, reference)

    @property
    def undefined(self) -> list[str]:
        """Which rates of which groups are undefined, and why, in words."""
        found: list[str] = []
        for rate in map(find_rate, DEFAULT_RATES):
            _, trials = self.counts.fractions(rate)
            for component, support in zip(
                rate.component_names(self.counts.classes), trials, strict=True
            ):
                found.extend(
                    f"{component} of {self.counts.groups[g]!r} is undefined: none of its "
                    f"{self.counts.sizes[g]:,} rows meets the condition"
                    f"{'' if self.counts.weight is None else ' and has a weight'}"
                    for g in np.flatnonzero(support == 0)
                )
        return found

    def detectable(self, rate: str | Rate) -> NDArray[np.float64]:
        """How far a group's rate must lie from the others' for these rows to show it.

        Parameters
        ----------
        rate : str or Rate
            Not the loss, of which no share tells how much it varies.

        Returns
        -------
        ndarray of float64, shape (c, g)
            The difference that is shown with probability 0.8, if every group is compared with all
            others; NaN where there is none to compare with.
        """
        return detectable(*self.counts.fractions(find_rate(rate)), self.confidence)

    @property
    def unsure(self) -> list[str]:
        """Which groups are too small to say much of, in words."""
        components: list[str] = []
        least = []
        for rate in map(find_rate, DEFAULT_RATES):
            components += rate.component_names(self.counts.classes)
            least.append(self.detectable(rate))
        widest = np.nan_to_num(np.concatenate(least))
        found = []
        for g, name in enumerate(self.counts.groups):
            c = int(widest[:, g].argmax())
            if widest[c, g] > TELLING:
                found.append(
                    f"{name!r} has {self.counts.sizes[g]:,} rows: its {components[c]} must be "
                    f"{widest[c, g]:.2f} from the others' to be seen to differ"
                )
        return found

    def to_dict(self) -> dict[str, Any]:
        """Every figure, as JSON can hold it; None for what is undefined."""
        from equipoise.audit.figures import figures_of_audit

        return figures_of_audit(self)

    def write(self, path: str | Path, scores: ScoreAudit | None = None) -> None:
        """Write the report, one HTML file that needs nothing else.

        Parameters
        ----------
        path : path
        scores : ScoreAudit, optional
            Of the scores behind the decisions, to be shown in it too.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        from equipoise.audit.page import page

        page(self, scores).write(path)

    def __repr__(self) -> str:
        return f"Audit({self.counts.n_rows:,} rows, {len(self.counts.groups)} groups)"

    def __str__(self) -> str:
        from equipoise.audit.tables import as_text

        return as_text(self)


def require_between_groups(disparity: str | Disparity) -> Disparity:
    """Read a disparity that says something of parity.

    Parameters
    ----------
    disparity : str or Disparity

    Returns
    -------
    Disparity

    Raises
    ------
    ValueError
        Of the worst group's rate.
    """
    disparity = Disparity.parse(disparity)
    if disparity.kind == "worst":
        raise ValueError(f"{disparity} is no disparity between groups: take gap or ratio.")
    return disparity
