"""An audit in one pass over rows whose groups are observed with errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from equipoise.audit.noise_specs import groups_with_flips
from equipoise.audit.noisy import NoisyAudit
from equipoise.audit.noisy_counts import NoisyCounts
from equipoise.audit.stream import tally_rows
from equipoise.audit.tally import Asked, Tally
from equipoise.data.errors import DataError
from equipoise.data.sensitive import SensitiveColumn, group_names
from equipoise.noise import FlipsDiffer, NoisyGroups, flips_differ, groups_with_gold

# Stands for a missing value, which group names must not have.
_UNKNOWN = "\0 unknown"


def audit_noisy_stream(
    source: Any,
    *,
    label: str,
    prediction: str | None = None,
    score: str | None = None,
    threshold: float = 0.5,
    sensitive: Sequence[str],
    noise: Sequence[str] | Mapping[str, Any] | None = None,
    gold: str | None = None,
    weight: str | None = None,
    positive: Any = None,
    missing_group: str | None = None,
    confidence: float = 0.95,
) -> NoisyAudit:
    """Audit predictions about people whose groups are observed with errors, block by block.

    Parameters
    ----------
    source, label, prediction, score, threshold, sensitive, weight, positive, missing_group
        As :func:`audit_stream` has them, and ``confidence``. Several sensitive columns are crossed.
    noise : sequence of str, or mapping from sensitive columns to flips
        As :meth:`equipoise.NoisyGroups.of` takes them, or written as
        ``"sex: Male>Female=0.1,Female>Male=0.3"`` (true > observed), ``"keep=0.75"`` or the name of
        a file. A column without flips is taken as it is.
    gold : str, optional
        Instead, a column that has the true groups of some rows, by the same names, and is missing
        in the others. Flips are counted on those; it is of one sensitive column.

    Returns
    -------
    NoisyAudit

    Raises
    ------
    ValueError
        If there are no rows, a column is not there or cannot be audited, both or none of noise and
        gold are given, or flips cannot be read or undone.
    """
    if (noise is None) == (gold is None):
        raise DataError("noise: give flips, or a column of true groups (gold), and not both.")
    asked = Asked(label, prediction, score, threshold, sensitive, missing_group, weight, gold)
    tally = tally_rows(source, asked, None, None)
    dependence = None
    if gold is None:
        groups = groups_with_flips(tally.groups, noise)
    else:
        groups, dependence = _with_gold(tally, gold)
    y, decided, classes = tally.decisions(positive)
    codes, patterns = groups.patterns()
    shape = NoisyCounts.shape_of(groups, len(classes))
    table, weights = tally.added((codes, y, decided), (len(patterns), *shape[2:]))
    if weights is not None:
        weights = weights.reshape(2, *shape)
    counts = NoisyCounts.of_table(groups, classes, table.reshape(shape), weights)
    return NoisyAudit(counts, confidence, dependence=dependence)


def _with_gold(tally: Tally, gold: str) -> tuple[NoisyGroups, FlipsDiffer]:
    columns = tally.groups
    if len(columns) > 1:
        raise DataError(
            f"gold: column {gold!r} has the true groups of one sensitive column, but there are "
            f"{', '.join(map(repr, columns))}; name one, or give flips of each as noise."
        )
    (observed,) = columns.values()
    named = group_names(tally.rows[gold], SensitiveColumn(gold), _UNKNOWN).to_pylist()
    known = np.array([name != _UNKNOWN for name in named])
    true = [name if some else None for name, some in zip(named, known, strict=True)]
    found = groups_with_gold(observed, true, times=tally.times)
    # Of the gold rows, one by one, whether flips depend on labels or decisions.
    times = tally.times[known]
    over = [
        f"{a}, {b}"
        for a, b in zip(
            tally.rows[tally.asked.label].to_pylist(),
            tally.rows[tally.asked.decision].to_pylist(),
            strict=True,
        )
    ]
    columns_of_gold = (
        np.repeat(np.array(x, object)[known], times) for x in (true, observed.to_pylist(), over)
    )
    return found.groups, flips_differ(*columns_of_gold)
