"""Intervals for shares agree with textbooks and cover; the interval of a gap keeps no bias."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from equipoise import Counts, gap
from equipoise.audit import basic_interval, share_interval
from equipoise.rates import find_rate

METHODS = ["wilson", "jeffreys", "exact"]


@pytest.mark.parametrize(
    ("method", "successes", "trials", "expected"),
    [
        # Newcombe 1998, Statistics in Medicine 17, table I: methods 3 (score) and 5 (exact).
        ("wilson", 81, 263, (0.2553, 0.3662)),
        ("exact", 81, 263, (0.2527, 0.3676)),
        ("wilson", 15, 148, (0.0624, 0.1605)),
        ("exact", 15, 148, (0.0578, 0.1617)),
        ("wilson", 0, 20, (0.0000, 0.1611)),
        ("exact", 0, 20, (0.0000, 0.1684)),
        ("wilson", 1, 29, (0.0061, 0.1718)),
        ("exact", 1, 29, (0.0009, 0.1776)),
        # Brown, Cai and DasGupta 2001, table 5.
        ("jeffreys", 1, 10, (0.011, 0.381)),
        ("jeffreys", 0, 10, (0.000, 0.217)),
    ],
)
def test_intervals_are_those_of_the_textbook(method, successes, trials, expected):
    found = share_interval(successes, trials, 0.95, method)
    digits = 3 if method == "jeffreys" else 4
    assert [round(float(v), digits) for v in found] == list(expected)


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.999])
def test_wilson_ends_solve_the_score_equation(confidence):
    z = stats.norm.ppf((1 + confidence) / 2)
    for end in share_interval(7, 31, confidence, "wilson"):
        assert abs(7 / 31 - end) == pytest.approx(z * np.sqrt(end * (1 - end) / 31))


def test_jeffreys_ends_cut_equal_tails_of_the_posterior():
    low, high = share_interval(7, 31, 0.9, "jeffreys")

    def density(p):
        return p**6.5 * (1 - p) ** 23.5

    whole = integrate.quad(density, 0, 1)[0]
    assert integrate.quad(density, 0, low)[0] / whole == pytest.approx(0.05)
    assert integrate.quad(density, high, 1)[0] / whole == pytest.approx(0.05)


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.999])
def test_exact_ends_are_where_the_tails_of_the_binomial_are_half_the_error(confidence):
    low, high = share_interval(7, 31, confidence, "exact")
    assert stats.binom.sf(6, 31, low) == pytest.approx((1 - confidence) / 2)
    assert stats.binom.cdf(7, 31, high) == pytest.approx((1 - confidence) / 2)


@pytest.mark.parametrize("n", [1, 2, 7, 30])
@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.99])
def test_the_exact_interval_covers_at_least_as_often_as_it_says(n, confidence):
    x = np.arange(n + 1)
    low, high = share_interval(x, np.full(n + 1, n), confidence, "exact")
    for p in np.linspace(0, 1, 201):
        covered = stats.binom.pmf(x, n, p)[(low <= p) & (p <= high)].sum()
        assert covered >= confidence - 1e-12


@pytest.mark.parametrize("method", METHODS)
def test_intervals_mirror_when_successes_and_failures_change_places(method):
    low, high = share_interval([0, 3, 12], [12, 12, 12], 0.95, method)
    other_low, other_high = share_interval([12, 9, 0], [12, 12, 12], 0.95, method)
    np.testing.assert_allclose(low, 1 - other_high, atol=1e-12)
    np.testing.assert_allclose(high, 1 - other_low, atol=1e-12)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("confidence", [0.01, 0.95, 1 - 1e-12])
@pytest.mark.parametrize("n", [1, 1000, 10**9])
def test_intervals_contain_the_share_and_lie_between_0_and_1(method, confidence, n):
    x = np.array([0, n // 3, n])
    low, high = share_interval(x, np.full(3, n), confidence, method)
    assert (low >= 0).all()
    assert (high <= 1).all()
    assert (low <= x / n).all()
    assert (x / n <= high).all()


@pytest.mark.parametrize("method", METHODS)
def test_no_successes_start_at_0_and_all_successes_end_at_1(method):
    low, high = share_interval([0, 49], [49, 49], 0.95, method)
    assert (low[0], high[1]) == (0, 1)


@pytest.mark.parametrize("method", METHODS)
def test_a_share_of_no_trials_is_undefined(method):
    low, high = share_interval([0, 1], [0, 2], 0.95, method)
    assert np.isnan([low[0], high[0]]).all()
    assert not np.isnan([low[1], high[1]]).any()


@pytest.mark.parametrize("confidence", [0, 1, -0.5, 95, float("nan")])
def test_a_confidence_that_is_no_probability_is_refused(confidence):
    with pytest.raises(ValueError, match="confidence must lie between 0 and 1"):
        share_interval(1, 2, confidence)


def test_an_unknown_method_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match="'wilson', 'jeffreys' or 'exact', not 'wald'"):
        share_interval(1, 2, 0.95, "wald")


# ------------------------------------------------------------------- basic bootstrap


def test_the_basic_interval_reflects_the_draws_about_the_estimate():
    draws = np.linspace(0, 1, 1001)
    assert basic_interval(0.6, draws, 0.9) == pytest.approx((2 * 0.6 - 0.95, 2 * 0.6 - 0.05))


def test_the_interval_is_cut_to_the_range_of_the_figure():
    low, high = basic_interval(0.1, np.linspace(0, 0.9, 101), 0.9, (0, 1))
    assert (low, high) == (0, pytest.approx(0.155))


def test_the_interval_contains_the_estimate_even_when_all_draws_are_above_it():
    low, high = basic_interval(0.1, np.linspace(0.2, 0.3, 101), 0.9)
    assert low < 0.1 == high


@pytest.mark.parametrize(("undefined", "known"), [(5, True), (6, False)])
def test_more_than_one_undefined_draw_in_twenty_makes_the_interval_undefined(undefined, known):
    draws = np.r_[np.full(undefined, np.nan), np.linspace(0, 1, 100 - undefined)]
    assert np.isnan(basic_interval(0.5, draws, 0.9)[0]) == (not known)


def test_the_interval_of_an_undefined_figure_is_undefined():
    assert np.isnan(basic_interval(np.nan, np.linspace(0, 1, 100), 0.9)).all()


def test_under_parity_the_basic_interval_covers_a_gap_of_0_and_the_percentile_interval_does_not():
    """Seven groups of 200 with the same rate: peers' percentile intervals all exclude parity."""
    rng = np.random.default_rng(0)
    rate, names = find_rate("selection"), tuple("abcdefg")
    basic = percentile = 0
    for _ in range(100):
        chosen = rng.binomial(200, 0.5, 7)
        table = np.zeros((7, 2, 2), np.int64)
        table[:, 0, 0], table[:, 0, 1] = 200 - chosen, chosen
        counts = Counts(names, (0, 1), np.eye(7, dtype=bool), table)
        estimate = float(gap(rate).value(counts.rates(rate)))
        draws = gap(rate).value(counts.resample(rate, 300, rng))
        basic += basic_interval(estimate, draws, 0.95, (0, 1))[0] <= 0.01
        percentile += np.quantile(draws, 0.025) <= 0.01
    assert percentile <= 1
    assert basic >= 70


def test_exact_intervals_of_effective_counts_are_those_of_the_beta_distribution():
    # Less than one success, or failure, counts for what it is and not for one.
    low, high = share_interval([0.3, 19.7], [20.0, 20.0], 0.95, "exact")
    assert low[0] == pytest.approx(stats.beta.ppf(0.025, 0.3, 20.7), rel=1e-9)
    assert high[1] == pytest.approx(stats.beta.isf(0.025, 20.7, 0.3), rel=1e-9)
