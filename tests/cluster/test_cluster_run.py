"""From a table to one with clusters: what is written, what is reported, in whatever blocks."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from crowds import people

import equipoise
from equipoise.cluster import InfeasibleError
from equipoise.cluster import labels as labels_module
from equipoise.data import DataError


def clustered(source, **given):
    return equipoise.cluster(
        source, **{"n_clusters": 3, "sensitive": ["sex", "race"], "size": 300, **given}
    )


@pytest.fixture
def table():
    return people()


def test_every_cluster_of_the_written_table_keeps_the_bounds(table, tmp_path):
    found = clustered(table)
    found.write(tmp_path / "out.parquet")
    frame = pd.read_parquet(tmp_path / "out.parquet")
    pd.testing.assert_frame_equal(frame.drop(columns="cluster"), table)
    for column in ("sex", "race"):
        shares = pd.crosstab(frame["cluster"], frame[column], normalize="index")
        of_all = table[column].value_counts(normalize=True)
        sizes = frame["cluster"].value_counts().sort_index()
        slack = 1 / sizes.min()
        assert (shares >= 0.8 * of_all[shares.columns] - slack).all(axis=None)
        assert (shares <= of_all[shares.columns] / 0.8 + slack).all(axis=None)
    assert found.shares.violation.rows < 1
    assert found.plain_shares.violation.rows > 100
    assert found.price > 0


@pytest.mark.parametrize("suffix", ["csv", "tsv", "csv.gz", "parquet"])
def test_files_are_labelled_as_tables_are_and_keep_their_values(table, tmp_path, suffix):
    path, out = tmp_path / f"people.{suffix}", tmp_path / f"out.{suffix}"
    if suffix == "parquet":
        table.to_parquet(path)
    else:
        table.to_csv(path, index=False, sep="\t" if suffix == "tsv" else ",")
    found = clustered(path)
    np.testing.assert_array_equal(found.labels, clustered(table).labels)
    found.write(out)
    read = pd.read_parquet if suffix == "parquet" else pd.read_csv
    options = {"sep": "\t"} if suffix == "tsv" else {}
    frame = read(out, **options)
    pd.testing.assert_frame_equal(frame.drop(columns="cluster"), table)
    np.testing.assert_array_equal(frame["cluster"], found.labels)


def test_blocks_make_no_difference(table, tmp_path):
    arrow = pa.Table.from_pandas(table, preserve_index=False)
    path = tmp_path / "small-groups.parquet"
    pq.write_table(arrow, path, row_group_size=97)
    expected = clustered(table)
    for source in (path, [arrow.slice(i, 777) for i in range(0, len(arrow), 777)]):
        found = clustered(source)
        np.testing.assert_array_equal(found.labels, expected.labels)
        np.testing.assert_array_equal(found.centres, expected.centres)
        assert found.cost == expected.cost


def test_rows_in_several_blocks_are_labelled_as_in_one(table, monkeypatch):
    from equipoise.cluster import features

    one = clustered(table)
    monkeypatch.setattr(features, "_ROWS", 1000)
    monkeypatch.setattr(labels_module, "_ROWS", 300)
    several = clustered(table, scale="none", columns=["age"])
    assert several.shares.violation.rows < 1
    again = clustered(table)
    assert again.shares.violation.rows < 1
    assert again.cost == pytest.approx(one.cost, rel=0.02)


def test_costs_are_of_all_rows_in_units_of_the_scale(table):
    found = clustered(table)
    X = table[list(found.summary.features)].to_numpy(float) / found.summary.scale.divisors
    squares = ((X - found.found.centres[found.labels]) ** 2).sum(1)
    assert found.cost == pytest.approx(squares.sum())
    plain = ((X[:, None] - found.found.plain.centres) ** 2).sum(-1).min(1)
    assert found.plain_cost == pytest.approx(plain.sum())
    np.testing.assert_allclose(
        found.centres, found.found.centres * found.summary.scale.divisors, rtol=1e-12
    )


def test_weights_count_in_costs_and_shares(table):
    found = clustered(table, weights="counts")
    sizes = np.bincount(found.labels, table["counts"], 3)
    np.testing.assert_allclose(found.shares.sizes, sizes)
    women = np.bincount(found.labels, table["counts"] * (table["sex"] == "women"), 3)
    g = found.shares.bounds.names.index("sex: women")
    np.testing.assert_allclose(found.shares.shares[:, g], women / sizes)
    assert found.shares.violation.rows < 3  # the weight of a row


def test_a_summary_is_clustered_as_what_it_stands_for(table, tmp_path):
    summary = equipoise.summarise(table, n_clusters=3, size=1000, sensitive=["sex", "race"])
    summary.write(tmp_path / "s.parquet")
    found = equipoise.cluster(tmp_path / "s.parquet", n_clusters=3)
    assert found.shares.sizes.sum() == pytest.approx(len(table))
    assert found.summary.features == summary.features
    np.testing.assert_array_equal(found.summary.scale.divisors, summary.scale.divisors)
    assert found.cost == pytest.approx(clustered(table).cost, rel=0.1)
    assert found.shares.bounds.names == ("sex: men", "sex: women", "race: A", "race: B", "race: C")


def test_bounds_may_be_named_and_nothing_may_be_asked(table):
    found = clustered(table, sensitive=["sex"], at_least=["women >= 0.35"])
    assert found.asked == ("women >= 0.35",)
    assert found.shares.shares[:, 1].min() >= 0.35
    plain = equipoise.cluster(table, n_clusters=3, balance=0)
    assert plain.shares.bounds.idle
    assert plain.cost == plain.plain_cost
    assert found.cost > plain.cost
    with pytest.raises(InfeasibleError):
        clustered(table, sensitive=["sex"], at_least=["women >= 0.9"])


def test_all_rows_and_medians_may_be_asked_for(table):
    found = clustered(table, size=None, all_rows=True, power=1)
    assert len(found.summary) == len(table)
    assert found.to_dict()["method"] == "k-median"
    assert found.cost == pytest.approx(found.found.assignment.value, rel=1e-3)


def test_intersections_are_groups_too(table):
    found = clustered(table, how="crossed")
    assert "women, C" in found.shares.bounds.names
    assert found.shares.violation.rows < 1


def test_figures_can_be_read_by_a_machine(table):
    said = json.loads(json.dumps(clustered(table).to_dict(), allow_nan=False))
    assert said["rows"] == 4000
    assert said["clusters"] == 3
    assert said["left_out"] == {"job": "holds text"}
    assert sum(said["sizes"]) == 4000


def test_the_report_says_what_the_bounds_cost_and_shows_it(table):
    html = clustered(table).page().render()
    assert "Every cluster keeps the bounds" in html
    assert html.count("<svg") == 3
    assert "job (holds text)" in html
    plain = equipoise.cluster(table, n_clusters=3, balance=0).page().render()
    assert "Nothing was asked of groups" in plain


@pytest.mark.parametrize("columns", [["age"], ["age", "hours"]])
@pytest.mark.parametrize("k", [1, 14])
def test_the_report_is_drawn_for_one_feature_and_for_many_clusters(table, columns, k):
    found = clustered(table, columns=columns, n_clusters=k)
    assert "<svg" in found.page().render()
    assert len(found.tables()) >= 3


def test_what_cannot_be_is_refused_before_rows_are_gone_through(table):
    arrow = pa.Table.from_pandas(table)
    with pytest.raises(DataError, match="labels need another look"):
        clustered(iter([arrow]))
    with pytest.raises(DataError, match="name the columns whose values make groups"):
        equipoise.cluster(table, n_clusters=3)
    with pytest.raises(DataError, match="has a column 'cluster' already"):
        clustered(table.assign(cluster=1))
    with pytest.raises(ValueError, match="all_rows"):
        clustered(table, all_rows=True)
    with pytest.raises(ValueError, match="n_clusters must not be more than the 2 rows"):
        clustered(table[:2])


def test_a_known_table_has_usual_groups_and_its_label_is_no_feature():
    found = equipoise.cluster("census-sim", n_clusters=3, size=500)
    assert found.shares.bounds.names[:2] == ("sex: female", "sex: male")
    assert "income" not in found.summary.features
    assert found.shares.violation.rows < 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "sensitive"),
    [("adult", ["sex", "marital-status"]), ("bank", ["marital", "default"])],
)
def test_real_tables_keep_bounds_at_the_cost_of_all_rows(real_data, name, sensitive):
    few, all_rows = (
        equipoise.cluster(name, n_clusters=5, sensitive=sensitive, data_dir=real_data, **size)
        for size in ({}, {"all_rows": True})
    )
    assert few.cost < 1.02 * all_rows.cost
    assert few.shares.violation.rows < 1


def codes_in_a_csv(tmp_path):
    path = tmp_path / "codes.csv"
    rows = [f"{i}.50,0123{i % 4},1234567890123456789{i % 3},NA,{i % 2}" for i in range(20)]
    path.write_text("\n".join(["x,zip,id,note,old", *rows]), encoding="utf-8")
    return path


def test_cells_of_text_are_written_as_they_were_read(tmp_path):
    path, out = codes_in_a_csv(tmp_path), tmp_path / "out.csv"
    clustered(path, columns=["x"], sensitive=["old"]).write(out)
    frames = [pd.read_csv(one, dtype=str, keep_default_na=False) for one in (path, out)]
    pd.testing.assert_frame_equal(frames[1].drop(columns="cluster"), frames[0])


def test_parquet_has_numbers_of_a_csv_as_numbers_but_codes_as_text(tmp_path):
    out = tmp_path / "out.parquet"
    clustered(codes_in_a_csv(tmp_path), columns=["x"], sensitive=["old"]).write(out)
    written = pq.read_table(out)
    assert written["x"].to_pylist()[:2] == [0.5, 1.5]
    assert written["old"].to_pylist()[:2] == [0, 1]
    assert written["zip"].to_pylist()[:2] == ["01230", "01231"]
    assert written["id"].to_pylist()[:2] == ["12345678901234567890", "12345678901234567891"]


@pytest.mark.parametrize("content", [b"", b"PAR1 and no more"])
def test_parquet_that_cannot_be_read_is_named(tmp_path, content):
    path = tmp_path / "cut.parquet"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"path: cannot read .*cut\.parquet"):
        clustered(path)


def test_every_part_of_the_work_is_told(table):
    told: dict[str, list[tuple[int, int | None]]] = {}
    clustered(
        table, progress=lambda what, done, total: told.setdefault(what, []).append((done, total))
    )
    assert list(told) == ["looking", "summarising", "searching, rounds", "labelling"]
    rounds = told["searching, rounds"]
    assert rounds == [(i, None) for i in range(len(rounds))]
    assert len(rounds) > 3
    assert told["labelling"][-1] == (len(table), len(table))


def test_groups_that_are_not_shown_are_said_to_be_missing(table):
    many = table.assign(town=[f"town {i % 9}" for i in range(len(table))])
    shown = clustered(many, sensitive=["sex", "town"], balance=0.2, size=1000).tables()
    captions = [one.caption for one in shown]
    assert "Clusters; 3 more groups are in what --json prints" in captions
    assert "Clusters" in [one.caption for one in clustered(table).tables()]
