"""Auditing millions of rows: against one pass of numpy, and against other libraries."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray

from benchmarks.clock import interleaved
from benchmarks.figure import Figure
from equipoise.audit import Audit, audit
from equipoise.audit.result import DEFAULT_DISPARITIES
from equipoise.constraints import gap
from equipoise.rates import find_rate

ROWS, LARGE, GROUPS, DRAWS = 1_000_000, 10_000_000, 10, 2000


def figures() -> list[Figure]:
    return [*_large(), *_usual()]


def _columns(rows: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    random = np.random.default_rng(0)
    return random.integers(0, GROUPS, rows), *random.integers(0, 2, (2, rows))


def _points(
    group: NDArray[Any], label: NDArray[Any], prediction: NDArray[Any]
) -> Callable[[], list[Any]]:
    def points() -> list[Any]:
        counts = audit(label, prediction, sensitive_features=group).counts
        return [d.value(counts.rates(d.rate)) for d in DEFAULT_DISPARITIES]

    return points


def _large() -> list[Figure]:
    group, label, prediction = _columns(LARGE)
    joint = group * 4 + label * 2 + prediction
    points = _points(group, label, prediction)
    words = np.array([f"group {j}" for j in range(GROUPS)])[group]
    dictionary = pa.array(words).dictionary_encode()
    tracemalloc.start()
    points()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    taken = interleaved(
        {
            "read": lambda: (group.sum(), label.sum(), prediction.sum()),
            "bincount": lambda: np.bincount(joint, minlength=4 * GROUPS),
            "points": points,
        },
        rounds=21,
    )
    taken |= interleaved(
        {
            "encode": lambda: pa.array(words).dictionary_encode(),
            "dictionary": lambda: audit(label, prediction, sensitive_features=dictionary),
        },
        rounds=5,
    )
    what = f"{len(DEFAULT_DISPARITIES)} disparities of {LARGE:,} rows"
    return [
        Figure(
            "audit.large_over_bincount",
            taken["points"] / taken["bincount"],
            "<=",
            3,
            f"{what}, over one bincount of the joint code ({taken['bincount'] * 1e3:.1f} ms)",
        ),
        Figure(
            "audit.large_over_read",
            taken["points"] / taken["read"],
            "<=",
            10,
            f"{what}, over the sums of its three columns ({taken['read'] * 1e3:.1f} ms)",
        ),
        Figure("audit.bytes_a_row", peak / LARGE, "<=", 2, "extra memory of it, bytes a row"),
        Figure(
            "audit.words_over_encoding",
            taken["dictionary"] / taken["encode"],
            "<=",
            1,
            "an audit by a column of text that Arrow has encoded, over encoding it "
            f"({taken['encode']:.2f} s)",
        ),
    ]


def _usual() -> list[Figure]:
    group, label, prediction = _columns(ROWS)
    joint = group * 4 + label * 2 + prediction
    points = _points(group, label, prediction)
    counts = audit(label, prediction, sensitive_features=group).counts
    taken = interleaved(
        {
            "read": lambda: (group.sum(), label.sum(), prediction.sum()),
            "bincount": lambda: np.bincount(joint, minlength=4 * GROUPS),
            "points": points,
            "bootstrap": lambda: counts.resample(
                find_rate("equalized_odds"), DRAWS, np.random.default_rng(0)
            ),
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
            "audit.points_over_read",
            taken["points"] / taken["read"],
            "<=",
            10,
            f"the same, over the sums of its three columns ({taken['read'] * 1e3:.2f} ms)",
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
            f"intervals of every disparity of an audit, {DRAWS:,} draws under parity, seconds",
        ),
    ]
    return [
        *found,
        *_against_fairlearn(group, label, prediction, points),
        *_against_torchmetrics(group, label, prediction, points),
        *_against_aif360(group, label, prediction, points),
    ]


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
    return [*found, _against_metric_frame(group, label, prediction, points)]


def _against_metric_frame(
    group: NDArray[Any], label: NDArray[Any], prediction: NDArray[Any], points: Callable[[], Any]
) -> Figure:
    from fairlearn.metrics import (
        MetricFrame,
        false_positive_rate,
        selection_rate,
        true_positive_rate,
    )
    from sklearn.metrics import accuracy_score

    metrics = {
        "selection": selection_rate,
        "true_positive": true_positive_rate,
        "false_positive": false_positive_rate,
        "accuracy": accuracy_score,
    }

    def frame() -> Any:
        made = MetricFrame(
            metrics=metrics, y_true=label, y_pred=prediction, sensitive_features=group
        )
        return made.by_group, made.difference()

    counts = audit(label, prediction, sensitive_features=group).counts
    _, differences = frame()
    for rate in metrics:
        ours = float(gap(rate).value(counts.rates(gap(rate).rate)))
        assert abs(ours - differences[rate]) < 1e-9, f"{rate} differs from MetricFrame's"
    taken = interleaved({"ours": points, "theirs": frame}, rounds=3)
    return Figure(
        "audit.metric_frame_over_ours",
        taken["theirs"] / taken["ours"],
        ">=",
        100,
        f"Fairlearn's MetricFrame of {len(metrics)} rates ({taken['theirs']:.2f} s) over all our "
        f"disparities ({taken['ours'] * 1e3:.1f} ms)",
    )


def _against_torchmetrics(
    group: NDArray[Any], label: NDArray[Any], prediction: NDArray[Any], points: Callable[[], Any]
) -> list[Figure]:
    try:
        from torchmetrics.functional.classification import binary_fairness
    except ImportError:
        print("torchmetrics is not installed (pip install 'equipoise[torchmetrics]'): skipped")
        return []
    p, y, g = (torch.from_numpy(x) for x in (prediction, label, group))
    torch.set_num_threads(1)
    taken = interleaved(
        {"ours": points, "theirs": lambda: binary_fairness(p, y, g, "all")}, rounds=3
    )
    return [
        Figure(
            "audit.torchmetrics_over_ours",
            taken["theirs"] / taken["ours"],
            ">=",
            10,
            f"torchmetrics' binary_fairness ({taken['theirs']:.2f} s) over all our disparities "
            f"({taken['ours'] * 1e3:.1f} ms)",
        )
    ]


def _against_aif360(
    group: NDArray[Any], label: NDArray[Any], prediction: NDArray[Any], points: Callable[[], Any]
) -> list[Figure]:
    try:
        import pandas as pd  # type: ignore[import-untyped]
        from aif360.datasets import BinaryLabelDataset
        from aif360.metrics import ClassificationMetric
    except ImportError:
        print("aif360 is not there (make conventions; PYTHONPATH=build/conventions): skipped")
        return []
    rows = pd.DataFrame({"group": group == 0, "label": label}).astype(float)
    told = BinaryLabelDataset(df=rows, label_names=["label"], protected_attribute_names=["group"])
    decided = told.copy()
    decided.labels = prediction[:, None].astype(float)

    def four() -> list[float]:
        # Their data sets are made before the clock starts, our counts within.
        metric = ClassificationMetric(told, decided, [{"group": 0}], [{"group": 1}])
        return [
            metric.statistical_parity_difference(),
            metric.disparate_impact(),
            metric.equal_opportunity_difference(),
            metric.average_odds_difference(),
        ]

    two = audit(label, prediction, sensitive_features=group == 0).as_in("aif360", "True")
    names = ("statistical_parity", "disparate_impact", "equal_opportunity", "average_odds")
    for name, theirs in zip(names, four(), strict=True):
        ours = two[name + ("_ratio" if name == "disparate_impact" else "_difference")]
        assert abs(ours - theirs) < 1e-9, f"{name} differs from AIF360's"
    taken = interleaved({"ours": points, "theirs": four}, rounds=3)
    return [
        Figure(
            "audit.aif360_over_ours",
            taken["theirs"] / taken["ours"],
            ">=",
            10,
            f"four figures of AIF360's ClassificationMetric, of two groups ({taken['theirs']:.2f} "
            f"s), over all our disparities of {GROUPS} ({taken['ours'] * 1e3:.1f} ms)",
        )
    ]
