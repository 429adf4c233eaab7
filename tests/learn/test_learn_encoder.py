"""Tables of any library become the same features; what cannot is refused by name."""

from __future__ import annotations

import datetime as dt
import json
import math

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.learn import TableEncoder

LIBRARIES = {
    "pandas": pd.DataFrame,
    "polars": lambda columns: pl.DataFrame(columns, strict=False),
    "pyarrow": pa.table,
    "pyarrow in chunks": lambda columns: pa.concat_tables(
        [pa.table(columns).slice(0, 3), pa.table(columns).slice(3)]
    ),
}


def fit(table):
    return TableEncoder.fit(nw.from_native(table, eager_only=True))


def encode(encoder, table):
    return encoder.transform(nw.from_native(table, eager_only=True))


def features(column, later=None, make=pd.DataFrame):
    """The features of one column, learnt from it and computed on it or on a later one."""
    encoder = fit(make({"a": column}))
    return encode(encoder, make({"a": column if later is None else later}))


MIXED = {
    "age": [31.0, None, 54.0, 22.5, 40.0, None],
    "children": [0, 2, 1, 0, 0, 3],
    "job": ["clerk", "nurse", None, "clerk", "", "nurse"],
    "owner": [True, False, True, True, False, False],
    "insured": [True, None, True, False, None, False],
}


def test_every_library_gives_the_same_features():
    encoded = {name: encode(fit(make(MIXED)), make(MIXED)) for name, make in LIBRARIES.items()}
    for name in LIBRARIES:
        np.testing.assert_array_equal(encoded[name], encoded["pyarrow"], err_msg=name)


def test_a_model_learnt_with_one_library_reads_the_tables_of_another():
    encoder = fit(pd.DataFrame(MIXED))
    for make in LIBRARIES.values():
        np.testing.assert_array_equal(
            encode(encoder, make(MIXED)), encode(encoder, pd.DataFrame(MIXED))
        )


number = st.one_of(st.none(), st.floats(-1e6, 1e6).map(lambda x: round(x, 6)), st.just(math.nan))
numbers = st.lists(number, min_size=2, max_size=30).filter(
    lambda column: any(x is not None and not math.isnan(x) for x in column)
)


@settings(deadline=None, max_examples=60)
@given(numbers)
def test_numbers_are_filled_with_the_median_then_standardised(column):
    values = np.array([math.nan if x is None else x for x in column])
    there = values[~np.isnan(values)]
    filled = np.where(np.isnan(values), np.median(there), values)
    encoded = features(column, make=lambda c: pa.table({"a": pa.array(c["a"], pa.float64())}))
    if np.ptp(filled) > 1e-9 * np.abs(filled).max():
        standard = (filled - filled.mean()) / filled.std()
        np.testing.assert_allclose(encoded[:, 0], standard, rtol=1e-5, atol=1e-5)
    else:
        np.testing.assert_allclose(encoded[:, 0], 0, atol=1e-2)
    if np.isnan(values).any():
        np.testing.assert_array_equal(encoded[:, 1], np.isnan(values))
    else:
        assert encoded.shape[1] == 1


texts = st.lists(
    st.one_of(st.none(), st.sampled_from(["", "a", "b", "ß", "nan", "None", "a b"])),
    min_size=1,
    max_size=40,
).filter(any)


@settings(deadline=None, max_examples=60)
@given(texts)
def test_a_category_has_one_feature_that_is_one(column):
    encoder = fit(pa.table({"a": pa.array(column, pa.string())}))
    encoded = encode(encoder, pa.table({"a": pa.array(column, pa.string())}))
    names = encoder.feature_names
    for value, row in zip(column, encoded, strict=True):
        assert row.sum() == 1
        held = names[row.argmax()]
        assert held in ({"a is missing"} if value is None else {f"a = {value}", "a is rare"})


@settings(deadline=None, max_examples=60)
@given(numbers, texts)
def test_what_was_learnt_goes_through_json_exactly(numbers, texts):
    n = min(len(numbers), len(texts))
    table = pa.table(
        {"x": pa.array([*numbers[:n], 1.0], pa.float64()), "c": pa.array([*texts[:n], "a"])}
    )
    encoder = fit(table)
    back = TableEncoder.from_list(json.loads(json.dumps(encoder.to_list(), allow_nan=False)))
    assert back.columns == encoder.columns
    np.testing.assert_array_equal(encode(back, table), encode(encoder, table))


def test_features_are_named():
    assert fit(pd.DataFrame(MIXED)).feature_names == [
        "age",
        "age is missing",
        "children",
        "job = clerk",
        "job = nurse",
        "job is rare",
        "job is missing",
        "owner",
        "insured",
        "insured is missing",
    ]


def test_a_number_first_missing_later_is_the_median():
    encoded = features([1.0, 2.0, 6.0], [math.nan, 2.0])
    assert encoded[0, 0] == encoded[1, 0]


@pytest.mark.parametrize("make", LIBRARIES.values(), ids=LIBRARIES)
@pytest.mark.parametrize("column", [[1.5, 2.0, 4.0, 5.0], [1, 2, 3, 5], [True, False, True, False]])
def test_a_column_of_numbers_may_be_missing_throughout_later(make, column):
    encoded = features(column, [None] * 4, make)
    expected = (np.median(column) - np.mean(column)) / np.std(column)
    np.testing.assert_allclose(encoded, np.full((4, 1), expected), atol=1e-6)


def test_truth_values_with_gaps_are_read_where_they_were_learnt_without():
    # pandas keeps a column of booleans with gaps as objects.
    np.testing.assert_array_equal(
        features([True, False, True, False], [True, None, False]), [[1], [0], [-1]]
    )


def test_objects_that_are_all_numbers_are_numbers():
    encoded = features(pd.Series([1, 2, 3], dtype=object))
    np.testing.assert_array_equal(encoded, features([1, 2, 3]))


def test_polars_nan_and_null_are_both_missing():
    encoded = features([1.0, math.nan, None, 3.0], make=pl.DataFrame)
    assert encoded[:, 1].tolist() == [0, 1, 1, 0]


@pytest.mark.parametrize("n", [1, 10, 11, 13, 1000])
@pytest.mark.parametrize("value", [0.0, 0.1, -7.3, 1e12, 3])
def test_a_constant_column_is_nought_and_a_later_value_stays_within_reason(value, n):
    # The computed deviation of a constant may be 1e-17 instead of 0, and dividing by it would
    # make a giant of any other value.
    np.testing.assert_allclose(features([value] * n, [value, value + 1])[:, 0], [0, 1], atol=1e-3)


def test_rare_categories_share_a_feature():
    column = ["a"] * 20 + ["b"] * 10 + ["c"] * 9 + ["d"]
    encoder = fit(pd.DataFrame({"a": column}))
    assert encoder.feature_names == ["a = a", "a = b", "a is rare"]
    encoded = encode(encoder, pd.DataFrame({"a": ["c", "d", "never seen"]}))
    np.testing.assert_array_equal(encoded, [[0, 0, 1]] * 3)


def test_an_unseen_category_is_none_of_the_known_where_none_was_rare():
    assert features(["a", "b"] * 10, ["z", "a"]).tolist() == [[0, 0], [1, 0]]


def test_a_missing_category_is_none_of_the_known_where_none_was_missing():
    assert features(["a", "b"] * 10, [None, "a"]).tolist() == [[0, 0], [1, 0]]


def test_a_missing_category_is_not_a_rare_one():
    column = ["a"] * 20 + ["b"] * 3
    assert features(column, [None, "b"]).tolist() == [[0, 0], [0, 1]]


def test_at_most_forty_categories_get_a_feature_and_the_most_frequent_do():
    column = [f"c{i:02}" for i in range(60) for _ in range(10 + i)]
    encoder = fit(pd.DataFrame({"a": column}))
    names = [f"a = c{i:02}" for i in range(20, 60)]
    assert encoder.feature_names == [*names, "a is rare"]


def test_in_a_small_table_the_most_frequent_categories_count_as_frequent():
    encoder = fit(pd.DataFrame({"a": ["x", "x", "y", "y", "z"]}))
    assert encoder.feature_names == ["a = x", "a = y", "a is rare"]


CATEGORICAL = {
    "pandas": pd.DataFrame({"a": pd.Categorical(["u", "v", "u", None])}),
    "pandas string": pd.DataFrame({"a": pd.array(["u", "v", "u", None], dtype="string")}),
    "polars": pl.DataFrame({"a": pl.Series(["u", "v", "u", None], dtype=pl.Categorical)}),
    "polars enum": pl.DataFrame({"a": pl.Series(["u", "v", "u", None], dtype=pl.Enum(["v", "u"]))}),
    "pyarrow": pa.table({"a": pa.array(["u", "v", "u", None]).dictionary_encode()}),
    "pyarrow in chunks": pa.table(
        {
            "a": pa.chunked_array(
                [pa.array(x).dictionary_encode() for x in (["u", "v"], ["u", None])]
            )
        }
    ),
}


@pytest.mark.parametrize("kind", CATEGORICAL)
def test_categorical_types_are_categories(kind):
    expected = features(["u", "v", "u", None])
    np.testing.assert_array_equal(encode(fit(CATEGORICAL[kind]), CATEGORICAL[kind]), expected)


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame({"a": pd.array([1, None, 3], dtype="Int64")}),
        pl.DataFrame({"a": pl.Series([1, None, 3], dtype=pl.Int8)}),
        pl.DataFrame({"a": pl.Series(["1.0", None, "3.0"]).cast(pl.Decimal(10, 2))}),
        pa.table({"a": pa.array([1, None, 3], pa.uint64())}),
        pa.table({"a": pa.array([1, None, 3], pa.float32())}),
    ],
    ids=["pandas Int64", "polars Int8", "Decimal", "uint64", "float32"],
)
def test_numeric_types_are_numbers(table):
    np.testing.assert_array_equal(encode(fit(table), table), features([1.0, None, 3.0]))


def test_columns_are_found_by_name_in_any_order_and_others_are_left_alone():
    encoder, table = fit(pd.DataFrame(MIXED)), pd.DataFrame(MIXED)
    other = table[table.columns[::-1]].assign(extra="anything")
    np.testing.assert_array_equal(encode(encoder, other), encode(encoder, table))


def test_names_that_are_numbers_are_read_as_text():
    table = pd.DataFrame(np.arange(6.0).reshape(3, 2))
    encoder = TableEncoder.from_list(json.loads(json.dumps(fit(table).to_list())))
    assert encoder.feature_names == ["0", "1"]
    np.testing.assert_array_equal(encode(encoder, table), encode(fit(table), table))


def test_a_table_without_rows_has_features_without_rows():
    table = pd.DataFrame(MIXED)
    assert encode(fit(table), table.iloc[:0]).shape == (0, 10)


def test_features_are_finite_single_precision():
    encoded = encode(fit(pd.DataFrame(MIXED)), pd.DataFrame(MIXED))
    assert encoded.dtype == np.float32
    assert np.isfinite(encoded).all()


DATES = [dt.date(2020, 1, 1), dt.date(2021, 1, 1)]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (pd.DataFrame({"a": [1.0, math.inf]}), "column 'a' holds 1 infinite values"),
        (pl.DataFrame({"a": [1.0, -math.inf]}), "column 'a' holds 1 infinite values"),
        (pd.DataFrame({"a": [math.nan] * 2}), "column 'a' holds no value at all"),
        (pd.DataFrame({"a": [None] * 2}), "column 'a' holds no value at all"),
        (pl.DataFrame({"a": [None] * 2}), "column 'a' holds no value at all"),
        (pl.DataFrame({"a": [None] * 2}, schema={"a": pl.String}), "column 'a' holds no value"),
        (pd.DataFrame({"a": pd.to_datetime(DATES)}), "column 'a' holds timestamp"),
        (pd.DataFrame({"a": DATES}), "column 'a' holds date"),
        (pl.DataFrame({"a": DATES}), "column 'a' holds date"),
        (pd.DataFrame({"a": pd.Categorical(pd.to_datetime(DATES))}), "column 'a' holds timestamp"),
        (pl.DataFrame({"a": [[1], [2]]}), "column 'a' holds .*list"),
        (pl.DataFrame({"a": [{"x": 1}, {"x": 2}]}), "column 'a' holds struct"),
        (pd.DataFrame({"a": [1, "u"]}), "column 'a' mixes types"),
        (pd.DataFrame({"a": [b"\xff", b"\xfe"]}), "column 'a' holds binary"),
        (pd.DataFrame({"a": [1e300, -1e300]}), "column 'a' holds numbers too large"),
        (pd.DataFrame(index=range(3)), "no columns"),
    ],
)
def test_what_cannot_be_learnt_from_is_refused_by_name(table, message):
    with pytest.raises(ValueError, match=message):
        fit(table)


@pytest.mark.parametrize(
    ("later", "message"),
    [
        ({"b": [1.0]}, r"lacks the columns \['a'\]; it has \['b'\]"),
        ({"a": ["u"]}, "column 'a' holds .*string where numbers were learnt from"),
        ({"a": [math.inf]}, "column 'a' holds 1 infinite values"),
        ({"a": [1e300]}, r"column 'a' holds 1e\+300, too far from the numbers learnt from"),
    ],
)
def test_what_does_not_fit_what_was_learnt_is_refused_by_name(later, message):
    encoder = fit(pd.DataFrame({"a": [1.0, 2.0]}))
    with pytest.raises(ValueError, match=message):
        encode(encoder, pd.DataFrame(later))
