"""The compiled logistic loss beside scipy's functions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from equipoise.sampling.loops.softplus import softplus_sums


def both(margin):
    wrong, total = np.empty_like(margin), np.zeros(len(margin))
    softplus_sums(margin, wrong, total)
    return wrong, total


@settings(deadline=None)
@given(
    scale=st.sampled_from([1e-9, 1e-3, 1.0, 30.0, 300.0]),
    shape=st.tuples(st.integers(1, 3), st.integers(1, 700)),
    seed=st.integers(0, 1000),
)
def test_equals_scipy(scale, shape, seed):
    margin = scale * np.random.default_rng(seed).standard_normal(shape)
    wrong, total = both(margin)
    shown = np.abs(margin) < 700
    np.testing.assert_allclose(wrong[shown], special.expit(-margin)[shown], rtol=1e-13)
    np.testing.assert_allclose(total, np.logaddexp(0, -margin).sum(axis=1), rtol=1e-13)


@pytest.mark.parametrize("value", [37.3, 20.0, 1e-9, -1e-9, -40.0])
def test_a_long_row_of_equal_margins_loses_no_digits(value):
    # Rounding is the same in every term here, so that it would add up.
    margin = np.full((1, 300_000), value)
    _, total = both(margin)
    assert total[0] == pytest.approx(300_000 * np.logaddexp(0, -value), rel=1e-13)


def test_nan_is_not_hidden_and_infinite_margins_are_sides():
    margin = np.array([[0.0, np.nan, 1.0], [0.0, np.inf, 0.0], [0.0, -np.inf, 0.0]])
    wrong, total = both(margin)
    assert np.isnan(total[0])
    assert total[1] == pytest.approx(2 * np.log(2))
    assert total[2] == np.inf
    np.testing.assert_allclose(wrong[1:, 1], [0, 1], atol=1e-300)
