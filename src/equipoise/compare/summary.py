"""What a comparison found of each method, and which of them to take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from equipoise.audit import Certificate, Counts, Estimate, basic_interval, certify
from equipoise.compare.settings import Settings
from equipoise.compare.trial import Trial
from equipoise.constraints import Disparity, worst

_DRAWS = 2000


@dataclass(frozen=True)
class MethodSummary:
    """A method's figures on the test rows, and the certificate of its chosen model.

    Intervals are for one more training run of the method, judged on rows like these: they hold
    what the test sample contributes and, where there are several seeds, what a seed does.

    Attributes
    ----------
    trial : Trial
    accuracy, worst_accuracy, disparity : Estimate
        Means over seeds, with intervals.
    certificate : Certificate
    validation_accuracy : float
        Of the chosen model, by which methods are ranked: the test rows choose nothing.
    """

    trial: Trial
    accuracy: Estimate
    worst_accuracy: Estimate
    disparity: Estimate
    certificate: Certificate
    validation_accuracy: float

    @property
    def method(self) -> str:
        """The method's name."""
        return self.trial.method


def summarise(trials: Sequence[Trial], settings: Settings) -> list[MethodSummary]:
    """Judge each method.

    Parameters
    ----------
    trials : sequence of Trial
    settings : Settings

    Returns
    -------
    list of MethodSummary
        In the order of the trials.
    """
    found = []
    for trial in trials:
        test = trial.counts["test"]
        certificate = certify(
            trial.counts["certificate"][trial.chosen],
            settings.constraint,
            settings.confidence,
            len(settings.methods),
        )
        found.append(
            MethodSummary(
                trial,
                _over_seeds(test, None, settings.confidence),
                _over_seeds(test, worst("accuracy"), settings.confidence),
                _over_seeds(test, settings.constraint.disparity, settings.confidence),
                certificate,
                trial.counts["validation"][trial.chosen].accuracy,
            )
        )
    return found


def best(summaries: Sequence[MethodSummary]) -> MethodSummary | None:
    """The method to take: the most accurate of those shown to keep the promise.

    Parameters
    ----------
    summaries : sequence of MethodSummary

    Returns
    -------
    MethodSummary or None
        None where none is shown to keep it.
    """
    kept = [s for s in summaries if s.certificate.verdict == "kept"]
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
    counts: Sequence[Counts], disparity: Disparity | None, confidence: float
) -> Estimate:
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
    return Estimate(mean, *(float(end) for end in np.clip(ends, *limits)))
