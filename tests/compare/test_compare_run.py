from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from equipoise.compare import Comparison, Settings
from equipoise.compare.prepare import prepare
from equipoise.compare.run import compare
from equipoise.compare.store import RunFolder
from equipoise.compare.trial import run_trial
from equipoise.constraints import gap
from equipoise.data import Dataset, load, simulate_census
from equipoise.learn import Model, TrainingSettings
from equipoise.rates import Rate


def test_a_run_leaves_report_results_models_and_settings(folder: Path):
    kept = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    models = {
        f"models/{method}/seed-{number}/{file}"
        for method in ("erm", "penalty", "alm")
        for number in range(2)
        for file in ("model.json", "weights.safetensors")
    }
    trials = {f"trials/{method}.json" for method in ("erm", "penalty", "alm")}
    assert kept == models | trials | {
        "report.html",
        "results.parquet",
        "run.json",
        "timings.json",
    }


def test_run_json_holds_settings_versions_and_the_fingerprint_of_the_data(folder: Path):
    described = json.loads((folder / "run.json").read_text())
    dataset = load("census-sim", sensitive=["sex"], rows=6_000)
    assert described["data"]["fingerprint"] == dataset.fingerprint
    assert described["settings"]["constraints"] == ['gap("selection") <= 0.1']
    assert {"equipoise", "torch", "numpy"} <= set(described["versions"])


def test_results_have_a_row_for_each_method_seed_and_part(finished: Comparison):
    rows = pq.read_table(finished.folder.results).to_pylist()
    assert len(rows) == 3 * 2 * 4
    erm = [r for r in rows if (r["method"], r["part"]) == ("erm", "test")]
    test = finished.trials[0].counts["test"]
    assert [r["accuracy"] for r in erm] == [counts.accuracy for counts in test]
    certified = [r for r in rows if r["certificate"] is not None]
    assert {(r["method"], r["part"], r["chosen"]) for r in certified} == {
        (method, "certificate", True) for method in ("erm", "penalty", "alm")
    }


def test_a_saved_model_decides_what_was_counted(finished: Comparison):
    dataset = load("census-sim", sensitive=["sex"], rows=6_000)
    prepared = prepare(dataset, finished.settings)
    for trial in finished.trials:
        for number, counts in enumerate(trial.counts["test"]):
            home = finished.folder.path / "models" / trial.method / f"seed-{number}"
            test = prepared.parts["test"]
            decided = Model.load(home).probabilities(test.features).argmax(axis=1)
            assert (decided == test.label).mean() == counts.accuracy


def test_parts_are_disjoint_cover_the_table_and_keep_the_shares_of_groups_and_labels(finished):
    dataset = load("census-sim", sensitive=["sex"], rows=6_000)
    parts = prepare(dataset, finished.settings).parts
    assert sum(map(len, parts.values())) == 6_000
    for part in parts.values():
        for group in (0, 1):
            inside, overall = part.groups.codes == group, dataset.sensitive["sex"].to_numpy()
            overall = overall == part.groups.names[group]
            assert inside.mean() == pytest.approx(overall.mean(), abs=0.005)
            rate, expected = part.label[inside].mean(), dataset.target[overall].mean()
            assert rate == pytest.approx(expected, abs=0.005)


def test_features_are_learnt_from_the_training_rows_alone():
    table = simulate_census(2_000).table
    dataset = Dataset.from_table(table, target="income", sensitive=["sex"])
    settings = Settings(gap("selection") <= 0.1)
    ages = prepare(dataset, settings).parts["train"].features[:, 0]
    assert ages.mean() == pytest.approx(0, abs=1e-6)
    assert ages.std() == pytest.approx(1, abs=1e-6)


def test_the_certificate_rows_influence_nothing_but_the_certificate(finished: Comparison):
    dataset = load("census-sim", sensitive=["sex"], rows=6_000)
    settings = replace(finished.settings, methods=("alm",), margin=0.02)
    targets = [settings.constraints[0].tightened(0.02)]
    prepared = prepare(dataset, settings)
    part = prepared.parts["certificate"]
    other = replace(part, label=1 - part.label, features=part.features[::-1].copy())
    changed = replace(prepared, parts={**prepared.parts, "certificate": other})
    (one, models), (two, changed_models) = (
        run_trial(p, settings, targets, "alm") for p in (prepared, changed)
    )
    assert one.chosen == two.chosen
    for name in ("train", "validation", "test"):
        for a, b in zip(one.counts[name], two.counts[name], strict=True):
            np.testing.assert_array_equal(a.table, b.table)
    for a, b in zip(models, changed_models, strict=True):
        np.testing.assert_array_equal(
            a.probabilities(prepared.parts["test"].features),
            b.probabilities(prepared.parts["test"].features),
        )


def test_the_same_call_finds_its_finished_run_and_trains_nothing(tmp_path, monkeypatch, small):
    monkeypatch.chdir(tmp_path)
    small = {**small, "rows": 2_000, "methods": ["erm"], "seeds": 1}
    told: list[str] = []
    first = compare("census-sim", **small, progress=lambda method, done, of: told.append(method))
    assert told
    told.clear()
    again = compare("census-sim", **small, progress=lambda method, done, of: told.append(method))
    assert told == []
    assert again.folder.path == first.folder.path
    assert first.folder.path.parent.name == "runs"


def test_another_question_in_the_same_folder_is_refused_and_named(folder: Path, small):
    with pytest.raises(ValueError, match=r"holds another run: it differs in .*settings"):
        compare("census-sim", out=folder, **{**small, "seeds": 3})


def test_a_folder_with_other_things_in_it_is_refused(tmp_path: Path, small):
    (tmp_path / "thesis.tex").write_text("...")
    with pytest.raises(ValueError, match="neither empty nor a run"):
        compare("census-sim", out=tmp_path, **small)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_dataframe_in_memory_is_compared(tmp_path: Path, small):
    table = simulate_census(2_000).table.to_pandas()
    found = compare(
        table,
        target="income",
        out=tmp_path / "run",
        **{**small, "rows": None, "methods": ["erm"], "seeds": 1},
    )
    assert [s.method for s in found.summaries] == ["erm"]


def test_three_classes_and_overlapping_groups(tmp_path: Path):
    census = simulate_census(3_000).table
    hours = census["hours"].to_numpy()
    table = {name: census[name].to_numpy() for name in census.columns if name != "hours"}
    table["work"] = np.where(hours < 35, "little", np.where(hours < 42, "usual", "much"))
    import pandas as pd

    found = compare(
        pd.DataFrame(table),
        target="work",
        sensitive=["sex", "race"],
        constraint='gap("accuracy") <= 0.2',
        how="each",
        seeds=1,
        out=tmp_path / "run",
        training=TrainingSettings(steps=30, hidden=(8,)),
    )
    assert len(found.trials[0].counts["test"][0].groups) == 5
    assert found.report.is_file()


def test_a_promise_about_losses_is_trained_for_and_never_certified(tmp_path: Path, small):
    found = compare(
        "census-sim",
        out=tmp_path / "run",
        **{**small, "constraint": 'gap("loss") <= 0.05', "methods": ["alm"]},
    )
    assert found.summaries[0].promises[0].certificate.verdict == "not shown"
    assert "losses have no upper end" in found.report.read_text()


def test_a_rate_of_ones_own_is_refused_before_training(tmp_path: Path, small):
    own = Rate("missed", lambda y, p, c: p != c, lambda y, p, c: y == c, better="low")
    with pytest.raises(ValueError, match="a rate of your own"):
        compare("census-sim", out=tmp_path / "run", **{**small, "constraint": gap(own) <= 0.1})
    assert not (tmp_path / "run").exists()


def test_a_figure_that_is_never_defined_does_not_keep_the_report_from_being_written(tmp_path):
    table = simulate_census(1_500).table.to_pandas()
    # Nobody is predicted to have what one in twenty has by chance, so no share of them is right.
    table["income"] = np.where(np.arange(1_500) % 20 == 0, ">50K", "<=50K")
    found = compare(
        table,
        target="income",
        sensitive=["sex"],
        constraint='gap("predictive_value") <= 0.1',
        methods=["erm"],
        seeds=1,
        out=tmp_path / "run",
        training=TrainingSettings(steps=300, hidden=(), learning_rate=0.02),
    )
    assert np.isnan(found.trials[0].history.disparity[-3:]).all()
    assert "undefined" in found.report.read_text()


def test_two_processes_do_not_work_in_one_folder_at_once(tmp_path: Path, small):
    folder = RunFolder(tmp_path / "run")
    with folder.locked(), pytest.raises(OSError, match="another process is at work"):
        compare("census-sim", out=folder.path, **small)


def test_weights_count_in_the_loss_and_the_promise_counts_rows(tmp_path: Path):
    table = simulate_census(6_000).table.to_pandas()
    table["weight"] = np.where(table["sex"] == "male", 5.0, 1.0)
    found = compare(
        table,
        target="income",
        sensitive=["sex"],
        weights="weight",
        constraint='gap("selection") <= 0.1',
        margin=0.0,
        methods=["alm"],
        seeds=1,
        out=tmp_path / "run",
        training=TrainingSettings(steps=300, hidden=(8,)),
    )
    assert found.summaries[0].promises[0].disparity.value < 0.15
    assert "Rows were weighted in the loss" in found.report.read_text()


def test_a_damaged_trial_is_named_with_the_cure(tmp_path: Path, small):
    folder = tmp_path / "run"
    compare("census-sim", out=folder, **{**small, "methods": ["erm"]})
    (folder / "trials" / "erm.json").write_text("{}")
    with pytest.raises(ValueError, match=r"erm\.json is damaged; delete it"):
        compare("census-sim", out=folder, **{**small, "methods": ["erm"]})


def test_a_table_too_small_to_divide_is_refused(tmp_path: Path, small):
    with pytest.raises(ValueError, match="only 40 rows"):
        compare("census-sim", out=tmp_path / "run", **{**small, "rows": 40})


def test_rare_groups_that_are_too_few_together_are_refused_with_the_cure(tmp_path: Path, small):
    with pytest.raises(ValueError, match="min-group"):
        compare(
            "census-sim",
            out=tmp_path / "run",
            **{**small, "sensitive": ["age:19.5"], "min_group": 5_000},
        )


def test_repair_is_compared_like_any_other_method(tmp_path):
    found = compare(
        "census-sim", constraint='gap("selection") <= 0.1', sensitive=["sex"], rows=3000,
        methods=("erm", "repair"), seeds=1, out=tmp_path / "run",
        training=TrainingSettings(steps=60, hidden=(8,)),
    )  # fmt: skip
    assert [summary.trial.method for summary in found.summaries] == ["erm", "repair"]
    gaps = [summary.promises[0].disparity.value for summary in found.summaries]
    assert gaps[1] < gaps[0]
