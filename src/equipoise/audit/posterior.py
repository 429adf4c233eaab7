"""An audit of a classifier of which there are many draws, such as from a posterior.

Two things are not known of a figure such as a gap. The rows are a sample of all people whom the
classifier will be used on: that is the interval of an audit. And the classifier is one of many that
the rows it was learnt from leave open: each draw of it has a gap of its own on these rows, and
between quantiles of those lies the posterior interval. It speaks of the model, not of the rows: a
million rows to audit on do not make it narrower, only more rows to learn from do.

Both are independent where nothing was learnt from the rows that are audited. Then their limits are
put together as those of a sum are from the limits of its terms (Zou and Donner 2008, Statistics in
Medicine 27, 1693, equation 2): distances from the figure add up as squares, on each side.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.audit.counts import Counts
from equipoise.audit.draw_counts import Decide, blocks_of, by_class, by_threshold, count_draws
from equipoise.audit.labels import encode_classes, encode_label
from equipoise.audit.result import DEFAULT_DISPARITIES, DEFAULT_RATES, Audit
from equipoise.audit.weights import as_weights
from equipoise.audit.words import number_or_none
from equipoise.constraints import Disparity
from equipoise.groups import Groups, How
from equipoise.rates import Rate, find_rate

Array = NDArray[np.float64]

# Where more than so many draws leave a figure undefined, there is no interval of it.
_UNDEFINED = 0.05


class Range(NamedTuple):
    """Two ends; NaN where undefined."""

    low: float
    high: float


class Uncertainty(NamedTuple):
    """A figure, and what is not known of it.

    Attributes
    ----------
    value : float
        Of the decisions that all draws make together.
    rows : Range
        Of the same: how far the figure of all people may be from that of these rows.
    median : float
        Of the draws' own figures.
    model : Range
        Between what quantiles of them lie: the posterior interval.
    both : Range
        Around the median, as both add up.
    """

    value: float
    rows: Range
    median: float
    model: Range
    both: Range

    def to_dict(self) -> dict[str, Any]:
        """The figure as JSON can hold it; None for what is undefined."""
        return {
            name: [number_or_none(end) for end in part]
            if isinstance(part, Range)
            else number_or_none(part)
            for name, part in self._asdict().items()
        }


@dataclass(frozen=True, eq=False)
class PosteriorAudit:
    """Rates by group and their disparities, over draws of the classifier.

    Attributes
    ----------
    audit : Audit
        Of the decisions that all draws make together: by their mean score, or by the most votes.
    tables : ndarray, shape (draws, g, k, k)
        Of each draw's own decisions: rows, or sums of their weights, by group, label and decision.
    """

    audit: Audit
    tables: NDArray[Any]

    @property
    def n_draws(self) -> int:
        """How many draws there are."""
        return len(self.tables)

    def draws(self, figure: str | Rate | Disparity) -> Array:
        """A rate or a disparity of each draw on these rows.

        Parameters
        ----------
        figure : str or Rate or Disparity
            The name of a rate, or such as ``gap("selection")``.

        Returns
        -------
        ndarray, shape (draws, c, g) of a rate, (draws,) of a disparity
            NaN where undefined.
        """
        if isinstance(figure, Disparity) or (isinstance(figure, str) and "(" in figure):
            disparity = Disparity.parse(figure)
            return disparity.value(disparity.rate.values(self.tables))
        return find_rate(figure).values(self.tables)

    def rates(self, rate: str | Rate) -> dict[str, dict[str, Uncertainty]]:
        """A rate of each group.

        Parameters
        ----------
        rate : str or Rate

        Returns
        -------
        dict of dict of Uncertainty
            By component, which is the rate's own name if there are two classes, and by group.
        """
        found, draws = self.audit.rates(rate), self.draws(find_rate(rate))
        return {
            component: {
                name: self._put_together(found.estimate(c, g), draws[:, c, g], (0.0, 1.0))
                for g, name in enumerate(self.audit.counts.groups)
            }
            for c, component in enumerate(found.components)
        }

    def disparity(self, disparity: str | Disparity) -> Uncertainty:
        """How far a rate falls apart.

        The interval of a gap over draws hardly ever reaches 0, since the gap of any draw is
        positive: it is no test of parity. :meth:`Audit.parity`, of the rows, is.

        Parameters
        ----------
        disparity : str or Disparity
            Such as ``gap("selection")``, or what it prints.

        Returns
        -------
        Uncertainty
        """
        disparity = Disparity.parse(disparity)
        return self._put_together(
            self.audit.disparity(disparity), self.draws(disparity), disparity.limits
        )

    def _put_together(
        self, found: tuple[float, float, float], draws: Array, limits: tuple[float, float]
    ) -> Uncertainty:
        value, *ends = found
        rows = Range(*ends)
        known = draws[~np.isnan(draws)]
        if len(known) < (1 - _UNDEFINED) * len(draws):
            nothing = Range(np.nan, np.nan)
            return Uncertainty(value, rows, np.nan, nothing, nothing)
        tail = (1 - self.audit.confidence) / 2
        low, median, high = np.quantile(known, [tail, 0.5, 1 - tail]).tolist()
        below = np.hypot(value - rows.low, median - low)
        above = np.hypot(rows.high - value, high - median)
        both = np.clip([median - below, median + above], *limits)
        return Uncertainty(value, rows, median, Range(low, high), Range(*both.tolist()))

    def to_dict(self) -> dict[str, Any]:
        """Every figure, as JSON can hold it; None for what is undefined."""
        by_group: dict[str, dict[str, Any]] = {name: {} for name in self.audit.counts.groups}
        for rate in DEFAULT_RATES:
            for component, groups in self.rates(rate).items():
                for name, found in groups.items():
                    by_group[name][component] = found.to_dict()
        return {
            "draws": self.n_draws,
            "confidence": self.audit.confidence,
            "groups": by_group,
            "disparities": {str(d): self.disparity(d).to_dict() for d in DEFAULT_DISPARITIES},
        }

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

        page(self.audit, posterior=self).write(path)

    def __repr__(self) -> str:
        return f"PosteriorAudit({self.n_draws:,} draws of {self.audit!r})"

    def __str__(self) -> str:
        from equipoise.audit.posterior_tables import posterior_text

        return posterior_text(self)


def audit_posterior(
    label: ArrayLike,
    draws: ArrayLike,
    *,
    sensitive_features: Any,
    threshold: float | None = None,
    sample_weight: ArrayLike | None = None,
    how: How = "crossed",
    positive: Any = None,
    confidence: float = 0.95,
    n_boot: int = 2000,
    random_state: int = 0,
) -> PosteriorAudit:
    """Audit a classifier of which there are many draws, such as from a posterior or an ensemble.

    Parameters
    ----------
    label : array-like, shape (n,)
        What was true, of rows that nothing was learnt from.
    draws : array-like, shape (draws, n)
        What each draw decides about each row, in the labels' classes; or, with a threshold, its
        scores, such as ``sample_logistic(...).probability(X)``.
    sensitive_features : Groups, array-like, mapping or dataframe
        One or several columns of n values; see :meth:`equipoise.Groups.of`.
    threshold : float, optional
        From which score on a decision is positive; without it draws are decisions.
    sample_weight : array-like, shape (n,), optional
        How much each row counts for.
    how : {"crossed", "each", "lattice"}
        Whether several columns mean their intersections or stand side by side.
    positive : optional
        The positive class of a binary task; the larger by default.
    confidence : float
        Of each interval.
    n_boot : int
    random_state : int

    Returns
    -------
    PosteriorAudit
        With one draw, its intervals are those of the audit of its decisions.

    Raises
    ------
    ValueError
        If shapes do not fit, values are missing, there is one class, a decision is none of the
        labels' classes, or a weight is negative or no number.

    Examples
    --------
    >>> import numpy as np
    >>> from equipoise.audit import audit_posterior
    >>> random = np.random.default_rng(0)
    >>> group, merit = np.repeat(["a", "b"], 500), random.normal(size=1000)
    >>> shift = random.normal(0.3, 0.1, size=(200, 1)) * (group == "b")
    >>> found = audit_posterior(merit > 0, merit + shift, sensitive_features=group, threshold=0)
    >>> told = found.disparity('gap("selection")')
    >>> bool(told.model.low < told.median < told.model.high < told.both.high)
    True
    """
    given = np.asarray(draws)
    if given.ndim != 2 or not given.size:
        raise ValueError(f"draws must have shape (draws, rows), not {given.shape}.")
    decide: Decide
    if threshold is None:
        y, classes = encode_classes(label, positive)
        decide = by_class(classes)
    else:
        y, classes = encode_label(label, positive)
        decide = by_threshold(threshold)
    if given.shape[1] != len(y):
        hint = ": give their transpose" if given.shape[0] == len(y) else ""
        raise ValueError(
            f"draws must have shape (draws, {len(y):,}), a column a row, not {given.shape}{hint}."
        )
    weight = None if sample_weight is None else as_weights(sample_weight, len(y))
    groups = Groups.of(sensitive_features, how)
    if groups.n_rows != len(y):
        raise ValueError(f"sensitive_features has {groups.n_rows:,} rows, but label {len(y):,}.")
    counted = count_draws(blocks_of(given), decide, y, groups, len(classes), weight)
    counts = Counts.from_block(y, counted.together, groups, classes, weight=weight)
    return PosteriorAudit(
        Audit(counts, confidence, n_boot=n_boot, random_state=random_state), counted.tables
    )
