"""One function loads a name, a file or a table, and says what is lacking."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from equipoise.data import DataError, Dataset, known_tables, load, simulate_census
from equipoise.data.read import write_table

TABLE = pa.table(
    {"x": [1, 2, 3, 4, 5, 6], "sex": list("fmfmfm"), "y": [0, 1, 1, 0, 1, 0], "w": [1.0] * 6}
)


@pytest.fixture(autouse=True)
def _no_data_folder(monkeypatch):
    monkeypatch.delenv("EQUIPOISE_DATA", raising=False)


def refusal(source, **roles):
    with pytest.raises(DataError) as caught:
        load(source, **roles)
    return str(caught.value)


def test_the_simulated_census_needs_no_more_than_its_name():
    dataset = load("census-sim")
    assert (len(dataset), dataset.name) == (120_000, "census-sim")
    assert dataset.classes == ("<=50K", ">50K")
    assert dataset.sensitive.columns == ["sex", "race"]
    truth = simulate_census().truth
    assert dataset.target.mean() == pytest.approx(truth.shares @ truth.label_rates, abs=0.01)


def test_the_usual_roles_give_way_to_the_roles_asked_for():
    dataset = load("census-sim", sensitive=["age:30,50"], positive="<=50K", drop=["hours"])
    assert dataset.classes == (">50K", "<=50K")
    assert dataset.sensitive.columns == ["age"]
    assert {"sex", "race"} <= set(dataset.features.columns)
    assert "hours" not in dataset.features.columns
    other = load("census-sim", target="occupation")
    assert len(other.classes) == 6
    assert "income" in other.features.columns


@pytest.mark.parametrize("suffix", [".csv", ".tsv.gz", ".parquet"])
def test_a_file_is_loaded_with_its_roles_and_named_after_itself(tmp_path, suffix):
    path = tmp_path / f"people{suffix}"
    write_table(TABLE, path)
    for source in (path, str(path)):
        dataset = load(source, target="y", sensitive=["sex"], weights="w")
        assert dataset.name == "people"
        assert dataset.features.columns == ["x"]
        np.testing.assert_array_equal(dataset.target, [0, 1, 1, 0, 1, 0])


def test_a_table_in_memory_is_loaded_with_its_roles():
    dataset = load(pd.DataFrame(TABLE.to_pydict()), target="y", sensitive=["sex"], positive="0")
    assert dataset.classes == (1, 0)
    assert dataset.features.columns == ["x", "w"]


def test_files_and_tables_need_target_and_sensitive(tmp_path):
    write_table(TABLE, tmp_path / "t.csv")
    assert "target: not given" in refusal(tmp_path / "t.csv", sensitive=["sex"])
    assert "sensitive: not given" in refusal(TABLE, target="y")
    assert "--sensitive" in refusal(TABLE, target="y")
    assert "wanted a list" in refusal("census-sim", sensitive="sex")
    assert "wanted a list" in refusal("census-sim", drop="age")


def test_a_data_set_comes_back_as_it_is_and_takes_no_roles():
    dataset = Dataset.from_table(TABLE, target="y", sensitive=["sex"])
    assert load(dataset) is dataset
    assert "positive: given for a Dataset" in refusal(dataset, positive=0)
    assert "drop: given for a Dataset" in refusal(dataset, drop=["x"])


def test_a_sample_of_the_rows_keeps_their_order_and_repeats_with_its_seed():
    whole = Dataset.from_table(
        pa.table({"x": range(1000), "sex": ["f", "m"] * 500, "y": [0, 1] * 500}),
        target="y",
        sensitive=["sex"],
    )
    drawn = [load(whole, rows=100, seed=seed).features["x"].to_list() for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert drawn[0] == sorted(set(drawn[0]))
    assert len(drawn[0]) == 100
    assert load(whole, rows=1000).fingerprint == whole.fingerprint


@pytest.mark.parametrize("rows", [0, 7])
def test_more_rows_than_there_are_cannot_be_drawn(rows):
    assert "wanted between 1 and 6" in refusal(TABLE, target="y", sensitive=["sex"], rows=rows)


def test_a_negative_seed_is_refused():
    assert "seed: given -1" in refusal(TABLE, target="y", sensitive=["sex"], rows=2, seed=-1)


def test_an_unknown_name_is_answered_with_the_known_ones():
    message = refusal("adlut")
    assert "Did you mean 'adult'" in message
    assert all(repr(name) in message for name in ("census-sim", *known_tables()))
    assert "no file missing.csv" in refusal("missing.csv", target="y", sensitive=["sex"])
    assert "wanted one of .csv" in refusal("some/where.xlsx", target="y", sensitive=["s"])


@pytest.mark.parametrize("name", list(known_tables()))
def test_a_known_table_without_its_files_says_where_to_get_them(name, tmp_path, monkeypatch):
    known = known_tables()[name]
    for message in (refusal(name), refusal(name, data_dir=tmp_path)):
        assert known.source in message
        assert known.files[0] in message
        assert "EQUIPOISE_DATA" in message
    assert str(tmp_path) in refusal(name, data_dir=tmp_path)
    monkeypatch.setenv("EQUIPOISE_DATA", str(tmp_path))
    assert str(tmp_path) in refusal(name)
    assert "no folder" in refusal(name, data_dir=tmp_path / "none")


def test_importing_the_package_imports_neither_torch_nor_sklearn():
    code = (
        "import sys, equipoise.data\n"
        "print(*sorted({'torch', 'sklearn'} & set(sys.modules)), end='')"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout == ""
