"""The fingerprint tells contents apart and is blind to how they are stored."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipoise.data import DataError, Dataset, read_table
from equipoise.data.fingerprint import Fingerprint
from equipoise.data.read import write_table

CONTENT = {
    "age": [19, 25, 40, 60],
    "hours": [10.5, None, 38.25, 0.5],
    "town": ["Bär", None, "", "Ulm"],
    "member": [True, False, True, True],
    "since": [dt.date(2020, 1, 31), dt.date(1999, 5, 1), None, dt.date(1970, 1, 1)],
    "sex": ["f", "m", "f", "m"],
    "hired": ["no", "yes", "no", "yes"],
}


def fingerprint(table, **roles):
    roles = {"target": "hired", "sensitive": ["sex"], **roles}
    return Dataset.from_table(table, **roles).fingerprint


def of_table(table):
    hashed = Fingerprint()
    hashed.table("t", table)
    return hashed.hexdigest()


REFERENCE = fingerprint(pa.table(CONTENT))


def test_it_is_sixty_four_hexadecimal_digits_and_known_once_computed():
    dataset = Dataset.from_table(pa.table(CONTENT), target="hired", sensitive=["sex"])
    assert len(dataset.fingerprint) == 64
    assert int(dataset.fingerprint, 16) >= 0
    assert dataset.fingerprint is dataset.fingerprint


def test_pandas_polars_and_pyarrow_give_the_same():
    frame = pd.DataFrame({**CONTENT, "hours": [10.5, np.nan, 38.25, 0.5]}, index=[4, 3, 2, 1])
    assert fingerprint(pl.DataFrame(CONTENT)) == REFERENCE
    assert fingerprint(frame) == REFERENCE


def test_chunks_slices_categories_and_narrow_numbers_do_not_change_it():
    table = pa.table(CONTENT)
    town = table.column_names.index("town")
    assert fingerprint(pa.concat_tables([table.slice(0, 3), table.slice(3)])) == REFERENCE
    assert fingerprint(pa.concat_tables([table, table]).slice(4)) == REFERENCE
    encoded = table.set_column(town, "town", table["town"].dictionary_encode())
    assert fingerprint(encoded) == REFERENCE
    assert fingerprint(table.set_column(0, "age", table["age"].cast(pa.int8()))) == REFERENCE
    assert fingerprint(pl.DataFrame(CONTENT).cast({"town": pl.Categorical})) == REFERENCE


def test_units_of_time_and_widths_of_text_and_floats_are_storage():
    moments = pa.array([dt.datetime(2020, 1, 31, 12), None], pa.timestamp("ms"))
    halves = pa.array([0.5, None])
    texts = pa.array(["a", None])
    table = pa.table({"t": moments, "h": halves, "s": texts})
    stored_otherwise = pa.table(
        {
            "t": moments.cast(pa.timestamp("ns")),
            "h": halves.cast(pa.decimal128(5, 2)),
            "s": texts.cast(pa.string_view()),
        }
    )
    assert of_table(table) == of_table(stored_otherwise)
    narrow = pa.array(np.array([0.5, np.nan], dtype=np.float16))
    assert of_table(pa.table({"h": narrow})) == of_table(pa.table({"h": halves}))
    later = table.set_column(0, "t", pa.array([dt.datetime(2020, 1, 31, 13), None]))
    assert of_table(table) != of_table(later)


def test_a_column_without_any_value_is_content():
    empty = pa.nulls(2)
    assert of_table(pa.table({"a": [1, 2], "b": empty})) != of_table(pa.table({"a": [1, 2]}))


def test_neither_the_name_nor_a_copy_changes_it():
    dataset = Dataset.from_table(pa.table(CONTENT), target="hired", sensitive=["sex"], name="b")
    assert dataset.take(np.arange(4)).fingerprint == REFERENCE


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".tsv", ".parquet"])
def test_csv_and_parquet_of_the_same_types_give_the_same(tmp_path, suffix):
    # An empty text is a missing one in CSV.
    content = {**CONTENT, "town": ["Bär", None, "Köln", "Ulm"]}
    path = tmp_path / f"people{suffix}"
    write_table(pa.table(content), path)
    assert fingerprint(read_table(path)) == fingerprint(pa.table(content))


@pytest.mark.parametrize(
    "change",
    [
        {"age": [19, 25, 40, 61]},
        {"age": [19.0, 25.0, 40.0, 60.0]},
        {"age": [19, 25, 40, None]},
        {"hours": [10.5, 0.0, 38.25, 0.5]},
        {"town": ["Bär", "", "", "Ulm"]},
        {"town": ["Bä", None, "r", "Ulm"]},
        {"member": [True, False, True, False]},
        {"sex": ["f", "m", "m", "m"]},
        {"hired": ["no", "no", "no", "yes"]},
        {"hired": ["No", "yes", "No", "yes"]},
        {"more": [1, 2, 3, 4]},
    ],
    ids=str,
)
def test_any_change_of_content_changes_it(change):
    assert fingerprint(pa.table({**CONTENT, **change})) != REFERENCE


def test_roles_names_and_order_are_content():
    table = pa.table(CONTENT)
    names = table.column_names
    others = [
        fingerprint(table.rename_columns(["Age", *names[1:]])),
        fingerprint(table.select([names[1], names[0], *names[2:]])),
        fingerprint(table, keep_sensitive=True),
        fingerprint(table, positive="no"),
        fingerprint(table, weights="age"),
        fingerprint(table, drop=["age"]),
        fingerprint(table.take([1, 0, 2, 3])),
    ]
    assert len({REFERENCE, *others}) == 8


def test_what_has_no_canonical_form_is_refused():
    with pytest.raises(DataError, match="column 'a' holds list"):
        of_table(pa.table({"a": [[1]]}))


@given(st.lists(st.one_of(st.none(), st.text(max_size=5)), min_size=1), st.integers(0, 30))
def test_texts_hash_by_value_however_they_are_cut_into_chunks(texts, cut):
    whole = pa.table({"a": pa.array(texts, pa.string())})
    parts = pa.concat_tables([whole.slice(0, cut), whole.slice(cut)])
    wide = whole.cast(pa.schema({"a": pa.large_string()}))
    assert of_table(whole) == of_table(parts) == of_table(wide)


ROWS = st.lists(st.one_of(st.none(), st.text(alphabet="ab", max_size=2)), max_size=3)


@given(ROWS, ROWS)
def test_different_texts_have_different_hashes(one, other):
    hashes = [of_table(pa.table({"a": pa.array(x, pa.string())})) for x in (one, other)]
    assert (hashes[0] == hashes[1]) == (one == other)
