"""Bounds for the difference and the ratio of two shares hold exactly, whatever the samples."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from equipoise.audit.pairs import pair_bound

# Few and many successes, and rates so near 0 and 1 that most samples show none.
RATES = np.array([0.002, 0.02, 0.1, 0.3, 0.5, 0.75, 0.95, 0.998])
KINDS = ["gap", "ratio"]
SIDES = ["upper", "lower"]


def every_sample(n_a, n_b):
    x_a, x_b = np.meshgrid(np.arange(n_a + 1.0), np.arange(n_b + 1.0), indexing="ij")
    return x_a.ravel(), np.full(x_a.size, float(n_a)), x_b.ravel(), np.full(x_a.size, float(n_b))


def missed(n_a, n_b, alpha, kind, side):
    """The largest probability over the rates, exactly, that the bound is on the wrong side."""
    bound = pair_bound(*every_sample(n_a, n_b), alpha, kind, side)
    sign = 1 if side == "upper" else -1
    worst = 0.0
    for p_a, p_b in itertools.product(RATES, RATES):
        truth = p_a - p_b if kind == "gap" else p_a / p_b
        chance = np.outer(
            stats.binom.pmf(np.arange(n_a + 1), n_a, p_a),
            stats.binom.pmf(np.arange(n_b + 1), n_b, p_b),
        ).ravel()
        worst = max(worst, chance[sign * bound < sign * truth - 1e-9].sum())
    return worst


def bound_of(x_a, n_a, x_b, n_b, alpha=0.05, kind="gap", side="upper", independent=True):
    columns = (np.array([float(v)]) for v in (x_a, n_a, x_b, n_b))
    return pair_bound(*columns, alpha, kind, side, independent).item()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("alpha", [0.2, 0.05, 0.01])
@pytest.mark.parametrize(("n_a", "n_b"), [(1, 1), (3, 12), (15, 4), (10, 10), (40, 3)])
def test_the_bound_fails_at_most_as_often_as_it_says(n_a, n_b, alpha, kind, side):
    assert missed(n_a, n_b, alpha, kind, side) <= alpha


@pytest.mark.parametrize("kind", KINDS)
def test_the_bound_holds_where_a_tiny_sample_has_rates_near_0(kind):
    """Steps too coarse in the small sample's rate once failed here at twice the error."""
    assert missed(100, 10, 0.01, kind, "upper") <= 0.01


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("side", SIDES)
def test_without_independence_the_bound_holds_under_perfect_dependence(kind, side):
    """Two groups of the same 30 rows, both rates the same, are one sample counted twice."""
    x = np.arange(31.0)
    n = np.full(31, 30.0)
    bound = pair_bound(x, n, x, n, 0.05, kind, side, independent=False)
    truth = 0.0 if kind == "gap" else 1.0
    assert (bound >= truth).all() if side == "upper" else (bound <= truth).all()


@pytest.mark.parametrize("side", SIDES)
def test_without_independence_the_bound_holds_under_perfect_opposition(side):
    """Whoever is selected in one group is not in the other: the difference is 2 p - 1."""
    n, sign = 30, 1 if side == "upper" else -1
    x = np.arange(n + 1.0)
    size = np.full(n + 1, float(n))
    bound = pair_bound(x, size, n - x, size, 0.05, "gap", side, independent=False)
    for p in np.linspace(0.01, 0.99, 99):
        failed = stats.binom.pmf(np.arange(n + 1), n, p)[sign * bound < sign * (2 * p - 1)].sum()
        assert failed <= 0.05


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(
    ("n_a", "n_b"), [(1000, 1000), (10**4, 10**3), (10**6, 10**3), (10**7, 10**3), (10**7, 10**7)]
)
def test_for_large_samples_the_bound_of_a_difference_is_close_to_walds(n_a, n_b, side):
    """Also of a huge sample against a small one, as of a majority against a minority."""
    p_a, p_b = 0.3, 0.25
    spread = np.sqrt(p_a * (1 - p_a) / n_a + p_b * (1 - p_b) / n_b)
    wald = p_a - p_b + stats.norm.ppf(0.95) * spread * (1 if side == "upper" else -1)
    found = bound_of(p_a * n_a, n_a, p_b * n_b, n_b, side=side)
    assert abs(found - (p_a - p_b)) == pytest.approx(abs(wald - (p_a - p_b)), rel=0.1)


@pytest.mark.parametrize("side", SIDES)
def test_for_large_samples_the_bound_of_a_ratio_is_close_to_that_of_its_logarithm(side):
    p_a, p_b, n = 0.3, 0.25, 10**5
    spread = np.sqrt((1 - p_a) / (p_a * n) + (1 - p_b) / (p_b * n))
    z = stats.norm.ppf(0.95) * (1 if side == "upper" else -1)
    found = np.log(bound_of(p_a * n, n, p_b * n, n, kind="ratio", side=side)) - np.log(p_a / p_b)
    assert found == pytest.approx(z * spread, rel=0.1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("alpha", [0.5, 0.05, 1e-6, 1e-12])
@pytest.mark.parametrize("independent", [True, False])
def test_bounds_of_extreme_samples_are_numbers_on_their_side(kind, side, alpha, independent):
    sizes = [1, 2, 1000, 10**6, 10**7]
    cases = [
        (x_a, n_a, x_b, n_b)
        for n_a, n_b in itertools.product(sizes, sizes)
        for x_a in {0, 1, n_a // 2, n_a}
        for x_b in {0, 1, n_b // 2, n_b}
    ]
    x_a, n_a, x_b, n_b = np.array(cases, float).T
    bound = pair_bound(x_a, n_a, x_b, n_b, alpha, kind, side, independent)
    assert not np.isnan(bound).any()
    some = x_b > 0
    p_a, p_b = x_a[some] / n_a[some], x_b[some] / n_b[some]
    estimate = p_a - p_b if kind == "gap" else p_a / p_b
    slack = 1e-9 * (1 + estimate)
    if side == "upper":
        assert (bound[some] >= estimate - slack).all()
    else:
        assert (bound[some] <= estimate + slack).all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_smaller_error_gives_a_wider_bound(kind):
    bounds = [bound_of(7, 20, 30, 50, alpha, kind) for alpha in (0.2, 0.05, 0.01, 1e-4)]
    assert bounds == sorted(bounds)
    assert len({*bounds}) == 4


@pytest.mark.parametrize("kind", KINDS)
def test_changing_the_samples_round_turns_the_bound_round(kind):
    upper = bound_of(7, 20, 30, 50, kind=kind, side="upper")
    lower = bound_of(30, 50, 7, 20, kind=kind, side="lower")
    assert upper == pytest.approx(-lower if kind == "gap" else 1 / lower)


def test_a_ratio_to_a_rate_that_may_be_0_has_no_upper_bound():
    assert bound_of(5, 10, 0, 10, kind="ratio", side="upper") == np.inf


def test_a_difference_is_never_said_to_exceed_1():
    assert bound_of(10, 10, 0, 10) == 1.0


@pytest.mark.parametrize("kind", KINDS)
def test_less_than_one_effective_success_bounds_a_share_no_better_than_none(kind):
    # Of weighted rows: a fifth of a success is no proof that there is one.
    x_b, n_b = np.array([0.2, 0.0]), np.array([40.0, 40.0])
    few, none = pair_bound(np.full(2, 30.0), np.full(2, 50.0), x_b, n_b, 0.05, kind, "upper", False)
    assert few == none


@pytest.mark.parametrize("side", SIDES)
def test_equal_weights_give_the_bounds_of_plain_rows_despite_rounding(side):
    x, n = np.array([1.0]), np.array([9.0])
    off = 1e-13
    whole = pair_bound(x, n, n - 1, n, 0.05, "ratio", side)
    rounded = pair_bound(x - off, n - off, n - 1 - off, n - 2 * off, 0.05, "ratio", side)
    assert rounded == pytest.approx(whole, rel=1e-6)
