"""Figures are those of the decisions counted."""

from __future__ import annotations

import json

import numpy as np
import pytest

from equipoise.learn.autobalance import Trajectory
from equipoise.reproduce.autobalance.record import Record


def _record(**changed) -> Record:
    # Errors of 10, 20 % (class 0) and 30, 60 % (class 1) in the two groups.
    table = np.array([[[9, 1], [3, 7]], [[8, 2], [6, 4]]])
    fields = {"cell": {}, "seconds": 1.0, "counts": np.array([[70, 10], [10, 10]]), "table": table}
    return Record(**{**fields, **changed})


def test_the_figures_of_a_known_table():
    record = _record()
    np.testing.assert_allclose(record.errors, [[0.1, 0.2], [0.3, 0.6]])
    assert record.figures == pytest.approx(
        {"standard": 18.0, "balanced": 30.0, "worst": 60.0, "deo": 40.0}
    )


def test_without_two_groups_there_are_no_odds_to_differ():
    record = _record(counts=np.array([[5], [5]]), table=np.array([[[1, 1], [0, 2]]]))
    assert record.figures["balanced"] == 25
    assert np.isnan(record.figures["deo"])


def test_a_training_that_failed_has_no_figures():
    record = _record(table=np.empty((0, 0, 0), np.int64), failed="diverged")
    assert np.isnan(list(record.figures.values())).all()


def test_a_record_survives_json():
    trajectory = Trajectory([3], [0.5], [np.ones(2)], [np.zeros(2)], [np.ones(2)])
    record = _record(additive=np.array([0.5, -0.5]), trajectory=trajectory, note="tau 1")
    state = json.loads(json.dumps(record.to_dict(), allow_nan=False))
    again = Record.from_dict(state)
    assert again.to_dict() == record.to_dict()
    assert again.figures == record.figures
    assert again.multiplicative is None
