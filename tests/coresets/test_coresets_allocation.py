"""Points are divided over collections in proportion, none goes without, none has too many."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipoise.coresets.allocation import numbered, quotas

pytestmark = pytest.mark.filterwarnings("ignore::equipoise.coresets.SmallCoresetWarning")


@given(
    st.lists(st.tuples(st.floats(1e-12, 1e12), st.integers(1, 50)), min_size=1, max_size=12),
    st.integers(0, 300),
)
def test_quotas_are_within_what_there_is_and_sum_to_the_size(collections, more):
    shares, available = (np.array(column) for column in zip(*collections, strict=True))
    size = len(shares) + more
    found = quotas(shares, available, size)
    assert found.sum() == min(size, available.sum())
    assert (found >= 1).all()
    assert (found <= available).all()
    # In proportion: no collection between the bounds is more than a point off the others' rate.
    free = (found > 1) & (found < available)
    if free.any():
        assert ((found[free] - 1) / shares[free]).max() <= ((found[free] + 1) / shares[free]).min()


def test_quotas_are_in_proportion_where_nothing_stands_against_it():
    assert quotas(np.array([1.0, 2.0, 5.0]), np.array([99, 99, 99]), 80).tolist() == [10, 20, 50]
    assert quotas(np.array([1e-9, 1.0, 1.0]), np.array([9, 10, 99]), 41).tolist() == [1, 10, 30]


@given(st.lists(st.integers(-(10**15), 10**15) | st.integers(0, 5), min_size=1, max_size=40))
def test_collections_are_numbered_in_the_order_of_their_codes(codes):
    collections = np.array(codes, np.int64)
    found = numbered(collections)
    assert found.codes.tolist() == sorted(set(codes))
    np.testing.assert_array_equal(found.codes[found.of], collections)
