"""Two contenders over the same seeds: the figures together, and many tests at once."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtr, ndtri

from equipoise.compare import compare_seeds, exact_p, holm, typical_difference


def figures(n=20, shift=0.1, seed=0):
    random = np.random.default_rng(seed)
    first = random.gamma(4.0, 0.05, n)
    return first, first - shift + random.normal(0, 0.05, n)


def test_what_is_compared_is_the_second_less_the_first():
    first, second = figures()
    both = compare_seeds(first, second)
    assert both.n_seeds == 20
    assert both.mean.value == pytest.approx((second - first).mean())
    assert both.mean.low < both.mean.value < both.mean.high < 0
    assert both.typical == typical_difference(second - first)
    assert both.p == exact_p(second - first) < 0.001
    assert both.smallest_p == 2.0**-19


def test_the_interval_of_the_mean_is_bca():
    # Efron's formulas, with resamples of their own.
    d = np.random.default_rng(3).exponential(size=25)
    draws = d[np.random.default_rng(4).integers(0, 25, (200_000, 25))].mean(axis=1)
    bias = ndtri((draws < d.mean()).mean())
    left_out = (d.sum() - d) / 24
    away = left_out.mean() - left_out
    speed = (away**3).sum() / (6 * (away**2).sum() ** 1.5)
    at = [ndtr(bias + (bias + z) / (1 - speed * (bias + z))) for z in ndtri([0.025, 0.975])]
    wanted = np.quantile(draws, at)
    found = compare_seeds(np.zeros(25), d, n_boot=50_000).mean
    np.testing.assert_allclose(found[1:], wanted, rtol=0.015)
    assert wanted[1] - d.mean() > 1.1 * (d.mean() - wanted[0])  # unlike an even one


def test_the_same_seed_gives_the_same_interval():
    assert compare_seeds(*figures()) == compare_seeds(*figures())


def test_of_equal_differences_there_is_no_doubt():
    both = compare_seeds([0.25, 0.5, 0.75], [0.5, 0.75, 1.0])
    assert both.mean == (0.25, 0.25, 0.25)
    assert both.p == both.smallest_p == 0.25


def test_json_can_hold_what_is_infinite():
    both = compare_seeds([0.25, 0.5, 0.75], [0.5, 0.75, 1.0])
    state = json.loads(json.dumps(both.to_dict(), allow_nan=False))
    assert state["typical"] == {"value": 0.25, "low": None, "high": None}


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ([1.0, 2.0], [1.0], "figures of the same seeds"),
        ([1.0], [2.0], "at least two seeds"),
        ([1.0, np.nan], [2.0, 1.0], "not finite"),
    ],
)
def test_what_are_no_pairs_is_refused(first, second, said):
    with pytest.raises(ValueError, match=said):
        compare_seeds(first, second)


def test_holms_steps():
    # .005 x 4, .01 x 3, .03 x 2, and .04, which may not come before .03.
    np.testing.assert_allclose(holm([[0.01, 0.04], [0.03, 0.005]]), [[0.03, 0.06], [0.06, 0.02]])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.floats(0.001, 0.5))
def test_holm_rejects_until_the_first_that_it_cannot(p, alpha):
    # The definition: the j-th smallest is held to alpha / (m - j + 1).
    rejected = np.zeros(len(p), bool)
    for j, place in enumerate(np.argsort(p, kind="stable")):
        if p[place] * (len(p) - j) > alpha:
            break
        rejected[place] = True
    assert ((holm(p) <= alpha) == rejected).all()


@pytest.mark.parametrize("p", [[0.5, np.nan], [-0.1], [1.1]])
def test_what_are_no_p_values_is_refused(p):
    with pytest.raises(ValueError, match="between 0 and 1"):
        holm(p)


@pytest.mark.slow
def test_holm_is_seldom_wrong_about_any():
    random = np.random.default_rng(0)
    wrong = [
        bool((holm([exact_p(random.normal(size=20)) for _ in range(8)]) <= 0.05).any())
        for _ in range(2000)
    ]
    assert np.mean(wrong) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 2000)


@pytest.mark.slow
@pytest.mark.parametrize(("skewed", "least"), [(False, 0.91), (True, 0.9)])
def test_the_interval_of_the_mean_covers_nearly_as_often_as_it_says(skewed, least):
    random = np.random.default_rng(0)
    covered = []
    for _ in range(1000):
        d = random.exponential(size=20) - 1 if skewed else random.normal(size=20)
        _, low, high = compare_seeds(np.zeros(20), d, n_boot=2000).mean
        covered.append(low <= 0 <= high)
    # Measured over 2,000 of each: 0.928 and 0.925.
    assert np.mean(covered) > least
