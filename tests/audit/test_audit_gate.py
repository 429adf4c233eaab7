"""A gate shuts where the data show that it should, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

from equipoise import Groups, audit
from equipoise.audit import Counts, gates
from equipoise.audit.gate import promise_against


def counted(n, share_a, share_b, seed=0):
    random = np.random.default_rng(seed)
    group = np.repeat([0, 1], n)
    decided = (random.random(2 * n) < np.where(group == 0, share_a, share_b)).astype(np.int64)
    label = random.integers(0, 2, 2 * n)
    return Counts.from_block(label, decided, Groups.from_codes(group, ["a", "b"]), (0, 1))


@pytest.mark.parametrize(
    ("condition", "promise"),
    [
        ('gap("true_positive") > 0.1', 'gap("true_positive") <= 0.1'),
        ("ratio(selection) < 0.8", 'ratio("selection") >= 0.8'),
        ('  worst("accuracy")<.7 ', 'worst("accuracy") >= 0.7'),
        ("demographic_parity_difference > 0.05", 'gap("selection") <= 0.05'),
    ],
)
def test_a_condition_is_the_contrary_of_a_promise(condition, promise):
    assert str(promise_against(condition)) == promise


@pytest.mark.parametrize(
    "condition",
    ['gap("selection") >= 0.1', 'gap("selection") <= 0.1', 'gap("selection") < 0.1', "gap > much"],
)
def test_what_is_no_condition_is_refused_by_name(condition):
    with pytest.raises(ValueError, match="condition"):
        promise_against(condition)


def test_many_rows_that_differ_shut_it():
    (gate,) = gates(counted(3000, 0.3, 0.5), ['gap("selection") > 0.1'])
    assert gate.shut
    assert "with 95% confidence" in str(gate)


def test_the_same_shares_of_few_rows_do_not():
    (gate,) = gates(counted(30, 0.3, 0.5), ['gap("selection") > 0.1'])
    assert not gate.shut
    assert "is not shown" in str(gate)


def test_many_rows_that_do_not_differ_are_said_not_to():
    (gate,) = gates(counted(3000, 0.4, 0.4), ['gap("selection") > 0.1'])
    assert not gate.shut
    assert str(gate).startswith("not gap")


def test_a_fair_model_is_stopped_no_more_often_than_the_error_allows():
    conditions = ['gap("selection") > 0.05', 'gap("accuracy") > 0.05']
    stopped = sum(
        any(gate.shut for gate in gates(counted(400, 0.4, 0.45, seed), conditions))
        for seed in range(300)
    )
    assert stopped <= 0.05 * 300 + 2 * np.sqrt(300 * 0.05 * 0.95)


def test_undefined_rates_shut_nothing_and_say_why():
    counts = counted(10, 0.0, 0.0)
    (gate,) = gates(counts, ['gap("predictive_value") > 0.1'])
    assert not gate.shut
    assert "is undefined" in str(gate)


def test_a_group_without_weight_shows_nothing_and_is_said_to_be_undefined():
    found = audit(
        [0, 1, 0, 1], [0, 1, 1, 1], sensitive_features=list("aabb"), sample_weight=[1, 1, 0, 0]
    )
    (gate,) = gates(found.counts, ['gap("selection") > 0.1'])
    assert not gate.shut
    assert "is undefined" in str(gate)
    assert "of 'b' is undefined: it has no such rows of any weight" in str(gate)
