"""Long-tailed counts are those that papers publish, and rows are drawn to have them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from equipoise.data import DataError, long_tailed_counts, long_tailed_rows


@pytest.mark.parametrize(
    ("n_max", "n_classes", "rounding", "total", "smallest"),
    [
        (5000, 10, "floor", 12_406, 50),  # CIFAR10-LT, as nearly all papers have it
        (500, 100, "floor", 10_847, 5),  # CIFAR100-LT, likewise
        (500, 100, "round", 10_899, 5),  # AutoBalance, all of CIFAR100-LT
        (100, 100, "round", 2_180, 1),  # and its validation rows
    ],
)
def test_totals_at_a_ratio_of_100_are_the_published_ones(
    n_max, n_classes, rounding, total, smallest
):
    counts = long_tailed_counts(n_max, n_classes, 100, rounding)
    assert (counts.sum(), counts[0], counts[-1]) == (total, n_max, smallest)


@pytest.mark.parametrize(
    ("n_max", "published"),
    [(4000, 9_931), (1000, 2_487), (5000, 12_415)],  # AutoBalance, CIFAR10-LT
)
def test_rounding_up_gives_the_published_totals_but_for_a_rounding_error_in_the_last_class(
    n_max, published
):
    exact = long_tailed_counts(n_max, 10, 100, "ceil")
    assert exact[-1] == n_max / 100
    assert exact.sum() == published - 1
    # The published code takes powers of a rounded base, which amounts to a ratio so little less.
    assert long_tailed_counts(n_max, 10, 100 * (1 - 1e-13), "ceil").sum() == published


@given(
    n_max=st.integers(50, 5000),
    n_classes=st.integers(2, 200),
    ratio=st.integers(1, 50),
    rounding=st.sampled_from(["floor", "ceil", "round"]),
)
@example(n_max=98, n_classes=2, ratio=49, rounding="floor")
def test_counts_fall_from_the_largest_by_the_ratio(n_max, n_classes, ratio, rounding):
    counts = long_tailed_counts(n_max, n_classes, ratio, rounding)
    assert counts[0] == n_max
    assert (np.diff(counts) <= 0).all()
    assert abs(counts[-1] - n_max / ratio) < 1
    assert len(counts) == n_classes


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ((0, 10, 100), "n_max"),
        ((5000, 1, 100), "n_classes"),
        ((5000, 10, 0.5), "ratio"),
        ((5000, 10, float("nan")), "ratio"),
        ((50, 10, 100), "ratio of at most 50"),
        ((5000, 10, 100, "down"), "rounding"),
    ],
)
def test_a_profile_that_cannot_be_is_refused(arguments, what):
    with pytest.raises(DataError, match=what):
        long_tailed_counts(*arguments)


LABEL = np.random.default_rng(0).integers(3, size=600)


def test_rows_have_the_counts_and_none_occurs_twice():
    rows = long_tailed_rows(LABEL, [100, 30, 9], seed=1)
    assert np.bincount(LABEL[rows]).tolist() == [100, 30, 9]
    assert (np.diff(rows) > 0).all()


def test_rows_follow_from_the_seed():
    first, again, other = (long_tailed_rows(LABEL, [50, 5, 5], seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_larger_counts_keep_the_rows_of_smaller_ones():
    few, many = (long_tailed_rows(LABEL, [100, count, 9], seed=3) for count in (10, 60))
    assert set(few) < set(many)


@pytest.mark.parametrize(
    ("label", "counts", "seed", "what"),
    [
        (LABEL, [100, 30, 500], 0, "rows of class 2 are wanted"),
        (LABEL, [100, 30], 0, "codes range"),
        (LABEL, [100, 30, -1], 0, "counts"),
        (LABEL, [100.5, 30, 1], 0, "counts"),
        (LABEL.astype(str), [1, 1, 1], 0, "np.unique"),
        (LABEL, [1, 1, 1], -1, "seed"),
    ],
)
def test_rows_that_cannot_be_drawn_are_refused(label, counts, seed, what):
    with pytest.raises(DataError, match=what):
        long_tailed_rows(label, counts, seed)
