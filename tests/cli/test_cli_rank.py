"""``equipoise rank``: what it writes and says."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest


@pytest.fixture
def people(tmp_path):
    random = np.random.default_rng(0)
    sex = random.choice(["men", "women"], 300, p=[0.6, 0.4])
    score = random.normal(size=300) + 0.8 * (sex == "men")
    path = tmp_path / "people.csv"
    pd.DataFrame({"sex": sex, "score": score}).to_csv(path, index=False)
    return path


def test_rank_writes_a_table_and_says_what_it_cost(run, people, tmp_path):
    out, html = tmp_path / "ranked.parquet", tmp_path / "ranked.html"
    said = run("rank", people, "--score", "score", "--sensitive", "sex",
               "--at-least", "women >= 0.4", "--top", 50, "-o", out, "--html", html)  # fmt: skip
    assert said.code == 0, said.err
    ranked = pq.read_table(out)
    women = np.cumsum(np.array(ranked["sex"].to_pylist()) == "women")
    assert (women >= np.floor(0.4 * np.arange(1, 51) + 1e-9)).all()
    assert "utility lost" in said.out
    assert "Who moved" in html.read_text(encoding="utf-8")


def test_rank_prints_figures_as_json(run, people):
    said = run("rank", people, "--score", "score", "--sensitive", "sex",
               "--at-most", "men <= 0.5", "--discount", "none", "--json")  # fmt: skip
    found = json.loads(said.out)
    assert found["bounds"] == ["men <= 0.5"]
    assert len(found["order"]) == 300


def test_rank_names_the_first_prefix_that_cannot_be_kept(run, people):
    said = run("rank", people, "--score", "score", "--sensitive", "sex",
               "--at-least", "women >= 0.6", "--at-least", "men >= 1/2")  # fmt: skip
    assert said.code == 1
    assert "first 10 places must have men 5, women 6" in said.err


def test_rank_refuses_a_place_it_could_not_write_to_before_it_reads(run, tmp_path):
    said = run("rank", "no-such.csv", "--score", "s", "--sensitive", "g", "-o", tmp_path / "x.xls")
    assert said.code == 1
    assert ".parquet" in said.err
