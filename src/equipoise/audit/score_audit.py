"""The audit of scores: at every threshold, by ROC curves, and by what the scores mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.audit.auc import auc, auc_interval, floored
from equipoise.audit.calibration import Calibration, calibration
from equipoise.audit.labels import encode_label
from equipoise.audit.parity import UNKNOWN, Parity, draws_for, parity_of_estimates
from equipoise.audit.result import Audit, Estimate, GroupRates, require_settings
from equipoise.audit.score_counts import ScoreCounts
from equipoise.audit.weights import as_weights, resample_cells
from equipoise.audit.words import number_or_none
from equipoise.codes import as_array
from equipoise.constraints import Disparity
from equipoise.groups import Groups, How
from equipoise.rates import Rate, divide

# Resamples of overlapping groups are of scores in so many bins, which an area hardly notices.
_COARSE = 256
_AREA = Rate("auc", better="high", per_class=False)


class Sweep(NamedTuple):
    """A disparity at every threshold.

    Attributes
    ----------
    threshold : ndarray, shape (b,)
    selection : ndarray, shape (b,)
        The share of all rows that is decided to be positive.
    value : ndarray, shape (b,)
        The disparity; NaN where a rate is undefined.
    """

    threshold: NDArray[np.float64]
    selection: NDArray[np.float64]
    value: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ScoreAudit:
    """What scores do to groups, whatever threshold comes to decide by them.

    Attributes
    ----------
    counts : ScoreCounts
    confidence : float
        Of every interval.
    n_boot : int
        Draws from distributions.
    random_state : int
        Of the draws: the same audit gives the same figures.
    """

    counts: ScoreCounts
    confidence: float = 0.95
    n_boot: int = 2000
    random_state: int = 0

    def __post_init__(self) -> None:
        require_settings(self.confidence, self.n_boot)

    def at(self, threshold: float) -> Audit:
        """The audit of the decisions that a threshold makes.

        Parameters
        ----------
        threshold : float
            Rows with a score of at least it are decided to be positive.

        Returns
        -------
        Audit
        """
        return Audit(
            self.counts.at(threshold),
            self.confidence,
            n_boot=self.n_boot,
            random_state=self.random_state,
        )

    def auc(self) -> GroupRates:
        """The area under each group's ROC curve.

        Returns
        -------
        GroupRates
            Of one component, with DeLong's intervals on the logit's scale; the support are the
            rows of the rarer label (of weighted rows, as many equal ones as tell as much).
        """
        area, variance, sizes = self._areas()
        low, high = auc_interval(area, variance, sizes, self.confidence)
        support = sizes.min(0)
        return GroupRates(["auc"], area[None], low[None], high[None], support[None])

    def auc_gap(self) -> Parity:
        """How far the areas fall apart, beside what chance would make of it.

        Returns
        -------
        Parity
        """
        area, variance, sizes = self._areas()
        variance = floored(area, variance, sizes)
        if not np.isfinite(variance).all():
            return UNKNOWN
        random = np.random.default_rng(self.random_state)
        if self.counts.disjoint:
            n_draws = draws_for(self.confidence, self.n_boot)
            draws = random.normal(area, np.sqrt(variance), (n_draws, len(area)))
        else:
            draws = self._areas_of_resamples(random)
        # The smaller class says how well the spread is known.
        freedom = np.maximum(sizes.min(0) - 1, 1.0)[None]
        found = parity_of_estimates(
            area[None], draws[:, None], Disparity("gap", _AREA), self.confidence, freedom
        )
        return found._replace(high=min(found.high, 1.0))

    def _areas(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Areas, their variances, and the effective number of rows of each label, (2, g)."""
        table, squares = self.counts.by_group, self.counts.squares_by_group
        sizes = divide(table.sum(-1) ** 2, squares.sum(-1)).T
        return *auc(table, squares), np.nan_to_num(sizes)

    def _areas_of_resamples(self, random: np.random.Generator) -> NDArray[np.float64]:
        starts = np.arange(0, self.counts.n_bins, max(1, self.counts.n_bins // _COARSE))
        table, weight = (
            None if x is None else np.add.reduceat(x, starts, axis=-1)
            for x in (self.counts.table, self.counts.weight)
        )
        assert table is not None
        members = self.counts.patterns.astype(np.float64)
        return np.concatenate(
            [
                auc(np.einsum("pg,nplb->nglb", members, drawn))[0]
                for drawn in resample_cells(table, weight, self.n_boot, random)
            ]
        )

    def roc(self, group: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The ROC curve of a group.

        Parameters
        ----------
        group : str

        Returns
        -------
        false_positive, true_positive : ndarray
            From (0, 0) to (1, 1), at the thresholds at which something changes.

        Raises
        ------
        ValueError
            If there is no such group.
        """
        if group not in self.counts.groups:
            raise ValueError(f"there is no group {group!r}; the groups are {self.counts.groups}.")
        table = self.counts.by_group[self.counts.groups.index(group)]
        table = table[:, table.any(0)]
        taken = np.cumsum(np.pad(table[:, ::-1], ((0, 0), (1, 0))), axis=-1).astype(np.float64)
        totals = table.sum(-1)
        rates = np.divide(
            taken, totals[:, None], out=np.full_like(taken, np.nan), where=totals[:, None] > 0
        )
        return rates[0], rates[1]

    def sweep(self, disparity: str | Disparity) -> Sweep:
        """A disparity at every threshold, from one pass over the counts.

        Parameters
        ----------
        disparity : str or Disparity

        Returns
        -------
        Sweep
        """
        disparity = Disparity.parse(disparity)
        tables = self.counts.sweep()
        by_bin = self.counts.by_bin
        below = np.concatenate([[0], np.cumsum(by_bin)[:-1]])
        value = disparity.value(disparity.rate.values(tables))
        return Sweep(self.counts.edges, 1 - below / (by_bin.sum() or 1), value)

    def calibration(self, bins: int = 10) -> Calibration:
        """Predicted probabilities beside what came true, by group.

        Parameters
        ----------
        bins : int
            Of about as many rows each.

        Returns
        -------
        Calibration

        Raises
        ------
        ValueError
            If scores are no probabilities, or bins is not positive.
        """
        if bins < 1:
            raise ValueError(f"bins must be at least 1, not {bins}.")
        random = np.random.default_rng(self.random_state)
        return calibration(self.counts, self.confidence, bins, self.n_boot, random)

    def to_dict(self) -> dict[str, Any]:
        """Areas, and calibration of probabilities, as JSON can hold them."""
        area = self.auc()
        by_group: dict[str, dict[str, Any]] = {
            name: {"auc": area.estimate(0, g).to_dict()}
            for g, name in enumerate(self.counts.groups)
        }
        if self.counts.limits == (0.0, 1.0):
            found = self.calibration()
            for g, name in enumerate(self.counts.groups):
                error = Estimate(*(float(x[g]) for x in found[5:8]))
                by_group[name]["calibration_error"] = {
                    **error.to_dict(),
                    "by_chance": number_or_none(found.by_chance[g]),
                    "p_value": number_or_none(found.p_value[g]),
                }
        return {"groups": by_group, "auc_gap": self.auc_gap().to_dict()}

    def __str__(self) -> str:
        from equipoise.audit.tables import score_text

        return score_text(self)


def audit_scores(
    label: ArrayLike,
    score: ArrayLike,
    *,
    sensitive_features: Any,
    sample_weight: ArrayLike | None = None,
    how: How = "crossed",
    positive: Any = None,
    limits: tuple[float, float] = (0.0, 1.0),
    confidence: float = 0.95,
    n_boot: int = 2000,
    random_state: int = 0,
) -> ScoreAudit:
    """Audit scores, before a threshold makes decisions of them.

    Parameters
    ----------
    label : array-like, shape (n,)
        Of two classes.
    score : array-like, shape (n,)
        Such as the probability of the positive class: the higher, the more is said for it.
    sensitive_features : Groups, array-like, mapping or dataframe
        One or several columns of n values; see :meth:`equipoise.Groups.of`.
    sample_weight : array-like, shape (n,), optional
        How much each row counts for.
    how : {"crossed", "each", "lattice"}
        Whether several columns mean their intersections or stand side by side.
    positive : optional
        The positive class; the larger by default.
    limits : (float, float)
        Between which all scores lie.
    confidence : float
    n_boot : int
    random_state : int

    Returns
    -------
    ScoreAudit

    Raises
    ------
    ValueError
        If lengths differ, values are missing, there are not two classes, or a weight is negative
        or no number.

    Examples
    --------
    >>> from equipoise.audit import audit_scores
    >>> found = audit_scores(
    ...     [0, 1, 0, 1], [0.2, 0.9, 0.7, 0.4], sensitive_features=["a", "a", "b", "b"]
    ... )
    >>> found.auc().values.tolist()
    [[1.0, 0.0]]
    """
    codes, classes = encode_label(label, positive)
    groups = Groups.of(sensitive_features, how)
    weight = None if sample_weight is None else as_weights(sample_weight, len(codes))
    counts = ScoreCounts.from_block(
        codes, as_array(score, "score"), groups, classes, limits, weight=weight
    )
    return ScoreAudit(counts, confidence, n_boot, random_state)
