"""Groups observed with errors, and rankings by scores that have them: what correcting costs."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks import noisy_learning, rank
from benchmarks.figure import Figure
from equipoise import NoisyGroups, audit
from equipoise.audit.result import DEFAULT_DISPARITIES

ROWS, GROUPS = 1_000_000, 4


def figures() -> list[Figure]:
    return [*_rates(), *noisy_learning.figures(), *rank.figures()]


def _rates() -> list[Figure]:
    random = np.random.default_rng(0)
    label, decided = random.integers(0, 2, (2, ROWS))
    flips = 0.7 * np.eye(GROUPS) + 0.3 / GROUPS
    true = random.integers(0, GROUPS, ROWS)
    observed = np.where(random.random(ROWS) < 0.7, true, random.integers(0, GROUPS, ROWS))

    def corrected() -> Any:
        groups = NoisyGroups.of(observed, p_flip=flips)
        counts = audit(label, decided, sensitive_features=groups).counts
        return [counts.rates(d.rate) for d in DEFAULT_DISPARITIES]

    def clean() -> Any:
        counts = audit(label, decided, sensitive_features=observed).counts
        return [counts.rates(d.rate) for d in DEFAULT_DISPARITIES]

    seconds = {name: _cpu(work) for name, work in (("noisy", corrected), ("clean", clean))}
    return [
        Figure(
            "noisy.rates_seconds",
            seconds["noisy"],
            "<=",
            0.05,
            f"all rates of {ROWS:,} rows corrected for errors in {GROUPS} groups, CPU seconds",
        ),
        Figure(
            "noisy.rates_over_clean",
            seconds["noisy"] / seconds["clean"],
            "<=",
            5,
            f"the same over the rates of observed groups ({seconds['clean'] * 1e3:.1f} ms)",
        ),
    ]


def _cpu(work: Callable[[], Any], rounds: int = 9) -> float:
    # CPU seconds, since what else runs on the machine is no cost of this.
    work()
    taken = []
    for _ in range(rounds):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return float(np.median(taken))
