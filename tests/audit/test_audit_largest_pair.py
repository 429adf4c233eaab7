"""The largest bound is that of all pairs, though few of them are computed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import equipoise.audit.largest_pair as largest_pair
from equipoise.audit.largest_pair import largest_pair_bound
from equipoise.audit.pairs import pair_bound

KINDS, SIDES = ["gap", "ratio"], ["upper", "lower"]


def of_all_pairs(success, trials, alpha, kind, side, independent):
    a, b = np.nonzero(~np.eye(trials.shape[1], dtype=bool))
    return max(
        pair_bound(x[a], n[a], x[b], n[b], alpha, kind, side, independent).max()
        for x, n in zip(success.astype(float), trials.astype(float), strict=True)
    )


def at_parity(g, seed=0, rate=0.4):
    random = np.random.default_rng(seed)
    trials = random.integers(500, 2000, (1, g))
    return random.binomial(trials, rate), trials


@settings(max_examples=150, deadline=None)
@given(
    st.integers(2, 25),
    st.integers(0, 10_000),
    st.sampled_from([2, 5, 80, 2000, 10**5, 10**7]),
    st.sampled_from([0.0, 1e-3, 0.3, 0.5, 0.9, 1.0, None]),
    st.sampled_from([0.7, 0.5, 0.03, 1e-5, 1e-9]),
    st.sampled_from(KINDS),
    st.sampled_from(SIDES),
    st.booleans(),
    st.booleans(),
)
def test_the_largest_bound_is_that_of_all_pairs(
    g, seed, most, rate, alpha, kind, side, independent, uneven
):
    random = np.random.default_rng(seed)
    trials = random.integers(1, most + 1, (2, g))
    if uneven:  # a few large groups among small ones
        trials = np.maximum((most * random.random((2, g)) ** 4).astype(int), 1)
    success = random.binomial(trials, random.random((2, g)) if rate is None else rate)
    found = largest_pair_bound(success, trials, alpha, kind, side, independent)
    every = of_all_pairs(success, trials, alpha, kind, side, independent)
    assert found == pytest.approx(every, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("side", SIDES)
def test_of_many_groups_at_parity_few_pairs_are_computed(monkeypatch, kind, side):
    success, trials = at_parity(60)
    computed = []

    def counted(x_a, *rest):
        computed.append(len(x_a))
        return pair_bound(x_a, *rest)

    monkeypatch.setattr(largest_pair, "pair_bound", counted)
    largest_pair_bound(success, trials, 0.05, kind, side)
    assert sum(computed) <= 0.05 * 60 * 59


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("independent", [True, False])
def test_groups_with_the_same_figures_are_a_pair_too(kind, side, independent):
    success, trials = np.array([[30, 30, 30]]), np.array([[70, 70, 70]])
    found = largest_pair_bound(success, trials, 0.05, kind, side, independent)
    assert found == of_all_pairs(success, trials, 0.05, kind, side, independent)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("side", SIDES)
def test_the_largest_bound_of_many_groups_is_that_of_all_pairs(kind, side):
    success, trials = at_parity(120, seed=3)
    found = largest_pair_bound(success, trials, 0.01, kind, side)
    every = of_all_pairs(success, trials, 0.01, kind, side, True)
    assert found == pytest.approx(every, rel=1e-9)
