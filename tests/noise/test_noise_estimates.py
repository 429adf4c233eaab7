"""Flips estimated from gold rows, from a survey's design, and from several columns."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from equipoise.noise import (
    FlipMatrix,
    GoldFlips,
    flips_differ,
    flips_from_gold,
    flips_from_three_views,
    groups_with_gold,
    randomised_response,
    symmetric_flips_from_copies,
)
from equipoise.noise.effects import effects


def noisy(true, flips, random):
    flips = np.asarray(flips)
    return (random.random(len(true))[:, None] > flips[true].cumsum(axis=1)[:, :-1]).sum(axis=1)


H = np.array([[0.7, 0.3], [0.1, 0.9]])


def test_gold_rows_are_counted_from_true_to_observed():
    found = flips_from_gold(["a"] * 10 + ["b"] * 5, ["a"] * 7 + ["b"] * 3 + ["b"] * 5)
    assert found.counts.tolist() == [[7, 3], [0, 5]]
    np.testing.assert_allclose(found.flips.p_flip, [[0.7, 0.3], [0, 1]])
    assert found.low[0, 1] == pytest.approx(stats.beta.ppf(0.025, 3.5, 7.5))
    assert found.high[1, 0] == pytest.approx(stats.beta.ppf(0.975, 0.5, 5.5))
    assert "'a' is observed as 'b' 30.0 % of the time" in str(found)


def test_a_flip_that_no_gold_row_shows_is_not_taken_for_impossible():
    flips = GoldFlips.from_counts([[5, 0], [0, 5]], "ab").flips
    assert flips.covariance[0, 1, 0, 1] > 0
    assert flips.covariance.sum(axis=3) == pytest.approx(0)  # rows keep their sum


def test_the_errors_of_gold_flips_are_as_large_as_they_say():
    random = np.random.default_rng(0)
    true = np.repeat([0, 1], [80, 60])
    estimates = [flips_from_gold(true, noisy(true, H, random)) for _ in range(2000)]
    spread = np.cov([e.flips.p_flip.ravel() for e in estimates], rowvar=False)
    said = np.mean([e.flips.covariance.reshape(4, 4) for e in estimates], axis=0)
    np.testing.assert_allclose(said, spread, rtol=0.15, atol=2e-4)


@pytest.mark.parametrize(
    ("true", "observed", "told"),
    [
        ("aab", "abc", "truly belongs to 'c'"),
        ("ab", "abc", "one entry a row"),
        ("aabb", "abab", "condition"),
    ],
)
def test_gold_rows_that_do_not_tell_are_refused(true, observed, told):
    with pytest.raises(ValueError, match=told):
        flips_from_gold(list(true), list(observed))


def test_whether_flips_depend_on_another_column_is_tested_at_its_level():
    random = np.random.default_rng(1)
    p_values = []
    for seed in range(300):
        true, over = random.integers(0, 2, 60), random.integers(0, 3, 60)
        found = flips_differ(true, noisy(true, H, random), over, n_draws=199, random_state=seed)
        p_values.append(found.p_value)
    assert stats.binomtest(sum(p <= 0.1 for p in p_values), 300, 0.1).pvalue > 1e-3


def test_flips_that_depend_on_the_label_are_found_and_said():
    random = np.random.default_rng(2)
    true, label = random.integers(0, 2, (2, 3000))
    seen = np.where((true == 1) & (random.random(3000) < 0.1 + 0.3 * label), 0, true)
    found = flips_differ(true, seen, label)
    assert found.p_value < 0.001
    assert found.group == "1"
    assert found.largest == pytest.approx(0.3, abs=0.06)
    assert "those of '1' differ by 0.3" in str(found)
    assert "not shown that they do" in str(flips_differ(true, true, label))


def test_randomised_response_keeps_as_it_says():
    flips = randomised_response(("x", "y", "z"), keep=0.6)
    np.testing.assert_allclose(flips.p_flip, 0.4 * np.eye(3) + 0.2)
    assert flips.known
    for keep in (1 / 3, 1.1):
        with pytest.raises(ValueError, match="keep must be above 1/3"):
            randomised_response(("x", "y", "z"), keep=keep)


@pytest.mark.parametrize("p", [2, 3])
def test_two_columns_that_err_alike_tell_one_probability_and_its_error(p):
    random = np.random.default_rng(3)
    law = randomised_response([str(i) for i in range(p)], keep=0.7).p_flip
    kept, said = [], []
    for _ in range(300):
        true = random.choice(p, 1500, p=np.arange(1, p + 1) / np.arange(1, p + 1).sum())
        flips = symmetric_flips_from_copies(noisy(true, law, random), noisy(true, law, random))
        kept.append(flips.p_flip[0, 0])
        said.append(flips.covariance[0, 0, 0, 0] ** 0.5)
    assert np.mean(kept) == pytest.approx(0.7, abs=4 * np.std(kept) / 300**0.5 + 2e-3)
    assert np.mean(said) == pytest.approx(np.std(kept), rel=0.15)


def test_columns_that_cannot_err_alike_are_refused():
    random = np.random.default_rng(4)
    true = random.integers(0, 2, 5000)
    with pytest.raises(ValueError, match="do not err alike"):
        symmetric_flips_from_copies(noisy(true, H, random), noisy(true, H[::-1, ::-1], random))
    with pytest.raises(ValueError, match="chance"):
        symmetric_flips_from_copies(true, 1 - true)
    with pytest.raises(ValueError, match="one group only"):
        symmetric_flips_from_copies([0, 0], [0, 0])


@pytest.mark.parametrize("p", [2, 3])
def test_three_views_tell_both_flip_matrices_and_their_errors(p):
    random = np.random.default_rng(5)
    laws = [0.75 * np.eye(p) + 0.25 * random.dirichlet(np.ones(p), p) for _ in range(2)]
    positive = np.linspace(0.2, 0.8, p)
    scores = []
    for seed in range(5):
        true = random.integers(0, p, 6000)
        views = [noisy(true, law, random) for law in laws]
        label = random.random(6000) < positive[true]
        found = flips_from_three_views(*views, label, n_boot=60, random_state=seed)
        for flips, law in zip((found.first, found.second), laws, strict=True):
            error = np.sqrt(np.einsum("ijij->ij", flips.covariance))
            scores.append((flips.p_flip - law) / error)
        np.testing.assert_allclose(found.shares, np.full(p, 1 / p), atol=0.1)
    assert 0.7 < np.sqrt(np.mean(np.square(scores))) < 1.4


def test_of_exact_shares_three_views_tell_the_truth():
    laws, shares = [H, np.array([[0.8, 0.2], [0.25, 0.75]])], np.array([0.4, 0.6])
    positive = np.array([0.25, 0.75])
    third = np.stack([1 - positive, positive], axis=1)
    cells = np.einsum("i,ia,ib,iy->aby", shares, *laws, third) * 80_000
    a, b, y = (
        np.repeat(x.ravel(), np.rint(cells).astype(int).ravel()) for x in np.indices((2, 2, 2))
    )
    found = flips_from_three_views(a, b, y)
    np.testing.assert_allclose(found.first.p_flip, laws[0], atol=1e-3)
    np.testing.assert_allclose(found.second.p_flip, laws[1], atol=1e-3)
    np.testing.assert_allclose(found.third, third, atol=1e-3)


def test_a_third_view_that_says_nothing_of_the_groups_is_refused():
    random = np.random.default_rng(6)
    true = random.integers(0, 2, 2000)
    views = [noisy(true, H, random) for _ in range(2)]
    with pytest.raises(ValueError, match="tell the flips"):
        flips_from_three_views(*views, random.integers(0, 2, 2000), n_boot=50)
    with pytest.raises(ValueError, match="one value only"):
        flips_from_three_views(*views, np.zeros(2000))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), p=st.integers(2, 4))
def test_what_errors_of_flips_do_is_what_finite_differences_say(seed, p):
    random = np.random.default_rng(seed)
    matrices = [0.6 * np.eye(q) + 0.4 * random.dirichlet(np.ones(q), q) for q in (p, 2)]
    parts = [
        FlipMatrix(m, [str(i) for i in range(len(m))], np.zeros((len(m),) * 4)) for m in matrices
    ]
    seen = random.random(2 * p)
    flips = FlipMatrix.product(parts)
    step = 1e-6
    for number, found in enumerate(effects(flips, flips.inverse.T @ seen)):
        for entry in range(matrices[number].size):
            ends = []
            for sign in (1, -1):
                moved = [m.copy() for m in matrices]
                moved[number].flat[entry] += sign * step
                ends.append(np.linalg.inv(np.kron(*moved)).T @ seen)
            slope = (ends[0] - ends[1]) / (2 * step)
            np.testing.assert_allclose(found.slopes[:, entry], slope, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "gold",
    [
        ["a", "a", "b", "b", "b", "b", None, None],
        pd.Series(["a", "a", "b", "b", "b", "b", None, np.nan], dtype=object),
        pl.Series(["a", "a", "b", "b", "b", "b", None, None]),
        pa.array(["a", "a", "b", "b", "b", "b", None, None]),
    ],
)
def test_gold_rows_count_in_their_true_group_and_tell_the_flips_of_others(gold):
    found = groups_with_gold(list("aaabbbab"), gold)
    assert found.gold.counts.tolist() == [[2, 0], [1, 3]]
    by_hand = np.array([2 + 2 / 3, 4 + 4 / 3])
    np.testing.assert_allclose(found.groups.sizes, by_hand)
    numbers = np.array([0, 0, 1, 1, 1, 1, np.nan, np.nan])
    of_numbers = groups_with_gold([0, 0, 0, 1, 1, 1, 0, 1], numbers)
    np.testing.assert_allclose(of_numbers.groups.sizes, by_hand)


def test_gold_that_is_nowhere_or_of_other_rows_is_refused():
    with pytest.raises(ValueError, match="missing in every row"):
        groups_with_gold(list("ab"), [None, None])
    with pytest.raises(ValueError, match="gold has 1 rows"):
        groups_with_gold(list("ab"), ["a"])
    with pytest.raises(ValueError, match="group 'A', which is observed of no row"):
        groups_with_gold(list("ab"), ["A", "b"])


def test_a_test_of_flips_needs_rows_and_draws():
    with pytest.raises(ValueError, match="no rows"):
        flips_differ([], [], [])
    with pytest.raises(ValueError, match="n_draws"):
        flips_differ(["a"], ["a"], [1], n_draws=0)
