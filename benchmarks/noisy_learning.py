"""A classifier under a promise about noisy groups: seconds of all its fits, and what it keeps."""

from __future__ import annotations

import time

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.figure import Figure
from equipoise.groups import Groups
from equipoise.learn import DenoisedClassifier
from equipoise.noise import FlipMatrix, NoisyGroups

_ROWS, _FEATURES = 1_000_000, 10
_SECONDS = 1.5
_ROUNDS = 3
_FLIPS = FlipMatrix([[0.7, 0.3], [0.1, 0.9]], ("a", "b"))
_TAU = 0.9


def figures() -> list[Figure]:
    """Processor seconds of one core, the gap, and the ratio of the true groups.

    Returns
    -------
    list of Figure
    """
    random = np.random.default_rng(0)
    group = (random.random(_ROWS) < 0.6).astype(np.int64)
    X = random.normal(size=(_ROWS, _FEATURES))
    X[:, 0] += group
    X[:, 1] += 0.5 * group
    chance = 1 / (1 + np.exp(-(0.5 * X.sum(axis=1) + group - 1)))
    y = (random.random(_ROWS) < chance).astype(np.int64)
    flipped = random.random(_ROWS) < _FLIPS.p_flip[group, 1 - group]
    seen = np.where(flipped, 1 - group, group)
    noisy = NoisyGroups(Groups.from_codes(seen, _FLIPS.names), _FLIPS)
    seconds = []
    with threadpool_limits(1):
        few = np.arange(1000)
        _fair().fit(X[few], y[few], sensitive_features=noisy.take(few))  # imports
        for _ in range(_ROUNDS):
            began = time.process_time()
            fair = _fair().fit(X, y, sensitive_features=noisy)
            seconds.append(time.process_time() - began)
    decided = fair.predict_proba(X)[:, 1]
    rates = [decided[group == k].mean() for k in (0, 1)]
    what = f"{_ROWS:,} rows of {_FEATURES} features, denoised"
    return [
        Figure(
            "noisy.denoised_fit",
            min(seconds),
            "<=",
            _SECONDS,
            f"{what}: CPU seconds of all fits and the rule",
        ),
        Figure("noisy.denoised_gap", fair.gap_, "<=", 2e-5, f"{what}: certified gap in errors"),
        Figure(
            "noisy.denoised_ratio",
            float(min(rates) / max(rates)),
            ">=",
            _TAU - 0.01,
            f"{what}: ratio of the true groups, of {_TAU:g} promised",
        ),
    ]


def _fair() -> DenoisedClassifier:
    return DenoisedClassifier(f'ratio("selection") >= {_TAU:g}')
