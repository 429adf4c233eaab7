"""Columns as levels, and values taken back from the rows that have them."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest

from equipoise.data import DataError
from equipoise.repair.coding import code_column, follows
from equipoise.repair.donors import Donors


def coded(values, bins=4, **kwargs):
    return code_column("c", pa.chunked_array([pa.array(values, **kwargs)]), bins)


def test_texts_are_levels_in_their_order():
    found = coded(["b", "a", "b", None])
    assert found.names == ("a", "b", "(missing)")
    assert found.codes.tolist() == [1, 0, 1, 2]
    assert found.attribute.categorical


def test_a_few_numbers_stay_numbers():
    found = coded([5, 0, 0, 2])
    assert found.codes.tolist() == [2, 0, 0, 1]
    assert found.attribute.values[:, 0].tolist() == [0, 2, 5]


def test_numbers_some_of_which_are_missing_are_categories():
    found = coded([5.0, None, 0.0, 2.0])
    assert found.names == ("0", "2", "5", "(missing)")
    assert found.codes.tolist() == [2, 3, 0, 1]
    assert found.values is None


@pytest.mark.parametrize("missing", [0, 7])
def test_many_numbers_fall_into_intervals_of_about_equal_counts(missing):
    values = np.random.default_rng(0).normal(size=1000)
    found = coded([*values, *[None] * missing], bins=5)
    counts = np.bincount(found.codes[:1000])
    assert len(counts) == 5
    assert counts.min() >= 190
    assert len(found.names) == 5 + bool(missing)
    assert (found.codes[1000:] == 5).all()
    top = [values[found.codes[:1000] == b].max() for b in range(4)]
    low = [values[found.codes[:1000] == b].min() for b in range(1, 5)]
    assert (np.array(top) < low).all()


@pytest.mark.parametrize("most", [0.0, 50.0, 101.0])
@pytest.mark.parametrize("rows", [900, 9000])
def test_a_number_that_most_rows_have_is_an_interval_and_leaves_others_to_the_rest(most, rows):
    values = np.append(np.full(rows, most), np.delete(np.arange(102.0), int(most)))
    found = coded(values, bins=10)
    counts = np.bincount(found.codes, minlength=len(found.names))
    assert found.names[counts.argmax()] == f"{most:g}"
    assert counts.max() == rows
    assert counts.min() > 0
    if most == 0:
        assert np.ptp(np.delete(counts, counts.argmax())) <= 1
        assert len(counts) == 10


def test_intervals_say_which_numbers_they_hold():
    assert coded([0, 0, 0, 0, 1, 2, 3, 4, 5, 6], bins=3).names == (
        "0",
        "1 to below 4",
        "4 and above",
    )


def test_dates_booleans_and_categories_are_levels():
    assert coded([dt.date(2020, 1, 2), dt.date(2019, 1, 2)]).codes.tolist() == [1, 0]
    assert coded([True, False, True]).names == ("False", "True")
    dictionary = pa.array(["x", "y", "x"]).dictionary_encode()
    assert code_column("c", pa.chunked_array([dictionary]), 4).names == ("x", "y")


def test_a_column_of_nothing_is_one_level():
    assert coded([None, None]).names == ("(missing)",)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ([[1], [2]], "has no levels"),
        ([str(i) for i in range(501)], "501 distinct"),
        ([1.0, np.inf], "infinite"),
    ],
)
def test_columns_without_levels_are_refused(values, says):
    with pytest.raises(DataError, match=f"'c'.*{says}"):
        coded(values)


def test_a_column_follows_codes_that_determine_it():
    codes = np.array([0, 1, 2, 0])
    assert follows(coded(["a", "b", "a", "a"]), codes)
    assert not follows(coded(["a", "b", "a", "b"]), codes)


def test_donors_have_the_level_and_come_as_often_as_they_weigh():
    codes = np.array([0, 1, 1, 0, 1])
    weights = np.array([1.0, 3.0, 1.0, 1.0, 0.0])
    drawn = Donors(codes, 2, weights).draw(np.repeat([0, 1], 20_000), np.random.default_rng(0))
    counts = np.bincount(drawn, minlength=5)
    assert counts[4] == 0
    assert abs(counts[0] - 10_000) < 400
    assert abs(counts[1] - 15_000) < 400
    assert counts[[0, 3]].sum() == counts[[1, 2]].sum() == 20_000


def test_dates_of_which_there_are_many_fall_into_intervals():
    days = [dt.date(2020, 1, 1) + dt.timedelta(days=i) for i in range(100)]
    found = coded(days, bins=4)
    assert np.bincount(found.codes).tolist() == [25] * 4
    assert found.names[1] == "2020-01-26 to below 2020-02-20"
    moments = [dt.datetime(2020, 1, 1) + dt.timedelta(hours=i) for i in range(100)]
    hours = coded([*moments, None], bins=4)
    assert (hours.codes[:100] == found.codes).all()
    assert hours.names[1] == "2020-01-02 01:00:00 to below 2020-01-03 02:00:00"
    fine = pa.timestamp("ns", "UTC")  # as pandas has them
    assert (coded(moments, bins=4, type=fine).codes == found.codes).all()


def test_texts_that_tell_rows_apart_are_refused():
    with pytest.raises(DataError, match=r"'c' has 80 distinct values in 100 rows.*--drop"):
        coded([f"row {i % 80}" for i in range(100)])
    assert len(coded([f"kind {i % 40}" for i in range(50)]).names) == 40
