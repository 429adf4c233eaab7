"""The results as one table: a row for each method, seed, part of the data and promise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from equipoise.compare.corrected import Counted, corrected
from equipoise.compare.summary import MethodSummary, PromiseSummary
from equipoise.constraints import worst
from equipoise.noise import FlipMatrix

if TYPE_CHECKING:
    from equipoise.compare.result import Comparison


def results_bytes(comparison: Comparison) -> bytes:
    """The table as the bytes of a Parquet file, the same for the same results.

    Parameters
    ----------
    comparison : Comparison

    Returns
    -------
    bytes
    """
    rows = [
        _row(summary, number, part, promise, comparison.flips)
        for summary in comparison.summaries
        for part in summary.trial.counts
        for number in range(len(summary.trial.seeds))
        for promise in summary.promises
    ]
    buffer = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows), buffer)
    return buffer.getvalue().to_pybytes()


def _row(
    summary: MethodSummary,
    number: int,
    part: str,
    promise: PromiseSummary,
    flips: FlipMatrix | None,
) -> dict[str, Any]:
    trial, certificate = summary.trial, promise.certificate
    chosen = number == trial.chosen
    # Where no model is left to be certified, that is said of each.
    certified = part == "certificate" and (chosen or trial.chosen is None)
    finished = trial.finished
    counts = None
    if number in finished:
        counts = corrected(trial.counts[part][finished.index(number)], flips)
    return {
        "method": trial.method,
        "seed": trial.seeds[number],
        "part": part,
        **_figures(counts, promise),
        "chosen": chosen,
        "diverged": counts is None,
        "certificate": certificate.verdict if certified else None,
        "cautious_bound": certificate.cautious if certified else None,
        "reason": certificate.reason if certified else None,
    }


def _figures(counts: Counted | None, promise: PromiseSummary) -> dict[str, Any]:
    disparity, lowest = promise.constraint.disparity, worst("accuracy")
    if counts is None:
        none = dict.fromkeys(("rows", "accuracy", "worst_group_accuracy"))
        return none | {"constrained": str(disparity), "disparity": None}
    return {
        "rows": counts.n_rows,
        "accuracy": counts.accuracy,
        "worst_group_accuracy": float(lowest.value(counts.rates(lowest.rate))),
        "constrained": str(disparity),
        "disparity": float(disparity.value(counts.rates(disparity.rate))),
    }
