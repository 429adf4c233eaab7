"""``equipoise cluster`` and ``equipoise summarise``: what they write and say."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from equipoise import Summary


@pytest.fixture
def people(tmp_path):
    random = np.random.default_rng(0)
    n = 3000
    sex = random.choice(["men", "women"], n, p=[0.6, 0.4])
    age = random.choice(["young", "old"], n)
    path = tmp_path / "people.csv"
    pd.DataFrame(
        {
            "height": random.normal(size=n) + 2.5 * (sex == "men"),
            "income": 1e4 * (random.normal(size=n) + 2 * (age == "old")),
            "job": "smith",
            "sex": sex,
            "age": age,
        }
    ).to_csv(path, index=False)
    return path


GROUPS = ("--sensitive", "sex", "--sensitive", "age")


def test_cluster_writes_labels_of_all_rows_and_says_what_the_bounds_cost(run, people, tmp_path):
    out, html = tmp_path / "out.parquet", tmp_path / "out.html"
    said = run("cluster", people, "--clusters", 3, *GROUPS, "--balance", 0.9, "--size", 300,
               "-o", out, "--html", html)  # fmt: skip
    assert said.code == 0, said.err
    frame = pd.read_parquet(out)
    shares = pd.crosstab(frame["cluster"], frame["sex"], normalize="index")["women"]
    of_all = (frame["sex"] == "women").mean()
    slack = 1 / frame["cluster"].value_counts().min()
    assert shares.between(0.9 * of_all - slack, of_all / 0.9 + slack).all()
    assert "price of the bounds" in said.out
    assert "3,000 rows" in said.out
    assert "Every cluster keeps the bounds" in html.read_text(encoding="utf-8")


def test_cluster_prints_figures_as_json(run, people):
    said = run("cluster", people, "-k", 2, "--sensitive", "sex", "--at-least", "women >= 0.35",
               "--at-most", "women <= 1/2", "--median", "--drop", "income", "--json")  # fmt: skip
    assert said.code == 0, said.err
    found = json.loads(said.out)
    assert found["asked"] == ["women >= 0.35", "women <= 0.5"]
    assert found["method"] == "k-median"
    assert found["features"] == ["height"]
    assert found["left_out"] == {"job": "holds text", "age": "holds text"}
    assert min(row[1] for row in found["shares"]) >= 0.35 - 1e-3


def test_a_summary_is_written_and_clustered(run, people, tmp_path):
    path = tmp_path / "coreset.parquet"
    said = run("summarise", people, "-o", path, "--clusters", 3, "--size", 400, *GROUPS)
    assert said.code == 0, said.err
    assert "observed, not guaranteed" in said.out
    assert "men, young" in said.out
    assert Summary.load(path).coreset.n_rows == 3000
    few = run("cluster", path, "--clusters", 3, "--json")
    assert few.code == 0, few.err
    found = json.loads(few.out)
    assert sum(found["sizes"]) == pytest.approx(3000)
    assert found["groups"] == ["sex: men", "sex: women", "age: old", "age: young"]


def test_summarise_prints_figures_as_json(run, people, tmp_path):
    said = run("summarise", people, "-o", tmp_path / "c.csv", "-k", 2, "--eps", 0.05,
               "--columns", "height", "--scale", "max", "--no-check", "--json")  # fmt: skip
    assert said.code == 0, said.err
    found = json.loads(said.out)
    assert found["features"] == ["height"]
    assert found["scale"] == "max"
    assert found["observed"] is None
    assert found["mass"] == pytest.approx(3000)
    assert list(pd.read_csv(tmp_path / "c.csv").columns) == ["height", "weight", "row"]


@pytest.mark.parametrize("verb", ["cluster", "summarise"])
def test_the_table_that_is_read_is_not_overwritten(run, people, verb):
    before = people.read_bytes()
    said = run(verb, people, "--clusters", 3, *GROUPS, "-o", people)
    assert said.code == 1
    assert "is the table that is read" in said.err
    assert people.read_bytes() == before


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ("--sensitive", "sex", "--at-least", "women >= 0.9"),
            "the share of 'women' in all rows is",
        ),
        (("--sensitive", "sexx"), "no column 'sexx'"),
        ((), "--sensitive sex"),
        (("--sensitive", "sex", "--columns", "job"), "column 'job' holds text"),
        (("--sensitive", "sex", "--size", "10", "--eps", "0.1"), "give one of them"),
        (("--sensitive", "sex", "-o", "x.xls"), ".parquet"),
    ],
)
def test_cluster_says_what_is_wrong_and_what_to_do(run, people, words, told):
    said = run("cluster", people, "--clusters", 3, *words)
    assert said.code == 1
    assert told in said.err


def test_cluster_knows_the_simulated_census(run):
    said = run("cluster", "census-sim", "-k", 3, "--size", 400, "--json")
    assert said.code == 0, said.err
    assert json.loads(said.out)["rows"] == 120_000


def test_the_report_is_not_written_over_the_table(run, people, tmp_path):
    out = tmp_path / "out.csv"
    said = run("cluster", people, "-k", 2, *GROUPS, "-o", out, "--html", out)
    assert said.code == 1
    assert "--html" in said.err
    assert not out.exists()
