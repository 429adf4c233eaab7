"""What a comparison found of each method, and which of them to take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from equipoise.audit import Certificate, Estimate, basic_interval
from equipoise.audit.certificate import Verdict
from equipoise.compare.corrected import Counted, certificate_of, corrected
from equipoise.compare.settings import Settings
from equipoise.compare.trial import Trial
from equipoise.constraints import Constraint, Disparity, worst
from equipoise.noise import FlipMatrix

_DRAWS = 2000


@dataclass(frozen=True)
class PromiseSummary:
    """What a method makes of one promise.

    Attributes
    ----------
    disparity : Estimate
        The promised figure on the test rows, as the method's other figures are.
    certificate : Certificate
        Of the method's chosen model.
    """

    disparity: Estimate
    certificate: Certificate

    @property
    def constraint(self) -> Constraint:
        """The promise."""
        return self.certificate.constraint

    def to_dict(self) -> dict[str, Any]:
        """The figures as JSON can hold them; None for what is undefined."""
        return {
            "constraint": str(self.constraint),
            "disparity": self.disparity.to_dict(),
            "certificate": self.certificate.to_dict(),
        }


@dataclass(frozen=True)
class MethodSummary:
    """A method's figures on the test rows, and the certificates of its chosen model.

    Intervals are for one more training run of the method, judged on rows like these: they hold
    what the test sample contributes and, where there are several seeds, what a seed does.

    Attributes
    ----------
    trial : Trial
    accuracy, worst_accuracy : Estimate
        Means over the seeds that did not diverge, with intervals; NaN if all did.
    promises : tuple of PromiseSummary
        In the order in which they were asked for.
    validation_accuracy : float
        Of the chosen model, by which methods are ranked: the test rows choose nothing.
    """

    trial: Trial
    accuracy: Estimate
    worst_accuracy: Estimate
    promises: tuple[PromiseSummary, ...]
    validation_accuracy: float

    @property
    def method(self) -> str:
        """The method's name."""
        return self.trial.method

    @property
    def verdict(self) -> Verdict:
        """Kept where all promises are, broken where any is."""
        verdicts = {promise.certificate.verdict for promise in self.promises}
        if verdicts == {"kept"}:
            return "kept"
        return "broken" if "broken" in verdicts else "not shown"


def summarise(
    trials: Sequence[Trial], settings: Settings, flips: FlipMatrix | None = None
) -> list[MethodSummary]:
    """Judge each method.

    Parameters
    ----------
    trials : sequence of Trial
    settings : Settings
    flips : FlipMatrix, optional
        Of the groups, where they are observed with errors: figures are those of the true ones.

    Returns
    -------
    list of MethodSummary
        In the order of the trials.
    """
    found = []
    for trial in trials:
        test = [corrected(counts, flips) for counts in trial.counts["test"]]
        validation = trial.counts_of_chosen("validation")
        promises = tuple(
            PromiseSummary(
                _over_seeds(test, constraint.disparity, settings.confidence),
                _certificate(trial, constraint, settings, flips),
            )
            for constraint in settings.constraints
        )
        found.append(
            MethodSummary(
                trial,
                _over_seeds(test, None, settings.confidence),
                _over_seeds(test, worst("accuracy"), settings.confidence),
                promises,
                np.nan if validation is None else validation.accuracy,
            )
        )
    return found


def _certificate(
    trial: Trial, constraint: Constraint, settings: Settings, flips: FlipMatrix | None
) -> Certificate:
    counts, together = trial.counts_of_chosen("certificate"), settings.n_certificates
    if counts is not None:
        told = corrected(counts, flips)
        return certificate_of(told, constraint, settings.confidence, together)
    unknown = (np.nan, np.nan, np.nan)
    reason = f"all its models diverged ({trial.reason.rstrip('.')})"
    return Certificate(constraint, settings.confidence, together, *unknown, "not shown", reason)


def best(summaries: Sequence[MethodSummary]) -> MethodSummary | None:
    """The method to take: the most accurate of those shown to keep every promise.

    Parameters
    ----------
    summaries : sequence of MethodSummary

    Returns
    -------
    MethodSummary or None
        None where none is shown to keep them.
    """
    kept = [s for s in summaries if s.verdict == "kept"]
    return max(kept, key=lambda s: s.validation_accuracy, default=None)


def pareto(points: Mapping[str, tuple[float, float]], smaller_is_better: bool) -> list[str]:
    """Which points no other beats in both coordinates.

    Parameters
    ----------
    points : mapping from names to (disparity, accuracy)
    smaller_is_better : bool
        Of the disparity; accuracy is better larger.

    Returns
    -------
    list of str
        From the fairest to the most accurate.
    """
    sign = 1 if smaller_is_better else -1
    order = sorted(
        (name for name, point in points.items() if not np.isnan(point).any()),
        key=lambda name: (sign * points[name][0], -points[name][1]),
    )
    front: list[str] = []
    for name in order:
        if not front or points[name][1] > points[front[-1]][1]:
            front.append(name)
    return front


def _over_seeds(
    counts: Sequence[Counted], disparity: Disparity | None, confidence: float
) -> Estimate:
    if not counts:
        return Estimate(np.nan, np.nan, np.nan)
    random = np.random.default_rng(0)
    each = -(-_DRAWS // len(counts))
    values, errors = [], []
    for one in counts:
        if disparity is None:
            value, drawn = one.accuracy, random.binomial(one.n_rows, one.accuracy, each)
            errors.append(drawn / one.n_rows - value)
        else:
            value = float(disparity.value(one.rates(disparity.rate)))
            errors.append(disparity.value(one.resample(disparity.rate, each, random)) - value)
        values.append(value)
    limits = (0.0, 1.0) if disparity is None else disparity.limits
    mean = float(np.mean(values))
    # What the sample contributes, as a basic bootstrap interval around the mean of the runs ...
    low, high = basic_interval(mean, mean + np.concatenate(errors), confidence)
    # ... and what the next run's own start and order contribute: a prediction, not an average.
    runs = len(values)
    spread = 0.0
    if runs > 1:
        quantile = stats.t.isf((1 - confidence) / 2, runs - 1)
        spread = float(quantile * np.std(values, ddof=1) * np.sqrt(1 + 1 / runs))
    ends = mean - np.hypot(mean - low, spread), mean + np.hypot(high - mean, spread)
    low, high = (float(end) for end in np.clip(ends, *limits))
    # A figure that is corrected for noise may lie beyond its limits, and is told as it is.
    return Estimate(mean, float(np.minimum(low, mean)), float(np.maximum(high, mean)))
