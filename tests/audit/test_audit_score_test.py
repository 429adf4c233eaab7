"""Score bounds invert the score test, at shares of maximum likelihood under the hypothesis."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from equipoise.audit.score_test import parity_score, score_bound

SAMPLES = [(5, 10, 3, 12), (0, 10, 3, 12), (9, 10, 1, 30), (40, 100, 60, 90), (1, 200, 5, 50)]


def score(x_a, n_a, x_b, n_b, at, kind):
    """The score by its definition: the likelihood is maximised numerically."""
    low, high = (max(-at, 0), min(1 - at, 1)) if kind == "gap" else (0, min(1, 1 / at))
    other = (lambda p: p + at) if kind == "gap" else (lambda p: p * at)

    def surprise(p):
        shares = [(x_a, n_a, other(p)), (x_b, n_b, p)]
        return -sum(stats.binom.logpmf(x, n, np.clip(q, 1e-300, 1)) for x, n, q in shares)

    p_b = optimize.minimize_scalar(surprise, bounds=(low, high), options={"xatol": 1e-13}).x
    p_a, factor = other(p_b), 1 if kind == "gap" else at
    difference = x_a / n_a - factor * x_b / n_b - (at if kind == "gap" else 0)
    return difference / math.sqrt(p_a * (1 - p_a) / n_a + factor**2 * p_b * (1 - p_b) / n_b)


@pytest.mark.parametrize("kind", ["gap", "ratio"])
@pytest.mark.parametrize("sample", SAMPLES)
def test_a_bound_is_where_the_score_is_critical(sample, kind):
    (bound,) = score_bound(*([x] for x in sample), 1.96, kind, "upper")
    assert score(*sample, bound, kind) == pytest.approx(-1.96, abs=1e-4)


def test_bounds_of_a_published_example():
    # Newcombe 1998, Statistics in Medicine 17, 873, table II: Miettinen and Nurminen's interval,
    # whose variance has a factor N / (N - 1) that is left out here (Mee's).
    low, high = (
        score_bound([56], [70], [48], [80], stats.norm.isf(0.025), "gap", side)[0]
        for side in ("lower", "upper")
    )
    assert (low, high) == pytest.approx((0.0533, 0.3377), abs=1e-4)


@settings(max_examples=200)
@given(st.data())
def test_both_kinds_of_bounds_exclude_parity_just_where_its_score_is_beyond(data):
    n_a, n_b = data.draw(st.integers(1, 300)), data.draw(st.integers(1, 300))
    x_a, x_b = data.draw(st.integers(0, n_a)), data.draw(st.integers(0, n_b))
    z = float(parity_score(*(np.array(x, float) for x in (x_a, n_a, x_b, n_b))))
    for critical in (1.0, 1.96, 3.0):
        if abs(abs(z) - critical) < 1e-6:
            continue
        samples = ([x_a], [n_a], [x_b], [n_b])
        beyond = z > critical
        assert (score_bound(*samples, critical, "gap", "lower")[0] > 1e-9) == beyond
        assert (score_bound(*samples, critical, "ratio", "lower")[0] > 1 + 1e-9) == beyond


@pytest.mark.parametrize("sample", [(0, 5, 0, 7), (5, 5, 7, 7), (5, 5, 0, 7), (0, 5, 7, 7)])
def test_bounds_are_defined_where_no_share_varies(sample):
    for kind, least, most in (("gap", -1, 1), ("ratio", 0, math.inf)):
        low, high = (
            score_bound(*([x] for x in sample), 1.96, kind, side)[0] for side in ("lower", "upper")
        )
        assert least <= low <= high <= most


def test_a_ratio_over_nothing_has_no_upper_end():
    assert score_bound([3], [5], [0], [7], 1.96, "ratio", "upper")[0] == math.inf
