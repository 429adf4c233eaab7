"""A column of any library becomes integer codes, and nothing is lost or guessed on the way."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.codes import encode

a_few = settings(deadline=None, max_examples=50, derandomize=True)

COLUMNS = {
    "words": ["pear", "apple", "fig", "apple", ""],
    "small": [3, -2, 3, 0, 1],
    "wide": [2**40, -(2**40), 7, 2**40, 0],
    "flags": [True, False, True, True, False],
    "parts": [0.5, -1.25, 0.5, 3.0, 0.0],
    "wholes": [1.0, 0.0, 1.0, 2.0, 0.0],
}

CONTAINERS = {
    "list": list,
    "numpy": np.array,
    "numpy-object": lambda v: np.array(v, object),
    "pandas": pd.Series,
    "pandas-object": lambda v: pd.Series(v, dtype=object),
    "pandas-nullable": lambda v: pd.Series(v).convert_dtypes(),
    "pandas-category": lambda v: pd.Series(v, dtype="category"),
    "pandas-arrow": lambda v: pd.Series(v, dtype=pd.ArrowDtype(pa.array(v).type)),
    "polars": pl.Series,
    "pyarrow": pa.array,
    "pyarrow-chunked": lambda v: pa.chunked_array([v[:2], v[2:]]),
    "pyarrow-dictionary": lambda v: pa.array(v).dictionary_encode(),
}


def decoded(column):
    codes, levels = encode(column, "column")
    assert codes.dtype == np.int64
    return [levels[c] for c in codes]


@pytest.mark.parametrize("container", CONTAINERS.values(), ids=CONTAINERS)
@pytest.mark.parametrize("values", COLUMNS.values(), ids=COLUMNS)
def test_levels_of_the_codes_give_the_values_back_in_every_container(container, values):
    assert decoded(container(values)) == values


@pytest.mark.parametrize("container", CONTAINERS.values(), ids=CONTAINERS)
@pytest.mark.parametrize("values", COLUMNS.values(), ids=COLUMNS)
def test_levels_are_the_distinct_values_sorted(container, values):
    assert list(encode(container(values), "column").levels) == sorted(set(values))


@pytest.mark.parametrize("container", CONTAINERS.values(), ids=CONTAINERS)
def test_levels_are_plain_python_scalars_of_the_same_type_whatever_the_container(container):
    kinds = {
        name: {type(v) for v in encode(container(values), "column").levels}
        for name, values in COLUMNS.items()
    }
    assert kinds == {
        "words": {str},
        "small": {int},
        "wide": {int},
        "flags": {bool},
        "parts": {float},
        "wholes": {int},
    }


def test_a_tensor_with_a_gradient_is_a_column():
    assert decoded(torch.tensor([1.0, 0.0, 1.0], requires_grad=True)) == [1, 0, 1]


@a_few
@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1))
def test_any_signed_integers_survive(values):
    assert decoded(np.array(values, np.int64)) == values


@a_few
@given(st.lists(st.integers(0, 2**64 - 1), min_size=1))
def test_any_unsigned_integers_survive(values):
    assert decoded(np.array(values, np.uint64)) == values


def test_unsigned_integers_close_together_beyond_the_signed_ones_survive():
    values = [2**63 + 1, 2**64 - 1, 2**63]
    assert decoded(np.array(values, np.uint64)) == values
    assert decoded(np.array(values[::2], np.uint64)) == values[::2]


@a_few
@given(st.lists(st.integers(-(2**80), 2**80), min_size=1))
def test_a_list_of_integers_of_any_size_survives(values):
    assert decoded(values) == values


@a_few
@given(st.integers(-(2**63), 2**63 - 101), st.lists(st.integers(0, 100), min_size=1))
def test_integers_close_together_survive_wherever_they_lie(start, offsets):
    values = [start + offset for offset in offsets]
    assert decoded(np.array(values, np.int64)) == values


@a_few
@given(st.lists(st.floats(allow_nan=False), min_size=1))
def test_any_floats_survive(values):
    assert decoded(np.array(values)) == values


@a_few
@given(st.lists(st.text(), min_size=1))
def test_any_text_survives(values):
    assert decoded(values) == values


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "uint32", "int32"])
def test_the_ends_of_a_narrow_integer_type_do_not_wrap_round(dtype):
    ends = [np.iinfo(dtype).max, np.iinfo(dtype).min, np.iinfo(dtype).max]
    assert decoded(np.array(ends, dtype)) == ends


def test_a_level_that_first_shows_after_many_rows_is_seen():
    column = np.zeros(70_000, np.int64)
    column[::2] = 3
    column[-1] = 2
    assert encode(column, "column").levels == (0, 2, 3)


def test_a_strided_view_is_read_as_it_looks():
    table = np.array([[5, 0], [6, 0], [5, 1]], np.uint8)
    assert decoded(table[::-1, 0]) == [5, 6, 5]


def test_a_read_only_column_is_neither_refused_nor_changed():
    column = np.array([4, 2, 4])
    column.flags.writeable = False
    assert decoded(column) == [4, 2, 4]


@pytest.mark.parametrize("values", [[], np.array([], object), np.array([], bool), pl.Series([])])
def test_a_column_without_rows_has_no_levels(values):
    codes, levels = encode(values, "column")
    assert (len(codes), levels) == (0, ())


def test_intervals_that_pandas_cuts_numbers_into_are_levels_in_their_order():
    ages = pd.cut(pd.Series([44, 7, 71]), [0, 18, 60, 99])
    codes, levels = encode(ages, "age")
    assert [str(level) for level in levels] == ["(0, 18]", "(18, 60]", "(60, 99]"]
    assert codes.tolist() == [1, 0, 2]


MISSING = {
    "list-none": ["f", None],
    "list-nan-among-text": ["f", float("nan")],
    "list-nan": [1.0, float("nan")],
    "numpy-nan": np.array([1.0, np.nan]),
    "numpy-object": np.array(["f", np.nan], object),
    "numpy-masked": np.ma.array([1, 2], mask=[False, True]),
    "numpy-time": np.array(["2020-01-01", "NaT"], "M8[D]"),
    "pandas-text": pd.Series(["f", None]),
    "pandas-nullable": pd.Series([1, None], dtype="Int64"),
    "pandas-boolean": pd.Series([True, None], dtype="boolean"),
    "pandas-category": pd.Series(["f", None], dtype="category"),
    "pandas-intervals": pd.cut(pd.Series([5, 200]), [0, 99]),
    "polars-text": pl.Series(["f", None]),
    "polars-integer": pl.Series([1, None]),
    "polars-boolean": pl.Series([True, None]),
    "pyarrow-text": pa.array(["f", None]),
    "pyarrow-integer": pa.array([1, None]),
    "torch": torch.tensor([1.0, float("nan")]),
}


@pytest.mark.parametrize("column", MISSING.values(), ids=MISSING)
def test_missing_values_are_refused_with_the_argument_and_their_number(column):
    with pytest.raises(ValueError, match=r"^age has 1 missing values in 2 rows"):
        encode(column, "age")


@pytest.mark.parametrize("values", [["f", 1], ["f", True], np.array(["f", 1], object)])
def test_values_that_have_no_order_are_refused_and_not_turned_into_text(values):
    with pytest.raises(ValueError, match=r"^sex mixes types that cannot be compared"):
        encode(values, "sex")


@pytest.mark.parametrize("values", [np.zeros((3, 2)), "female", None, 3])
def test_what_is_not_one_column_is_refused_with_its_shape(values):
    with pytest.raises(ValueError, match=r"^sex must be one column of n values, but has shape \("):
        encode(values, "sex")


def test_a_matrix_of_one_column_is_a_column():
    assert decoded(np.array([["f"], ["m"]])) == ["f", "m"]


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["b", "a", "b"]),
        pa.array(["b", "a", "b"], pa.large_string()),
        pa.array(["b", "a", "b"]).dictionary_encode(),
        pa.chunked_array([["b"], ["a", "b"]]).dictionary_encode(),
        pa.chunked_array(
            [pa.array(["b"]).dictionary_encode(), pa.array(["a", "b"]).dictionary_encode()]
        ),
        pa.DictionaryArray.from_arrays([2, 1, 2], ["never", "a", "b"]),
        pd.Categorical(["b", "a", "b"], categories=["b", "x", "a"]),
        pd.Series(pd.Categorical(["b", "a", "b"])),
        pd.Series(["b", "a", "b"]),
        pl.Series(["b", "a", "b"]),
        pl.Series(["b", "a", "b"], dtype=pl.Categorical),
        pl.Series(["b", "a", "b"], dtype=pl.Enum(["a", "b", "c"])),
    ],
)
def test_text_is_coded_alike_whatever_holds_it(column):
    found = encode(column, "group")
    assert found.levels == ("a", "b")
    assert found.codes.tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["b", None]),
        pa.array(["b", None]).dictionary_encode(),
        pa.DictionaryArray.from_arrays([0, 1], pa.array(["b", None])),
        pd.Categorical(["b", None]),
        pl.Series(["b", None], dtype=pl.Categorical),
    ],
)
def test_missing_text_is_counted_whatever_holds_it(column):
    with pytest.raises(ValueError, match="1 missing values in 2 rows"):
        encode(column, "group")


def test_categories_of_numbers_are_numbers():
    assert encode(pd.Categorical([3, 1, 3]), "group").levels == (1, 3)
