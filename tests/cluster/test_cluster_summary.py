"""Summaries of tables: from files and streams, in any blocks, written and read."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from crowds import people

import equipoise
from equipoise import Summary, summarise
from equipoise.data import DataError


def summarised(source, **given):
    return summarise(
        source, **{"n_clusters": 3, "size": 150, "sensitive": ["sex", "race"], **given}
    )


@pytest.fixture
def table():
    return people()


def test_it_is_rows_of_the_table_with_weights(table):
    found = summarised(table)
    frame = found.table().to_pandas()
    assert frame.columns.tolist() == [*found.features, "sex", "race", "weight", "row"]
    assert found.features == ("age", "income", "hours", "counts")
    assert len(frame) == len(found) <= 150
    own = table.iloc[frame["row"]].reset_index(drop=True)
    for name in ("age", "income", "hours", "sex", "race"):
        assert (frame[name] == own[name]).all(), name
    assert frame["weight"].sum() == pytest.approx(len(table))
    assert found.left_out == {"job": "holds text"}


def test_each_combination_has_exactly_its_weight(table):
    found = summarised(table, weights="counts")
    frame = found.table().to_pandas()
    summed = frame.groupby(["sex", "race"])["weight"].sum()
    exact = table.groupby(["sex", "race"])["counts"].sum()
    assert list(summed.index) == list(exact.index)
    np.testing.assert_allclose(summed, exact, rtol=1e-12)
    assert "counts" not in found.features


@pytest.mark.parametrize("suffix", ["parquet", "csv", "tsv", "csv.gz"])
def test_files_give_what_the_table_gives(table, tmp_path, suffix):
    path = tmp_path / f"people.{suffix}"
    if suffix == "parquet":
        table.to_parquet(path)
    else:
        table.to_csv(path, index=False, sep="\t" if suffix == "tsv" else ",")
    whole, file = summarised(table), summarised(path)
    assert file.name == "people"
    np.testing.assert_array_equal(file.coreset.points, whole.coreset.points)
    np.testing.assert_array_equal(file.coreset.weights, whole.coreset.weights)
    assert file.combinations.known == whole.combinations.known


def test_libraries_and_streams_give_the_same_bits_in_whatever_blocks(table, tmp_path):
    arrow = pa.Table.from_pandas(table, preserve_index=False)
    path = tmp_path / "small-groups.parquet"
    pq.write_table(arrow, path, row_group_size=137)
    reader = pa.RecordBatchReader.from_batches(arrow.schema, arrow.to_batches(max_chunksize=11))
    cut = [arrow.slice(start, 1000) for start in range(0, len(arrow), 1000)]
    expected = summarised(table, scale="none").table()
    for source in (pl.from_pandas(table), arrow, path, reader, cut, iter(cut)):
        assert summarised(source, scale="none").table().equals(expected)
    scaled = summarised(table).table()
    assert summarised(cut).table().equals(scaled)
    assert not scaled.equals(expected)


def test_one_seed_gives_the_same_bytes_and_another_does_not(table, tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        summarised(table, random_state=seed).write(tmp_path / f"{name}.parquet")
    a, b, c = ((tmp_path / f"{name}.parquet").read_bytes() for name in "abc")
    assert a == b != c


def test_parquet_gives_all_of_it_back(table, tmp_path):
    found = summarised(table, power=1, scale="max", check=True)
    found.write(tmp_path / "s.parquet")
    again = Summary.load(tmp_path / "s.parquet")
    assert again.coreset.lineage == found.coreset.lineage
    assert again.coreset.n_rows == len(table)
    assert again.coreset.power == 1
    assert again.coreset.movement is None
    assert again.combinations.known == found.combinations.known
    assert again.left_out == found.left_out
    assert again.scale.scaling == "max"
    np.testing.assert_array_equal(again.coreset.weights, found.coreset.weights)
    np.testing.assert_allclose(again.coreset.points, found.coreset.points, rtol=1e-14)
    table.to_parquet(tmp_path / "t.parquet")
    with pytest.raises(DataError, match="is no summary"):
        Summary.load(tmp_path / "t.parquet")


def test_a_number_may_be_a_feature_and_cut_into_groups(table, tmp_path):
    found = summarised(table, sensitive=["age:35,50"], columns=["age", "hours"])
    assert found.table().column_names == ["age", "hours", "age (group)", "weight", "row"]
    assert {values[0] for values in found.combinations.known} == {
        "age < 35", "35 <= age < 50", "age >= 50"
    }  # fmt: skip
    found.write(tmp_path / "s.parquet")
    assert Summary.load(tmp_path / "s.parquet").combinations.known == found.combinations.known


def test_costs_differ_little_and_what_was_observed_is_kept(table):
    found = summarised(table, size=600, check=True)
    assert found.observed is not None
    assert 0 < found.observed.worst < 0.1
    assert set(found.to_dict()["observed"]) == set(found.observed.errors)
    # By hand, at one set of centres, on all rows.
    X = table[list(found.features)].to_numpy(float) / found.scale.divisors
    centres = X[[3, 77, 1234]]
    exact = ((X[:, None] - centres) ** 2).sum(-1).min(1).sum()
    assert found.coreset.cost(centres) == pytest.approx(exact, rel=0.1)


@pytest.mark.parametrize("scale", ["standard", "max", "none"])
def test_scales_are_what_they_are_called(table, scale):
    weights = table["counts"].to_numpy()
    found = summarised(table, scale=scale, weights="counts")
    X = table[list(found.features)].to_numpy(float)
    mean = np.average(X, axis=0, weights=weights)
    expected = {
        "standard": np.sqrt(np.average((X - mean) ** 2, axis=0, weights=weights)),
        "max": np.abs(X).max(axis=0),
        "none": np.ones(X.shape[1]),
    }[scale]
    np.testing.assert_allclose(found.scale.divisors, expected, rtol=1e-12)


def test_a_constant_column_stays_as_it_is(table):
    found = summarised(table.assign(same=7.7, nothing=0.0), scale="standard")
    divisors = dict(zip(found.features, found.scale.divisors, strict=True))
    assert divisors["same"] == divisors["nothing"] == 1
    assert (found.table()["same"].to_numpy() == 7.7).all()


@pytest.mark.parametrize("unit", [1e-310, 1e-200, 1e-25, 1e160, 1e300])
@pytest.mark.parametrize("scale", ["standard", "max"])
def test_units_far_from_one_make_no_difference(table, scale, unit):
    usual = summarised(table, scale=scale)
    name = usual.features[0]
    found = summarised(table.assign(**{name: table[name] * unit}), scale=scale)
    np.testing.assert_allclose(found.scale.divisors[0], usual.scale.divisors[0] * unit, rtol=1e-9)
    np.testing.assert_array_equal(found.coreset.rows, usual.coreset.rows)
    np.testing.assert_allclose(found.rows[:, 0], usual.rows[:, 0] * unit, rtol=1e-9)


def test_few_rows_are_their_own_summary(table):
    found = summarised(table[:100])
    assert len(found) == 100
    assert (found.coreset.weights == 1).all()


def test_rows_without_a_value_may_be_a_group(table):
    gaps = table.assign(race=table["race"].where(table["race"] != "C"))
    with pytest.raises(DataError, match="missing_group"):
        summarised(gaps)
    assert ("men", "?") in summarised(gaps, missing_group="?").combinations.known


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"n_clusters": 0}, "n_clusters must be"),
        ({"size": 3.5}, "size must be"),
        ({"eps": 0.1}, "give one of them"),
        ({"columns": ["age", "job"]}, "column 'job' holds text, and distances need numbers"),
        ({"columns": ["agee"]}, "no column 'agee' in the table. Did you mean 'age'"),
        ({"columns": []}, "wanted at least one"),
        ({"columns": ["age", "age"]}, "named twice"),
        ({"columns": "age"}, r"wanted a list: \['age'\]"),
        ({"columns": ["age", "counts"], "weights": "counts"}, "it is no feature"),
        ({"weights": "job"}, "column 'job' holds"),
        ({"weights": "gone"}, "weights: no column 'gone'"),
        ({"drop": ["gone"]}, "drop: no column 'gone'"),
        ({"drop": ["age", "income", "hours", "counts"]}, "no column of numbers is left"),
        ({"sensitive": ["sexx"]}, "no column 'sexx'"),
        ({"scale": "robust"}, "wanted one of standard, max, none"),
        ({"power": 0.5}, "power"),
        ({"random_state": -1}, "random_state must be"),
    ],
)
def test_what_cannot_be_is_refused(table, changes, said):
    with pytest.raises(ValueError, match=said):
        summarised(table, **changes)


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("income", np.nan, "column 'income' has 1 missing values in rows .* first in row 8"),
        ("income", np.inf, "column 'income' has 1 infinite values"),
        ("weight_of", -1.0, "must have a finite number of at least 0 in every row, but row 8"),
        ("weight_of", np.nan, "row 8 has nan"),
    ],
)
def test_values_that_cannot_be_are_named(table, column, value, said):
    table["weight_of"] = 1.0
    table.loc[7, column] = value
    with pytest.raises(DataError, match=said):
        summarised(table, weights="weight_of")


def test_weights_that_are_all_zero_and_rows_that_are_not_there_are_refused(table):
    with pytest.raises(DataError, match="zero in every row"):
        summarised(table.assign(counts=0), weights="counts")
    with pytest.raises(DataError, match="no rows"):
        summarised(table[:0])
    with pytest.raises(DataError, match="no rows"):
        summarised(iter([]))


def test_a_stream_that_passes_once_cannot_be_scaled_or_checked(table):
    arrow = pa.Table.from_pandas(table, preserve_index=False)
    with pytest.raises(DataError, match='say scale="none"'):
        summarised(iter([arrow]))
    with pytest.raises(DataError, match="check: it needs another look"):
        summarised(iter([arrow]), scale="none", check=True)


def test_a_table_with_a_column_called_weight_is_told_to_rename_it(table):
    with pytest.raises(DataError, match="column 'weight' of its own"):
        summarised(table.rename(columns={"hours": "weight"})).table()


def test_a_full_disk_leaves_what_was_there(table, tmp_path, monkeypatch):
    path = tmp_path / "s.parquet"
    found = summarised(table)
    found.write(path)
    before = path.read_bytes()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(DataError, match="No space left on device"):
        summarised(table, random_state=1).write(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def with_metadata(table, change):
    written = summarised(table)
    said = {"version": 1, **written.to_dict()}
    return written.table().replace_schema_metadata({"equipoise.summary": change(said)})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda said: "{", "is no JSON"),
        (lambda said: "[1]", "has no version"),
        (lambda said: json.dumps({**said, "version": "1"}), "has no version"),
        (lambda said: json.dumps({**said, "features": None}), "has no 'features'"),
        (lambda said: json.dumps({**said, "divisors": [1.0]}), "one positive divisor"),
        (lambda said: json.dumps({**said, "divisors": [0.0] * 9}), "one positive divisor"),
        (lambda said: json.dumps({**said, "divisors": ["1"] * 9}), "one positive divisor"),
        (lambda said: json.dumps({**said, "version": 2}), "update equipoise"),
    ],
)
def test_what_a_summary_says_of_itself_is_checked(table, tmp_path, change, said):
    damaged = with_metadata(table, change)
    pq.write_table(damaged, tmp_path / "summary.parquet")
    for given in (damaged, tmp_path / "summary.parquet"):
        with pytest.raises(DataError, match=said):
            equipoise.cluster(given, n_clusters=2)
    with pytest.raises(DataError, match=said):
        Summary.load(tmp_path / "summary.parquet")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda written: written.slice(0, 50), "50 points of weight .* but was written with"),
        (lambda written: written.drop(["weight"]), "lost its column 'weight'"),
        (lambda written: written.drop(["sex"]), "lost its column 'sex'"),
    ],
)
def test_a_summary_that_was_edited_is_not_loaded(table, tmp_path, change, said):
    path = tmp_path / "summary.parquet"
    summarised(table).write(path)
    pq.write_table(change(pq.read_table(path)), path)
    with pytest.raises(DataError, match=said):
        Summary.load(path)


def test_a_summary_that_is_not_there_is_not_called_another_table(tmp_path):
    with pytest.raises(DataError, match="no file"):
        Summary.load(tmp_path / "none.parquet")


def test_a_summary_is_of_use_at_its_own_power_alone(table, tmp_path):
    path = tmp_path / "summary.parquet"
    summarised(table, power=1.0).write(path)
    assert equipoise.cluster(path, n_clusters=2, power=1.0).labels.size
    for use in (equipoise.cluster, summarise):
        with pytest.raises(DataError, match="made for power 1"):
            use(path, n_clusters=2)


def test_a_column_is_not_both_named_and_dropped(table):
    name = summarised(table).features[0]
    with pytest.raises(DataError, match="drop: column"):
        summarised(table, columns=[name], drop=[name])


def test_text_with_a_header_alone_is_said_to_have_no_rows(tmp_path):
    path = tmp_path / "header.csv"
    path.write_text("x,sex\n", encoding="utf-8")
    with pytest.raises(DataError, match="no rows"):
        summarise(path, n_clusters=2, sensitive=["sex"])


def test_an_error_too_small_to_hope_for_takes_all_rows(table):
    found = summarised(table, size=None, eps=1e-200)
    np.testing.assert_array_equal(np.sort(found.coreset.rows), np.arange(len(table)))
