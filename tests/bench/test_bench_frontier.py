"""The frontier's measuring: mixtures, the choice of a setting, who wins, what is kept."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from benchmarks import frontier_store as store
from benchmarks.frontier_deciders import Course
from benchmarks.frontier_method import Method, preferred
from benchmarks.frontier_table import outcome
from benchmarks.frontier_task import Budget, Result, Task, Tried, measure

from equipoise.constraints import Constraint
from equipoise.groups import Groups
from equipoise.learn import Rows

LABEL = np.array([0, 1, 0, 1, 1, 0])
GROUP = np.array(["a", "a", "a", "b", "b", "b"])


def _task(promise: str) -> Task:
    features = np.zeros((len(LABEL), 1), np.float32)
    rows = Rows.of(features, LABEL, Groups.of(GROUP))
    return Task(
        "small", Constraint.parse(promise), {"train": rows, "test": rows}, 2, Budget(), "table"
    )


@pytest.mark.parametrize("rate", ["selection", "true_positive", "equalized_odds"])
def test_a_mixture_is_measured_in_expectation(rate: str) -> None:
    task = _task(f'gap("{rate}") <= 0.1')
    random = np.random.default_rng(0)
    decisions = [random.integers(0, 2, len(LABEL)) for _ in range(2)]
    found = measure(task, "test", decisions, [0.25, 0.75])

    # Copies of the table in the mixture's proportions, each decided by one member.
    copies = [decisions[0], decisions[1], decisions[1], decisions[1]]
    rows = Rows.of(
        np.zeros((4 * len(LABEL), 1), np.float32), np.tile(LABEL, 4), Groups.of(np.tile(GROUP, 4))
    )
    copied = Task("copied", task.promise, {"test": rows}, 2, Budget(), "table")
    wanted = measure(copied, "test", [np.concatenate(copies)], [1.0])
    assert found.error == pytest.approx(wanted.error)
    assert found.violation == pytest.approx(wanted.violation)
    assert found.loss is None


def test_a_gap_that_members_of_a_mixture_have_in_opposite_directions_cancels() -> None:
    selects_a = np.where(GROUP == "a", 1, 0)
    task = _task('gap("selection") <= 0.1')
    assert measure(task, "test", [selects_a], [1.0]).violation == pytest.approx(0.9)
    both = measure(task, "test", [selects_a, 1 - selects_a], [0.5, 0.5])
    assert both.violation == pytest.approx(-0.1)


def test_losses_are_means_over_the_rows_of_each_group() -> None:
    task = _task('gap("loss") <= 0.1')
    loss = np.where(GROUP == "a", 0.2, 0.8)
    found = measure(task, "test", [LABEL], [1.0], loss)
    assert (found.loss, found.error) == (pytest.approx(0.5), 0.0)
    assert found.violation == pytest.approx(0.5)


def _tried(validation: tuple[float, float, float], test: float) -> Tried:
    return {"validation": Result(*validation), "test": Result(test, test, 0.0)}


def test_validation_prefers_what_keeps_the_promise_and_then_what_it_is_judged_by() -> None:
    settings = [
        _tried((0.1, 0.1, 0.01), 1.0),
        _tried((0.3, 0.2, 0.0), 2.0),
        _tried((0.2, 0.3, -0.1), 3.0),
    ]
    assert preferred(settings, "loss").loss == 3.0
    assert preferred(settings, "error").loss == 2.0
    assert preferred([settings[0], _tried((0.0, 0.0, 0.02), 4.0)], "loss").loss == 1.0


def _results(loss: float, error: float, violation: float) -> list[Result]:
    wobble = np.random.default_rng([int(1000 * x) + 500 for x in (loss, error, violation)])
    return [Result(loss, error, violation) for loss, error, violation in wobble.normal(
        (loss, error, violation), 0.001, (6, 3)
    )]  # fmt: skip


def test_violations_are_compared_first_and_losses_where_they_are_even() -> None:
    kept, broken = _results(0.5, 0.2, -0.1), _results(0.3, 0.1, 0.1)
    assert outcome(kept, broken, "loss") == "won"
    assert outcome(broken, kept, "loss") == "lost"
    # How far below the bound does not count.
    better = _results(0.4, 0.3, -0.05)
    assert outcome(better, kept, "loss") == "won"
    assert outcome(better, kept, "error") == "lost"
    assert outcome(kept, kept, "loss") == "even"


def test_what_was_measured_is_read_back_and_belongs_to_one_budget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "FOLDER", tmp_path)
    task = _task('gap("selection") <= 0.1')
    method = Method("a peer", "torch", lambda task: iter([]))
    by_seed = [[{"test": Result(None, 0.25, -0.01)}], [{"test": Result(0.5, 0.125, 0.02)}]]
    file = store.path(task, method)
    assert store.read(file) is None
    store.write(file, task, method, by_seed)
    assert store.read(file) == by_seed
    shorter = Task(task.name, task.promise, task.parts, 2, Budget(steps=10), "table")
    assert store.path(shorter, method) != file


def test_a_network_that_learns_on_from_call_to_call_spends_no_more_than_the_budget() -> None:
    task = replace(_task('gap("selection") <= 0.1'), budget=Budget(steps=20, batch=4))
    course, label, weight = Course(task, 0), torch.from_numpy(LABEL), torch.ones(len(LABEL))
    biases = [course.learn(label, weight).biases[-1] for _ in range(20)]
    # Eight steps at first, then one a call.
    changed = [not torch.equal(a, b) for a, b in pairwise(biases)]
    assert changed == [True] * 12 + [False] * 7
