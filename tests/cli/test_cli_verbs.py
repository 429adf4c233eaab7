from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import equipoise
from equipoise.data import simulate_census


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table with awkward names, missing values, text and numbers."""
    table = simulate_census(3_000).table.to_pandas()
    random = np.random.default_rng(0)
    table.loc[random.random(len(table)) < 0.1, "hours"] = np.nan
    table.loc[random.random(len(table)) < 0.1, "occupation"] = None
    table = table.rename(columns={"hours": "hours, weekly", "education_years": "Años"})
    path = tmp_path_factory.mktemp("table") / "people of note.csv"
    table.to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def folder(people: Path) -> Path:
    return people.parent / "run"


def _compare(run, people: Path, folder: Path, *more: object):
    return run(
        *("compare", people, "--target", "income", "--sensitive", "sex", "--sensitive", "race"),
        *("--constraint", 'gap("selection") <= 0.2', "--seeds", 2, "--steps", 40),
        *("--hidden", "8", "--batch-size", 64, "--out", folder, *more),
    )


def test_compare_prints_a_table_and_the_path_of_the_report(run, people, folder):
    said = _compare(run, people, folder)
    assert said.code == 0, said.err
    for word in ("method", "accuracy", "certificate", "seconds", "erm", "penalty", "alm"):
        assert word in said.out
    assert said.out.rstrip().endswith("report.html")
    assert Path(said.out.rstrip().rsplit("\n", 1)[1]).is_file()


def test_compare_prints_json_for_machines(run, people, folder):
    found = json.loads(_compare(run, people, folder, "--json").out)
    assert set(found["methods"]) == {"erm", "penalty", "alm"}
    assert found["constraints"] == ['gap("selection") <= 0.2']
    assert found["methods"]["erm"]["diverged"] == 0
    (promise,) = found["methods"]["erm"]["promises"]
    assert promise["constraint"] == 'gap("selection") <= 0.2'
    assert promise["certificate"]["verdict"] in ("kept", "not shown", "broken")
    assert found["methods"]["erm"]["verdict"] == promise["certificate"]["verdict"]
    low, high = (promise["disparity"][end] for end in ("low", "high"))
    assert low <= promise["disparity"]["value"] <= high


def test_promises_are_repeated_to_be_kept_together(run, people, tmp_path: Path):
    second = 'worst("accuracy") >= 0.5'
    words = ("--constraint", second, "--methods", "erm")
    said = _compare(run, people, tmp_path / "run", *words)
    assert said.code == 0, said.err
    for word in ("all promises", 'gap("selection") <= 0.2', second, "report.html"):
        assert word in said.out
    assert run("report", tmp_path / "run").out.count('gap("selection") <= 0.2') == 1
    found = json.loads(_compare(run, people, tmp_path / "run", *words, "--json").out)
    assert found["constraints"] == ['gap("selection") <= 0.2', second]
    asked = [one["constraint"] for one in found["methods"]["erm"]["promises"]]
    assert asked == found["constraints"]


def test_report_writes_the_page_anew(run, people, folder):
    _compare(run, people, folder)
    before = (folder / "report.html").read_bytes()
    (folder / "report.html").unlink()
    assert run("report", folder).code == 0
    assert (folder / "report.html").read_bytes() == before


def test_predict_adds_decisions_and_probabilities(run, people, folder, tmp_path: Path):
    _compare(run, people, folder)
    out = tmp_path / "decided.parquet"
    said = run("predict", folder / "models" / "alm" / "seed-1", people, "-o", out)
    assert said.code == 0, said.err
    given, decided = pd.read_csv(people, dtype=str), pd.read_parquet(out)
    assert list(decided["age"]) == list(given["age"]), "cells stay as they are written"
    assert set(decided["prediction"]) <= {"<=50K", ">50K"}
    likely = decided["probability of >50K"] > 0.5
    assert (likely == (decided["prediction"] == ">50K")).all()


def test_predict_writes_beside_the_table_unless_told_where(run, people, folder):
    _compare(run, people, folder)
    said = run("predict", folder / "models" / "erm" / "seed-0", people)
    assert said.out.strip() == str(people.with_name("people of note.predicted.csv"))
    assert len(pd.read_csv(said.out.strip())) == 3_000


def test_a_row_is_decided_alike_whatever_else_is_in_its_file(run, people, folder, tmp_path: Path):
    _compare(run, people, folder)
    model = folder / "models" / "alm" / "seed-0"
    run("predict", model, people, "-o", tmp_path / "all.csv")
    whole = pd.read_csv(tmp_path / "all.csv")
    pd.read_csv(people, dtype=str)[5:8].to_csv(tmp_path / "three.csv", index=False)
    run("predict", model, tmp_path / "three.csv", "-o", tmp_path / "decided.csv")
    three = pd.read_csv(tmp_path / "decided.csv")
    assert list(three["probability of >50K"]) == list(whole["probability of >50K"][5:8])


def test_predict_does_not_overwrite_its_own_table(run, people, folder):
    _compare(run, people, folder)
    before = people.read_bytes()
    said = run("predict", folder / "models" / "alm" / "seed-0", people, "-o", people)
    assert said.code == 1
    assert "file of their own" in said.err
    assert people.read_bytes() == before


def test_predict_refuses_a_table_without_the_columns_it_needs(run, people, folder, tmp_path: Path):
    _compare(run, people, folder)
    pd.read_csv(people).drop(columns="age").to_csv(tmp_path / "ageless.csv", index=False)
    said = run("predict", folder / "models" / "erm" / "seed-0", tmp_path / "ageless.csv")
    assert said.code == 1
    assert "age" in said.err


@pytest.fixture
def predictions(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "truth": random.choice(["no", "yes"], 400),
            "decision": random.choice(["no", "yes"], 400),
            "sex": random.choice(["f", "m"], 400),
            "age": random.integers(18, 80, 400),
        }
    )
    path = tmp_path / "predictions.csv"
    table.to_csv(path, index=False)
    return path


def test_audit_prints_rates_by_group_and_disparities(run, predictions):
    said = run("audit", predictions, "--label", "truth", "--prediction", "decision",
               "--sensitive", "sex", "--sensitive", "age:40")  # fmt: skip
    assert said.code == 0, said.err
    assert 'gap("selection")' in said.out
    assert "f, age < 40" in said.out


def test_audit_prints_the_figures_of_the_library_as_json(run, predictions):
    said = run("audit", predictions, "--label", "truth", "--prediction", "decision",
               "--sensitive", "sex", "--json")  # fmt: skip
    table = pd.read_csv(predictions)
    expected = equipoise.audit(
        table["truth"], table["decision"], sensitive_features={"sex": table["sex"]}
    )
    assert json.loads(said.out) == expected.to_dict()


def test_the_positive_class_can_be_chosen(run, predictions):
    words = ("audit", predictions, "--label", "truth", "--prediction", "decision",
             "--sensitive", "sex", "--json")  # fmt: skip
    usual, other = json.loads(run(*words).out), json.loads(run(*words, "--positive", "no").out)
    selected = usual["groups"]["f"]["selection"]["value"]
    assert other["groups"]["f"]["selection"]["value"] == pytest.approx(1 - selected)


def test_audit_takes_a_column_of_weights(run, predictions):
    words = ("audit", predictions, "--label", "truth", "--prediction", "decision",
             "--sensitive", "sex", "--weight", "age", "--json")  # fmt: skip
    table = pd.read_csv(predictions)
    expected = equipoise.audit(
        table["truth"], table["decision"], sensitive_features=table["sex"],
        sample_weight=table["age"],
    ).to_dict()  # fmt: skip
    told = json.loads(run(*words).out)
    assert told["effective_rows"] == pytest.approx(expected["effective_rows"])
    for figure, value in expected["groups"]["f"]["selection"].items():
        assert told["groups"]["f"]["selection"][figure] == pytest.approx(value)


def test_reproduce_lists_what_can_be_rerun(run):
    assert "intervals" in run("reproduce").out


def test_a_file_is_no_folder_to_reproduce_into(run, tmp_path):
    there = tmp_path / "there"
    there.touch()
    found = run("reproduce", "intervals", "--out", str(there))
    assert found.code == 1
    assert "cannot write into" in found.err
    assert "choose another folder as --out" in found.err


def test_help_teaches_by_example(run):
    assert 'gap("selection") <= 0.05' in run("--help").out
    assert "EQUIPOISE_DATA" in run("compare", "--help").out


def test_version_is_told(run):
    assert run("--version").out.strip() == f"equipoise {equipoise.__version__}"


def test_the_help_of_compare_names_every_method(run):
    from equipoise.learn import METHODS

    said = run("compare", "--help").out
    assert all(f" {name}" in said for name in METHODS)


def _gated(run, predictions, condition, *more):
    return run(
        *("audit", predictions, "--label", "truth", "--prediction", "decision"),
        *("--sensitive", "sex", "--fail-if", condition, *more),
    )


def test_audit_exits_with_3_where_the_data_show_what_it_is_to_fail_at(run, predictions):
    said = _gated(run, predictions, 'worst("accuracy") < 0.999')
    assert said.code == 3
    assert "FAILED: worst" in said.err
    assert "disparity" in said.out


def test_audit_passes_where_they_do_not(run, predictions):
    said = _gated(run, predictions, 'gap("selection") > 0.9', "--json")
    assert said.code == 0
    assert json.loads(said.out)["fail_if"][0]["met"] is False


def test_a_condition_that_cannot_be_read_is_an_error_before_anything_is_read(run):
    said = _gated(run, "no such file.parquet", "gap of selection")
    assert said.code == 1
    assert "cannot read the condition" in said.err


@pytest.fixture
def scored(tmp_path):
    random = np.random.default_rng(0)
    score = random.random(600)
    table = pd.DataFrame(
        {
            "truth": (random.random(600) < score).astype(int),
            "score": score,
            "sex": random.choice(["f", "m"], 600),
        }
    )
    path = tmp_path / "scored.parquet"
    table.to_parquet(path)
    return path


def test_audit_of_scores_decides_by_a_threshold_and_tells_of_areas(run, scored):
    words = ("audit", scored, "--label", "truth", "--score", "score", "--sensitive", "sex")
    said = run(*words, "--threshold", 0.75)
    assert said.code == 0, said.err
    assert "area under ROC" in said.out
    assert "calibration error" in said.out
    found = json.loads(run(*words, "--json").out)
    assert 0.7 < found["scores"]["groups"]["f"]["auc"]["value"] < 0.95
    assert found["groups"]["f"]["selection"]["value"] == pytest.approx(0.5, abs=0.1)


def test_audit_writes_a_report_of_one_file(run, scored, tmp_path):
    out = tmp_path / "audit.html"
    said = run(
        *("audit", scored, "--label", "truth", "--score", "score", "--sensitive", "sex"),
        *("--fail-if", 'gap("selection") > 0.5', "--html", out),
    )
    assert said.code == 0, said.err
    assert str(out) in said.err
    text = out.read_text(encoding="utf-8")
    for words in ("four-fifths rule", "ROC curves", "Reliability", "told to fail if"):
        assert words in text
    assert "http://" not in text.replace("http://www.w3.org", "")


def test_audit_of_nothing_names_what_it_needs(run, scored):
    said = run("audit", scored, "--label", "truth", "--sensitive", "sex")
    assert said.code == 1
    assert "--prediction" in said.err
    assert "--score" in said.err


@pytest.mark.parametrize("by", ["prediction", "score"])
def test_audit_searches_the_other_columns_for_subgroups(run, tmp_path, by):
    random = np.random.default_rng(0)
    city = random.choice(["x", "y"], 4000)
    score = random.random(4000) * np.where(city == "x", 0.6, 1)
    table = pd.DataFrame(
        {
            "truth": np.where(random.random(4000) < 0.4, "yes", "no"),
            "score": score,
            "decision": np.where(score >= 0.5, "yes", "no"),
            "sex": random.choice(["f", "m"], 4000),
            "city": city,
        }
    )
    path, out = tmp_path / "table.csv", tmp_path / "audit.html"
    table.drop(columns="score" if by == "prediction" else "decision").to_csv(path, index=False)
    column = "decision" if by == "prediction" else "score"
    words = (
        *("audit", path, "--label", "truth", f"--{by}", column, "--sensitive", "sex"),
        *("--positive", "yes", "--subgroups", "selection", "--html", out),
    )
    said = run(*words)
    assert said.code == 0, said.err
    assert "city is" in said.out
    assert "city is" in out.read_text(encoding="utf-8")
    (found,) = json.loads(run(*words, "--json").out)["subgroups"]
    assert found["rule"] in ("city is x", "city is y")


def test_audit_says_that_it_searched_a_sample(run, tmp_path, scored, monkeypatch):
    monkeypatch.setattr("equipoise.audit.stream._SEARCHED", 400)
    out = tmp_path / "audit.html"
    words = (
        *("audit", scored, "--label", "truth", "--score", "score", "--sensitive", "sex"),
        *("--subgroups", "selection", "--html", out),
    )
    told = "a uniform random sample of 400 of the 600 rows, seed 0"
    assert told in run(*words).out
    assert told in out.read_text(encoding="utf-8")
    found = json.loads(run(*words, "--json").out)
    assert found["subgroups_sample"] == {"rows": 400, "of": 600, "seed": 0}


def test_a_threshold_decides_rounded_scores_as_it_reads(run, tmp_path):
    random = np.random.default_rng(0)
    score = random.integers(0, 11, 400) / 10
    table = pd.DataFrame({"y": random.integers(0, 2, 400), "s": score, "g": ["a", "b"] * 200})
    path = tmp_path / "rounded.parquet"
    table.to_parquet(path)
    words = ("audit", path, "--label", "y", "--score", "s", "--sensitive", "g", "--json")
    found = json.loads(run(*words, "--threshold", 0.7).out)
    expected = (score[::2] >= 0.7).mean()
    assert found["groups"]["a"]["selection"]["value"] == pytest.approx(expected)
    said = run(*words, "--threshold", 7)
    assert said.code == 1
    assert "decides everybody alike" in said.err


def test_audit_over_draws_says_what_rows_and_what_the_model_leave_open(run, tmp_path: Path):
    random = np.random.default_rng(0)
    table = pd.DataFrame({"y": random.integers(0, 2, 200), "sex": random.choice(["F", "M"], 200)})
    scores = random.random((5, 200))
    table = table.assign(**{f"p_{d}": s for d, s in enumerate(scores)})
    path, page = tmp_path / "t.csv", tmp_path / "page.html"
    table.to_csv(path, index=False)
    words = ("audit", path, "--label", "y", "--sensitive", "sex", "--draws", "p_*")
    said = run(*words, "--html", page)
    assert said.code == 0, said.err
    assert "5 draws of the model" in said.out
    assert "If the model were another draw" in page.read_text(encoding="utf-8")
    found = json.loads(run(*words, "--json").out)["posterior"]
    assert found["draws"] == 5
    told = found["disparities"]['gap("selection")']
    assert told["model"][0] <= told["median"] <= told["model"][1] <= told["both"][1]
    refused = run(*words, "--score", "p_0")
    assert refused.code != 0
    assert "--draws" in refused.err


def test_a_report_does_not_overwrite_the_predictions_that_are_audited(run, tmp_path: Path):
    path = tmp_path / "predictions.csv"
    path.write_text("sex,y,p\n" + "f,1,0\nm,0,1\n" * 20)
    before = path.read_bytes()
    words = ("--label", "y", "--prediction", "p", "--sensitive", "sex", "--html")
    said = run("audit", path, *words, path)
    assert said.code == 1
    assert "is the table that is read" in said.err
    assert path.read_bytes() == before
    assert run("audit", path, *words, tmp_path / "none" / "x.html").code == 1
