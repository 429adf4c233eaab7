"""The signed-rank test against all choices of signs, and the interval that inverts it."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from equipoise.compare import exact_p, smallest_p, typical_difference

tied = st.lists(st.integers(-4, 4), min_size=1, max_size=9)
untied = st.lists(st.integers(-(10**6), 10**6), min_size=2, max_size=14).map(
    lambda xs: np.array(xs) + 0.37 * np.arange(1, len(xs) + 1) / 1000
)


def by_all_signs(differences):
    """The share of all signs whose sum of signed ranks is as far from 0."""
    d = np.asarray(differences, float)
    ranks = np.array([np.mean([*range((a < x).sum() + 1, (a <= x).sum() + 1)])
                      for a in [np.abs(d)] for x in a])  # fmt: skip
    ranks[d == 0] = 0
    seen = abs((np.sign(d) * ranks).sum())
    sums = np.array([abs((np.array(s) * ranks).sum()) for s in product((-1, 1), repeat=len(d))])
    return (sums >= seen - 1e-9).mean()


@settings(deadline=None, max_examples=60)
@given(tied)
def test_it_is_the_share_of_all_signs_with_ties_and_zeros_too(differences):
    assert exact_p(differences) == pytest.approx(by_all_signs(differences), abs=1e-12)


@pytest.mark.parametrize("n", [5, 12, 30, 50])
def test_without_ties_it_is_scipys(n):
    d = np.random.default_rng(n).normal(0.3, size=n)
    assert exact_p(d) == pytest.approx(stats.wilcoxon(d, method="exact").pvalue, rel=1e-9)


@pytest.mark.parametrize("n", [1, 2, 6, 10, 20])
def test_where_all_agree_it_is_the_smallest_there_is(n):
    assert exact_p(np.arange(1, n + 1)) == exact_p(np.ones(n)) == smallest_p(n) == 2.0 ** (1 - n)


def test_ten_pairs_cannot_say_more_than_one_in_five_hundred():
    assert smallest_p(10) == 0.001953125


def test_without_any_difference_there_is_none():
    assert exact_p([0.0, 0.0, 0.0]) == 1.0


def test_equal_differences_are_equal_however_they_were_rounded():
    # 0.3 - 0.2 is not 0.1, nor is 0.9 - 0.8.
    rounded = [0.3 - 0.2, -(0.9 - 0.8), 0.1, 0.2, (0.1 + 0.2) - 0.3]
    assert exact_p(rounded) == exact_p([1, -1, 1, 2, 0])


@settings(deadline=None, max_examples=60)
@given(tied, st.floats(0.01, 100))
def test_neither_unit_nor_order_of_the_pair_matters(differences, unit):
    d = np.array(differences, float)
    assert exact_p(d) == exact_p(-d) == exact_p(unit * d)


def test_the_typical_difference_is_the_median_of_means_of_pairs():
    # Of 1, 2, 6: 1, 1.5, 2, 3.5, 4, 6.
    assert typical_difference([6.0, 1.0, 2.0]).value == 2.75


def test_of_six_pairs_the_interval_is_from_the_least_to_the_largest():
    # 2 / 64 < .05 < 4 / 64: no mean but the outermost may lie outside.
    d = [0.5, -0.1, 0.3, 0.9, 0.2, 0.45]
    assert typical_difference(d)[1:] == (-0.1, 0.9)


@pytest.mark.parametrize("n", [1, 5])
def test_too_few_pairs_bound_nothing(n):
    assert typical_difference(np.arange(n) + 1.0)[1:] == (-np.inf, np.inf)


@settings(deadline=None, max_examples=100)
@given(untied, st.sampled_from([0.5, 0.8, 0.95]), st.integers(0, 10**6))
def test_the_interval_holds_what_the_test_does_not_reject(d, confidence, seed):
    assume(len(np.unique(d)) == len(d))
    value, low, high = typical_difference(d, confidence)
    assert low <= value <= high
    means = np.add.outer(d, d) / 2
    shift = np.random.default_rng(seed).uniform(d.min() - 1, d.max() + 1)
    assume(np.abs(means - shift).min() > 1e-4 and np.ptp(d) < 1e9)
    assume(len(np.unique(np.round(np.abs(d - shift), 4))) == len(d))
    assert (low < shift < high) == (exact_p(d - shift) > 1 - confidence)


@pytest.mark.parametrize(
    ("d", "said"),
    [([], "one number a pair"), ([[1.0]], "one number a pair"), ([1.0, np.nan], r"pairs \[1\]")],
)
def test_what_are_no_differences_is_refused(d, said):
    for function in (exact_p, typical_difference):
        with pytest.raises(ValueError, match=said):
            function(d)


def test_what_is_no_confidence_is_refused():
    with pytest.raises(ValueError, match="confidence must lie between 0 and 1"):
        typical_difference([1.0, 2.0], 95)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["normal", "heavy", "rounded"])
def test_it_covers_at_least_as_often_as_it_says(kind):
    random = np.random.default_rng(0)
    draw = {
        "normal": lambda: random.normal(size=20),
        "heavy": lambda: random.standard_t(2, size=20),
        "rounded": lambda: np.round(random.normal(size=20)),
    }[kind]
    covered = []
    for _ in range(2000):
        _, low, high = typical_difference(draw())
        covered.append(low <= 0 <= high)
    # Measured over 4,000 of each: 0.961, 0.946 and 0.999.
    assert np.mean(covered) > 0.95 - 3 * np.sqrt(0.95 * 0.05 / 2000)
