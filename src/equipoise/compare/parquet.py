"""The results as one table: a row for each method, seed and part of the data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from equipoise.constraints import worst

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
    disparity = comparison.settings.constraint.disparity
    rows = []
    for summary in comparison.summaries:
        trial = summary.trial
        for part, counts in trial.counts.items():
            for number, (seed, one) in enumerate(zip(trial.seeds, counts, strict=True)):
                chosen = number == trial.chosen
                certified = chosen and part == "certificate"
                rows.append(
                    {
                        "method": trial.method,
                        "seed": seed,
                        "part": part,
                        "rows": one.n_rows,
                        "accuracy": one.accuracy,
                        "worst_group_accuracy": float(
                            worst("accuracy").value(one.rates(worst("accuracy").rate))
                        ),
                        "constrained": str(disparity),
                        "disparity": float(disparity.value(one.rates(disparity.rate))),
                        "chosen": chosen,
                        "certificate": summary.certificate.verdict if certified else None,
                        "cautious_bound": summary.certificate.cautious if certified else None,
                    }
                )
    buffer = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows), buffer)
    return buffer.getvalue().to_pybytes()
