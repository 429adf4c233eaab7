"""Auditing a million rows: against one pass of numpy, and against Fairlearn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.clock import interleaved
from benchmarks.figure import Figure
from equipoise.audit import Audit, audit
from equipoise.audit.result import DEFAULT_DISPARITIES
from equipoise.constraints import gap

ROWS, GROUPS, DRAWS = 1_000_000, 10, 2000


def figures() -> list[Figure]:
    random = np.random.default_rng(0)
    group = random.integers(0, GROUPS, ROWS)
    label = random.integers(0, 2, ROWS)
    prediction = random.integers(0, 2, ROWS)
    joint = group * 4 + label * 2 + prediction

    def points() -> list[Any]:
        counts = audit(label, prediction, sensitive_features=group).counts
        return [d.value(counts.rates(d.rate)) for d in DEFAULT_DISPARITIES]

    counts = audit(label, prediction, sensitive_features=group).counts
    taken = interleaved(
        {
            "bincount": lambda: np.bincount(joint, minlength=4 * GROUPS),
            "points": points,
            "bootstrap": lambda: Audit(counts, n_boot=DRAWS).disparity(gap("equalized_odds")),
            "all": lambda: [Audit(counts, n_boot=DRAWS).disparity(d) for d in DEFAULT_DISPARITIES],
        }
    )
    found = [
        Figure(
            "audit.points_over_bincount",
            taken["points"] / taken["bincount"],
            "<=",
            5,
            f"{len(DEFAULT_DISPARITIES)} disparities of {ROWS:,} rows, over one bincount "
            f"({taken['bincount'] * 1e3:.2f} ms)",
        ),
        Figure(
            "audit.bootstrap_seconds",
            taken["bootstrap"],
            "<=",
            0.1,
            f"{DRAWS:,} bootstrap replicates of equalized odds, seconds",
        ),
        Figure(
            "audit.all_bootstraps_seconds",
            taken["all"],
            "<=",
            0.1,
            f"{DRAWS:,} bootstrap replicates of every disparity of an audit, seconds",
        ),
    ]
    return found + _against_fairlearn(group, label, prediction, points)


def _against_fairlearn(
    group: NDArray[Any], label: NDArray[Any], prediction: NDArray[Any], points: Callable[[], Any]
) -> list[Figure]:
    try:
        from fairlearn.metrics import demographic_parity_difference, equalized_odds_difference
    except ImportError:
        print("fairlearn is not installed (pip install 'equipoise[peers]'): not compared")
        return []

    def ours(rate: str) -> float:
        counts = audit(label, prediction, sensitive_features=group).counts
        return float(gap(rate).value(counts.rates(gap(rate).rate)))

    theirs = {
        "demographic_parity": demographic_parity_difference,
        "equalized_odds": equalized_odds_difference,
    }
    found = []
    for rate, function in theirs.items():

        def theirs_now(function: Any = function) -> float:
            return float(function(label, prediction, sensitive_features=group))

        assert abs(ours(rate) - theirs_now()) < 1e-9, f"{rate} differs from Fairlearn's"
        taken = interleaved({"ours": lambda r=rate: ours(r), "theirs": theirs_now}, rounds=3)  # type: ignore[misc]
        found.append(
            Figure(
                f"audit.fairlearn_over_ours.{rate}",
                taken["theirs"] / taken["ours"],
                ">=",
                100,
                f"Fairlearn's {function.__name__} ({taken['theirs']:.2f} s) over ours "
                f"({taken['ours'] * 1e3:.1f} ms)",
            )
        )
    return found
