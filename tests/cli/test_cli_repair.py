"""``equipoise repair``: what it writes and says."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest


@pytest.fixture
def people(tmp_path):
    random = np.random.default_rng(0)
    sex = random.choice(["f", "m"], 1500)
    score = random.normal(size=1500)
    hired = (score + 0.8 * (sex == "m") + random.normal(size=1500) > 0.5).astype(int)
    path = tmp_path / "people.csv"
    place = random.choice(["x", "y"], 1500)
    pd.DataFrame({"sex": sex, "score": score, "place": place, "hired": hired}).to_csv(
        path, index=False
    )
    return path


def test_repair_writes_a_table_and_says_what_moved(run, people, tmp_path):
    out, html = tmp_path / "fair.parquet", tmp_path / "fair.html"
    said = run("repair", people, "--target", "hired", "--sensitive", "sex",
               "--constraint", 'ratio("selection") >= 0.9', "-o", out, "--html", html)  # fmt: skip
    assert said.code == 0, said.err
    assert pq.read_table(out).num_rows == 1500
    assert "score" in said.out
    assert "boosted trees" in said.out
    assert "The law keeps" in html.read_text(encoding="utf-8")


def test_repair_prints_the_figures_of_the_library_as_json(run, people, tmp_path):
    said = run("repair", people, "--target", "hired", "--sensitive", "sex", "--n", 100,
               "-o", tmp_path / "fair.csv", "--no-classifiers", "--json")  # fmt: skip
    found = json.loads(said.out)
    after = np.array(found["moved"]["after"])
    assert found["rows"] == 100
    assert np.ptp(after[:, 1] / after.sum(1)) < 1e-9


def test_repair_can_weigh_rows_instead(run, people, tmp_path):
    out = tmp_path / "weighed.csv"
    said = run("repair", people, "--target", "hired", "--sensitive", "sex", "--weigh", "count",
               "-o", out, "--no-classifiers")  # fmt: skip
    assert said.code == 0, said.err
    written = pd.read_csv(out)
    assert written["count"].mean() == pytest.approx(1)
    assert len(written) == 1500


def test_repair_refuses_a_promise_that_labels_cannot_keep(run, people, tmp_path):
    said = run("repair", people, "--target", "hired", "--sensitive", "sex",
               "--constraint", 'gap("true_positive") <= 0.1', "-o", tmp_path / "x.csv")  # fmt: skip
    assert said.code == 1
    assert "none that repairing a table can keep" in said.err


def test_repair_does_not_write_over_the_table_that_it_repairs(run, people):
    before = people.read_bytes()
    said = run("repair", people, "--target", "hired", "--sensitive", "sex", "-o", people)
    assert said.code == 1
    assert "is the table to repair" in said.err
    assert people.read_bytes() == before


@pytest.mark.parametrize("option", ["--out", "--html"])
def test_repair_refuses_a_folder_that_is_not_there_before_it_reads(run, tmp_path, option):
    places = {"--out": tmp_path / "x.csv", "--html": tmp_path / "x.html"}
    places[option] = tmp_path / "nowhere" / places[option].name
    given = [part for place in places.items() for part in place]
    said = run("repair", "no-such-table", *given)
    assert said.code == 1
    assert f"{option}: no folder" in said.err


def test_repair_refuses_a_place_it_could_not_write_to_before_it_reads(run, tmp_path):
    said = run("repair", "no-such-table", "-o", tmp_path / "x.xlsx")
    assert said.code == 1
    assert ".parquet" in said.err
