"""Repair as a way of training: what it keeps, what it refuses, where it is found."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from equipoise import Constraint, Groups
from equipoise.learn import FairClassifier, Rows, TrainingSettings, train
from equipoise.learn.repaired import STRENGTHS

SELECTION = 'gap("selection") <= 0.05'


def people(n=2000, seed=0):
    """Labels favour a group that a feature tells."""
    random = np.random.default_rng(seed)
    group = random.integers(0, 2, n)
    x = random.normal(size=(n, 3))
    x[:, 2] = 2 * group + 0.5 * x[:, 2]
    label = (x[:, 0] + x[:, 1] + 1.2 * group + random.normal(size=n) > 0.5).astype(np.int64)
    return Rows.of(x, label, Groups.from_codes(group, ["a", "b"]))


def settings(method, **changes):
    given = {"hidden": (8,), "steps": 200, "batch_size": 128, "learning_rate": 0.01}
    return TrainingSettings(method, **{**given, **changes})


def gap_and_accuracy(network, rows):
    decided = network(rows.features).argmax(-1).numpy()
    rates = [[one[rows.groups.codes == g].mean() for g in (0, 1)] for one in decided]
    return np.ptp(rates, axis=1), (decided == rows.label.numpy()).mean(1)


def test_decisions_keep_a_promise_that_plain_training_breaks():
    rows, fresh = people(), people(8000, seed=1)
    promise = Constraint.parse(SELECTION)
    fair, right = gap_and_accuracy(
        train(rows, 2, [0, 1], settings("repair"), promise).network, fresh
    )
    plain, _ = gap_and_accuracy(train(rows, 2, [0, 1], settings("erm"), promise).network, fresh)
    assert (plain > 0.2).all()
    assert (fair < 0.09).all()  # one of four strengths, judged on 2000 rows
    assert (right > 0.7).all()


def test_without_a_promise_it_is_ordinary_training():
    rows = people(500)
    one = train(rows, 2, [0], settings("repair", steps=20)).network(rows.features)
    other = train(rows, 2, [0], settings("erm", steps=20)).network(rows.features)
    assert (one == other).all()


def test_seeds_side_by_side_end_as_each_would_alone():
    rows, promise = people(600), Constraint.parse(SELECTION)
    both = train(rows, 2, [3, 4], settings("repair", steps=40), promise)
    alone = train(rows, 2, [4], settings("repair", steps=40), promise)
    assert np.allclose(
        both.network(rows.features)[1].detach(), alone.network(rows.features)[0].detach(), atol=1e-4
    )
    assert np.allclose(both.history.disparity[:, 1], alone.history.disparity[:, 0], atol=1e-6)


def test_progress_counts_the_steps_of_all_strengths():
    seen = []
    train(
        people(300), 2, [0], settings("repair", steps=5), SELECTION,
        progress=lambda done, total: seen.append((done, total)),
    )  # fmt: skip
    total = 5 * len(STRENGTHS)
    assert seen == [(done, total) for done in range(1, total + 1)]


def test_a_promise_about_other_rates_is_refused_before_anything_trains():
    with pytest.raises(ValueError, match="none that repairing"):
        train(people(300), 2, [0], settings("repair"), 'gap("true_positive") <= 0.1')


def test_a_classifier_is_trained_by_its_name():
    rows = people()
    X, y, group = rows.features.numpy(), rows.label.numpy(), rows.groups.codes
    apart = {}
    for method in ("erm", "repair"):
        fair = FairClassifier(
            SELECTION, method, steps=200, batch_size=128, learning_rate=0.01, random_state=0
        )
        decided = fair.fit(X, y, sensitive_features=rows.groups).predict(X)
        apart[method] = abs(decided[group == 0].mean() - decided[group == 1].mean())
    assert apart["repair"] < 0.06
    assert apart["erm"] > 0.2


def test_it_is_there_where_nothing_but_training_was_imported_and_compiles_nothing():
    program = (
        "import sys, equipoise.learn as learn; "
        "print('repair' in learn.METHODS, *(m in sys.modules for m in "
        "('equipoise.compare', 'numba')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["True", "False", "False"]
