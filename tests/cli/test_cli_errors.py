"""Input that cannot give an answer ends with a message that says why and what to do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from equipoise.data import simulate_census


@pytest.fixture
def people() -> pd.DataFrame:
    return simulate_census(1_200).table.to_pandas()


@pytest.fixture
def refused(run, tmp_path: Path):
    """Compare a table, expect a refusal before any training, and return its words."""

    def command(table: pd.DataFrame, *words: object) -> str:
        path = tmp_path / "people.csv"
        table.to_csv(path, index=False)
        asked = {
            "--target": "income",
            "--sensitive": "sex",
            "--constraint": 'gap("true_positive") <= 0.1',
            "--out": tmp_path / "run",
        }
        asked |= dict(zip(words[::2], words[1::2], strict=True))
        said = run("compare", path, *(word for pair in asked.items() for word in pair))
        assert said.code == 1, said
        assert "Traceback" not in said.err
        assert not (tmp_path / "run").exists(), "something was begun"
        return " ".join(said.err.split())

    return command


def test_an_unknown_column_is_named_with_its_neighbour(refused, people):
    assert "'incom'" in (told := refused(people, "--target", "incom"))
    assert "income" in told


def test_an_unknown_sensitive_column_is_named(refused, people):
    assert "'gender'" in refused(people, "--sensitive", "gender")


def test_a_target_with_one_class_is_refused(refused, people):
    people["income"] = "same"
    assert "one class" in refused(people)


def test_a_target_with_missing_values_says_how_many(refused, people):
    people.loc[[3, 5], "income"] = None
    told = refused(people)
    assert "income" in told
    assert "2" in told


def test_a_group_without_positives_is_named_where_its_rate_needs_them(refused, people):
    people.loc[people["sex"] == "female", "income"] = "<=50K"
    told = refused(people)
    assert "true_positive of group 'female' is undefined" in told
    assert "Join the group with another" in told


def test_one_group_alone_cannot_be_compared(refused, people):
    people["sex"] = "female"
    assert "only 'female'" in refused(people)


@pytest.mark.parametrize(
    ("constraint", "reason"),
    [
        ('gap("selection") <= -0.1', "must be between 0 and 1"),
        ('gap("selection") >= 0.1', "would ask for unfairness"),
        ('ratio("selection") >= 1.2', "must be between 0 and 1"),
        ('gap("selektion") <= 0.1', "Did you mean 'selection'"),
        ("selection gap below 5 percent", "write it like"),
        ('worst("equalized_odds") >= 0.5', "no worst end"),
    ],
)
def test_a_promise_that_cannot_be_kept_or_read_is_explained(refused, people, constraint, reason):
    assert reason in refused(people, "--constraint", constraint)


@pytest.mark.parametrize(
    ("promises", "reason"),
    [
        (['gap("selection") <= 0.1', 'gap("selektion") <= 0.1'], "Did you mean 'selection'"),
        (['gap("selection") <= 0.1', 'gap("selection") <= 0.1'], "leave one of them out"),
        (['gap("selection") <= 0.1', 'gap("selection") <= 0.2'], "keep the stricter"),
        (
            ['gap("selection") <= 0.1', 'gap("true_positive") <= 0.1'],
            "true_positive of group 'female' is undefined",
        ),
    ],
)
def test_each_of_several_promises_is_explained_like_one(run, people, tmp_path, promises, reason):
    people.loc[people["sex"] == "female", "income"] = "<=50K"
    people.to_csv(tmp_path / "people.csv", index=False)
    said = run("compare", tmp_path / "people.csv", "--target", "income", "--sensitive", "sex",
               *(word for one in promises for word in ("--constraint", one)),
               "--out", tmp_path / "run")  # fmt: skip
    assert said.code == 1
    assert reason in " ".join(said.err.split())
    assert not (tmp_path / "run").exists(), "something was begun"


def test_where_all_models_diverge_the_cure_is_named(run, people, tmp_path: Path):
    people.to_csv(tmp_path / "people.csv", index=False)
    words = ("compare", tmp_path / "people.csv", "--target", "income", "--sensitive", "sex",
             "--constraint", 'gap("selection") <= 0.1', "--optimizer", "SGD",
             "--learning-rate", "1e30", "--steps", 20, "--seeds", 2, "--hidden", 4,
             "--out", tmp_path / "run")  # fmt: skip
    for asked in (words, ("report", tmp_path / "run")):
        said = run(*asked)
        assert said.code == 1
        assert "every model of every method diverged" in said.err
        assert "--learning-rate" in said.err
        assert "Traceback" not in said.err


def test_a_sensitive_column_with_thousands_of_values_is_refused_with_the_cure(refused, people):
    people["sex"] = np.arange(len(people))
    told = refused(people)
    assert "cut" in told


def test_missing_sensitive_values_are_refused_with_the_cure(refused, people):
    people.loc[:9, "sex"] = None
    assert "--missing-group" in refused(people)


def test_infinite_numbers_are_named_by_their_column(refused, people):
    people.loc[0, "hours"] = np.inf
    assert "'hours'" in refused(people)


def test_an_unknown_method_lists_the_methods(refused, people):
    assert "erm, penalty, alm" in refused(people, "--methods", "erm,magic")


def test_an_unknown_optimizer_is_explained(refused, people):
    assert "RMSprop" in refused(people, "--optimizer", "Adamm")


def test_hidden_layers_must_be_numbers(refused, people):
    assert "hidden" in refused(people, "--hidden", "64,many")


def test_a_truncated_parquet_file_is_said_to_be_damaged(run, people, tmp_path: Path):
    path = tmp_path / "people.parquet"
    people.to_parquet(path)
    path.write_bytes(path.read_bytes()[:-400])
    said = run("compare", path, "--target", "income", "--sensitive", "sex", "--constraint",
               'gap("selection") <= 0.1')  # fmt: skip
    assert said.code == 1
    assert "people.parquet" in said.err
    assert "Traceback" not in said.err


def test_a_known_table_that_is_not_there_says_where_it_was_looked_for(run, tmp_path: Path):
    said = run("compare", "adult", "--constraint", 'gap("selection") <= 0.1', "--data-dir",
               tmp_path)  # fmt: skip
    assert said.code == 1
    assert "adult.data" in said.err
    assert str(tmp_path) in said.err.replace("\n", "")


def test_a_name_that_is_neither_table_nor_file_lists_what_there_is(run):
    said = run("compare", "adlut", "--constraint", 'gap("selection") <= 0.1')
    assert said.code == 1
    assert "adult" in said.err


def test_a_folder_that_cannot_be_written_is_refused_before_training(run, tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    out = tmp_path / "file" / "run"
    said = run("compare", "census-sim", "--sensitive", "sex", "--rows", 2000, "--constraint",
               'gap("selection") <= 0.1', "--out", out)  # fmt: skip
    assert said.code == 1
    assert "cannot write" in said.err
    assert "seconds" not in said.out


def test_a_misspelt_option_is_a_usage_error(run):
    assert run("compare", "census-sim", "--constrain", "x").code == 2


def test_predictions_that_are_scores_are_refused_with_the_cure(run, tmp_path: Path):
    path = tmp_path / "scored.csv"
    pd.DataFrame({"y": [0, 1, 1], "p": [0.2, 0.9, 0.4], "s": list("aab")}).to_csv(path)
    said = run("audit", path, "--label", "y", "--prediction", "p", "--sensitive", "s")
    assert said.code == 1
    assert "score >= 0.5" in said.err


def test_a_folder_that_is_no_model_is_refused(run, tmp_path: Path):
    (tmp_path / "t.csv").write_text("a\n1\n")
    said = run("predict", tmp_path, tmp_path / "t.csv")
    assert said.code == 1
    assert "not a saved model" in said.err


def test_a_folder_that_is_no_run_is_refused(run, tmp_path: Path):
    said = run("report", tmp_path)
    assert said.code == 1
    assert "not a run" in said.err


def test_an_unknown_reproduction_lists_what_there_is(run):
    said = run("reproduce", "everything")
    assert said.code == 1
    assert "intervals" in said.err
