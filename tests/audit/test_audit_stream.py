"""Rows that pass by once are audited as rows in memory are."""

from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import equipoise.audit.stream as stream
import equipoise.data.blocks as blocks
from equipoise.audit import audit_stream, audit_table
from equipoise.data import DataError


def rows(n=3000, seed=0):
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "y": random.integers(0, 2, n),
            "p": random.integers(0, 2, n),
            # In order, so that most blocks have one group only.
            "race": np.sort(random.choice(["a", "b", "c"], n)),
            "age": random.integers(18, 80, n),
            "unused": random.normal(size=n),
        }
    )


COLUMNS = {"label": "y", "prediction": "p", "sensitive": ["race", "age:30,60"]}


def same(one, other):
    return one.to_dict() == other.to_dict()


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(blocks, "_ROWS", 100)
    monkeypatch.setattr(blocks, "_BYTES", 2000)
    monkeypatch.setattr(stream, "_HELD", 50)


@pytest.mark.parametrize("kind", ["parquet", "csv", "tsv", "csv.gz"])
def test_a_file_is_audited_block_by_block(tmp_path, kind):
    table, path = rows(), tmp_path / f"rows.{kind}"
    if kind == "parquet":
        pq.write_table(pa.Table.from_pandas(table), path, row_group_size=500)
    else:
        text = table.to_csv(index=False, sep="\t" if kind == "tsv" else ",")
        content = text.encode()
        path.write_bytes(gzip.compress(content) if kind.endswith("gz") else content)
    assert same(audit_stream(path, **COLUMNS), audit_table(table, **COLUMNS))


def test_whatever_hands_out_arrow_batches_is_audited():
    table = rows()
    arrow = pa.Table.from_pandas(table)
    reader = pa.RecordBatchReader.from_batches(arrow.schema, arrow.to_batches(200))
    assert same(audit_stream(reader, **COLUMNS), audit_table(table, **COLUMNS))


@pytest.mark.parametrize("library", [pd.DataFrame, pl.DataFrame, pa.Table.from_pandas])
def test_tables_one_after_another_are_audited_as_one(library):
    table = rows()
    parts = (library(table[start : start + 250]) for start in range(0, 3000, 250))
    assert same(audit_stream(parts, **COLUMNS), audit_table(table, **COLUMNS))


def test_a_table_in_memory_is_a_stream_of_one_block():
    assert same(audit_stream(rows(), **COLUMNS), audit_table(rows(), **COLUMNS))


def test_categories_whose_codes_differ_between_blocks_are_told_by_value():
    parts = [
        pd.DataFrame({"y": [0, 1], "p": [1, 1], "g": pd.Categorical(["b", "a"])}),
        pd.DataFrame({"y": [0, 1], "p": [0, 1], "g": pd.Categorical(["c", "b"])}),
    ]
    found = audit_stream(iter(parts), label="y", prediction="p", sensitive=["g"])
    assert dict(zip(found.counts.groups, found.counts.sizes, strict=True)) == {
        "a": 1, "b": 2, "c": 1,
    }  # fmt: skip


def test_rows_without_a_group_are_counted_over_all_blocks_and_refused():
    table = rows(500)
    table.loc[::7, "race"] = None
    parts = [table[:250], table[250:]]
    with pytest.raises(DataError, match="'race' has 72 missing values in 500 rows"):
        audit_stream(iter(parts), **COLUMNS)
    named = {**COLUMNS, "missing_group": "unknown"}
    assert same(audit_stream(iter(parts), **named), audit_table(table, **named))


def test_labels_that_are_missing_are_counted_over_all_blocks_and_refused():
    table = rows(500).astype({"y": "Int64"})
    table.loc[::100, "y"] = pd.NA
    with pytest.raises(DataError, match="'y' has 5 missing values in 500 rows"):
        audit_stream(iter([table[:250], table[250:]]), **COLUMNS)


def test_what_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match="no column 'z'"):
        audit_stream(rows(), **{**COLUMNS, "label": "z"})
    with pytest.raises(DataError, match="no file"):
        audit_stream(tmp_path / "none.parquet", **COLUMNS)
    with pytest.raises(DataError, match="no rows"):
        audit_stream(iter([]), **COLUMNS)
    path = tmp_path / "damaged.parquet"
    path.write_bytes(b"PAR1 and nothing else")
    with pytest.raises(DataError, match="cannot read"):
        audit_stream(path, **COLUMNS)


def test_a_misspelt_column_of_a_file_is_answered_with_those_that_it_has(tmp_path):
    path = tmp_path / "rows.csv"
    rows(50).to_csv(path, index=False)
    with pytest.raises(DataError, match=r"no column 'Y'.*'y'"):
        audit_stream(path, **{**COLUMNS, "label": "Y"})


def test_a_column_may_be_called_anything():
    table = rows(300).rename(columns={"y": "times", "race": "count_all"})
    given = {"label": "times", "prediction": "p", "sensitive": ["count_all"]}
    assert same(audit_stream(table, **given), audit_table(table, **given))


def test_a_list_of_tables_is_as_good_as_any_iterable():
    parts = [rows()[:1500], rows()[1500:]]
    assert same(audit_stream(parts, **COLUMNS), audit_table(rows(), **COLUMNS))


def test_blocks_that_do_not_go_together_are_refused_in_words(tmp_path):
    with pytest.raises(DataError, match="later block has no column 'p'"):
        audit_stream([rows(50), rows(50).drop(columns="p")], **COLUMNS)
    with pytest.raises(DataError, match="different kinds of values"):
        audit_stream([rows(50), rows(50).astype({"y": str})], **COLUMNS)
    with pytest.raises(DataError, match="'age' is named twice"):
        audit_stream(rows(50), **{**COLUMNS, "sensitive": ["age:30", "age:60"]})
    path = tmp_path / "empty.csv"
    path.write_text("")
    with pytest.raises(DataError, match="is empty"):
        audit_stream(path, **COLUMNS)


def test_text_that_is_not_utf_8_is_answered_with_the_cure(tmp_path):
    path = tmp_path / "latin.csv"
    path.write_bytes("y,p,race,age\n1,0,café,20\n0,1,b,70\n".encode("latin-1"))
    with pytest.raises(DataError, match="save it as UTF-8"):
        audit_stream(path, **COLUMNS)
