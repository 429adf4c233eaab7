"""Inequality of benefits, and the part of it that lies between groups."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipoise import audit
from equipoise.audit.entropy import entropy_between, entropy_of, generalized_entropy

TABLES = st.lists(st.lists(st.integers(1, 30), min_size=4, max_size=4), min_size=1, max_size=4).map(
    lambda cells: np.array(cells).reshape(-1, 2, 2)
)


def benefits_of(table):
    """Of every person, group by group."""
    return [
        np.repeat([1, 2, 0, 1], group.ravel()).astype(float) for group in table
    ]  # cells in the order (0, 0), (0, 1), (1, 0), (1, 1)


def by_definition(benefits, alpha):
    relative = benefits / benefits.mean()
    if alpha == 1:
        return np.mean(np.where(relative > 0, relative * np.log(np.maximum(relative, 1e-300)), 0))
    return np.mean(relative**alpha - 1) / (alpha * (alpha - 1))


@given(TABLES, st.sampled_from([1, 2, 0.5, 3]))
def test_figures_are_those_of_the_definition_person_by_person(table, alpha):
    people = benefits_of(table)
    assert entropy_of(table, alpha) == pytest.approx(by_definition(np.concatenate(people), alpha))
    means = np.concatenate([np.full(len(group), group.mean()) for group in people])
    assert entropy_between(table, alpha) == pytest.approx(by_definition(means, alpha), abs=1e-12)


@given(TABLES, st.sampled_from([1, 2]))
def test_what_lies_within_groups_and_between_them_adds_up(table, alpha):
    people = benefits_of(table)
    n, mean = sum(map(len, people)), np.concatenate(people).mean()
    within = sum(
        len(group) / n * (group.mean() / mean) ** alpha * by_definition(group, alpha)
        for group in people
    )
    assert entropy_of(table, alpha) == pytest.approx(entropy_between(table, alpha) + within)


def test_between_groups_treated_alike_there_is_none():
    table = np.array([[[30, 5], [4, 20]]] * 2)
    assert entropy_between(table, 2) == pytest.approx(0, abs=1e-15)
    assert entropy_of(table, 2) > 0.01


def test_where_nobody_has_anything_it_is_undefined():
    assert np.isnan(generalized_entropy(np.array([0.0]), np.array([5.0]), 2))


def test_an_audit_gives_it_with_an_interval():
    random = np.random.default_rng(0)
    group = random.choice(["a", "b"], 4000)
    label = random.integers(0, 2, 4000)
    decided = np.where((group == "a") & (random.random(4000) < 0.5), 0, label)
    found = audit(label, decided, sensitive_features=group)
    between, every = found.entropy(), found.entropy(between=False)
    assert 0 < between.low < between.value < between.high < every.value
    assert found.entropy(1.0).value == pytest.approx(between.value, rel=0.2)


def test_what_it_is_not_of_is_refused():
    found = audit([0, 1, 2], [0, 1, 2], sensitive_features=list("aab"))
    with pytest.raises(ValueError, match="two classes"):
        found.entropy()
