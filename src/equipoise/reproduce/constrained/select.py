"""Which setting of a grid a method is judged by: one that is feasible on the validation rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from equipoise.reproduce.constrained.cell import Record


def select(records: Sequence[Record], cost: str) -> int:
    """Choose feasibility first.

    Parameters
    ----------
    records : sequence of Record
        One a setting, on the same seeds.
    cost : str
        What is to be small, such as "loss" or "inaccuracy".

    Returns
    -------
    int
        Of the settings that keep the promise on the validation rows in the mean over seeds the
        one with the least cost there; without any the one that breaks it by least. Settings whose
        training failed come last.

    Raises
    ------
    ValueError
        If there are none.
    """
    if not records:
        raise ValueError("records: given none, wanted one a setting.")
    violation = _means(records, "violation")
    costs = _means(records, cost)
    kept = violation <= 0
    return int(np.argmin(np.where(kept, costs, np.inf) if kept.any() else violation))


def _means(records: Sequence[Record], what: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    found = np.array([record.of("validation", what).mean() for record in records])
    return np.where(np.isnan(found), np.inf, found)
