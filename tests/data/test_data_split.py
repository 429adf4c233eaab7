"""A split covers the rows once, keeps the strata's shares and repeats with its seed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from equipoise.data import DataError, split

THIRDS = {"train": 0.6, "validation": 0.2, "test": 0.2}

STRATA = st.lists(st.integers(-3, 3), min_size=30, max_size=300).map(np.array)
FRACTIONS = st.lists(st.integers(1, 9), min_size=1, max_size=4).map(
    lambda shares: {f"part{i}": share / sum(shares) for i, share in enumerate(shares)}
)
SEEDS = st.integers(0, 2**32 - 1)


def split_or_skip(strata, fractions, seed):
    try:
        return split(strata, fractions, seed)
    except DataError as error:
        assume("would be empty" not in str(error))
        raise


@given(STRATA, FRACTIONS, SEEDS)
def test_parts_are_disjoint_sorted_and_cover_all_rows(strata, fractions, seed):
    parts = split_or_skip(strata, fractions, seed)
    assert list(parts) == list(fractions)
    rows = np.concatenate(list(parts.values()))
    np.testing.assert_array_equal(np.sort(rows), np.arange(len(strata)))
    assert all((np.diff(part) > 0).all() and part.dtype == np.int64 for part in parts.values())


@given(STRATA, FRACTIONS, SEEDS)
def test_each_part_has_its_share_of_each_stratum_to_within_one_row(strata, fractions, seed):
    parts = split_or_skip(strata, fractions, seed)
    for stratum in np.unique(strata):
        size = (strata == stratum).sum()
        for name, share in fractions.items():
            count = (strata[parts[name]] == stratum).sum()
            assert abs(count - share * size) <= 1 + 1e-9


@given(STRATA, SEEDS)
def test_the_same_seed_gives_the_same_parts(strata, seed):
    first, second = (split(strata, THIRDS, seed) for _ in range(2))
    for name in THIRDS:
        np.testing.assert_array_equal(first[name], second[name])


def test_another_seed_gives_other_parts():
    strata = np.zeros(1000, dtype=np.int8)
    first, second = (split(strata, THIRDS, seed)["test"] for seed in (0, 1))
    assert len(np.intersect1d(first, second)) < 100


def test_every_row_is_as_likely_in_each_part():
    strata = np.repeat([0, 1, 2], [1, 4, 15])
    draws = 4000
    counts = np.zeros(len(strata))
    for seed in range(draws):
        counts[split(strata, {"a": 0.7, "b": 0.3}, seed)["a"]] += 1
    error = 4 * np.sqrt(0.7 * 0.3 / draws)
    np.testing.assert_allclose(counts / draws, 0.7, atol=error)


def test_many_strata_of_one_row_do_not_all_fall_to_one_part():
    parts = split(np.arange(10_000), THIRDS, seed=0)
    sizes = np.array([len(part) for part in parts.values()]) / 10_000
    np.testing.assert_allclose(sizes, list(THIRDS.values()), atol=0.02)


def test_unsigned_codes_are_codes_too():
    strata = np.array([0, 255] * 50, dtype=np.uint8)
    parts = split(strata, {"a": 0.5, "b": 0.5}, seed=0)
    assert np.bincount(strata[parts["a"]])[[0, 255]].tolist() == [25, 25]


@pytest.mark.parametrize(
    "fractions", [{}, {"a": 0.5, "b": 0.6}, {"a": 1.5, "b": -0.5}, {"a": float("nan")}, {"a": 0.9}]
)
def test_fractions_that_are_not_positive_with_sum_one_are_refused(fractions):
    with pytest.raises(DataError, match=r"^fractions: .*sum 1"):
        split(np.zeros(10, dtype=int), fractions, seed=0)


@pytest.mark.parametrize(
    "strata", [np.array([]), np.array([], dtype=int), np.zeros((2, 2), dtype=int), np.array(["a"])]
)
def test_strata_that_are_no_vector_of_codes_are_refused(strata):
    with pytest.raises(DataError, match=r"^strata: "):
        split(strata, THIRDS, seed=0)


def test_an_empty_part_is_refused_by_name():
    with pytest.raises(DataError, match="would be empty"):
        split(np.zeros(2, dtype=int), THIRDS, seed=0)


def test_a_negative_seed_is_refused():
    with pytest.raises(DataError, match=r"^seed: given -1"):
        split(np.zeros(9, dtype=int), THIRDS, seed=-1)
