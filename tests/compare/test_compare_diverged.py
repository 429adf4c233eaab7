"""Models that diverge are left out and told of; the others and their answers stand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from equipoise.compare import Comparison
from equipoise.compare import trial as trials
from equipoise.compare.answer import left_out
from equipoise.compare.page import page
from equipoise.compare.run import compare
from equipoise.learn import METHODS, Method, TrainingSettings, register_method, train
from equipoise.optim.constrained import Unconstrained


def _steps_far_too_long(base, of):
    for group in base.param_groups:
        group["lr"] = 1e30
    return Unconstrained(base, of.n_constraints, of.n_replicates)


@pytest.fixture(scope="module")
def wild():
    """A method that always diverges."""
    yield register_method(Method("wild", "steps that are far too long", _steps_far_too_long)).name
    del METHODS["wild"]


@pytest.fixture(scope="module")
def asked(small: dict[str, Any], wild: str) -> dict[str, Any]:
    training = TrainingSettings(
        steps=60, batch_size=128, hidden=(8,), optimizer="SGD", learning_rate=0.1
    )
    return small | {"methods": ["erm", wild, "penalty"], "training": training}


@pytest.fixture(scope="module")
def found(asked: dict[str, Any], tmp_path_factory) -> Comparison:
    return compare("census-sim", out=tmp_path_factory.mktemp("wild") / "run", **asked)


@pytest.fixture
def fragile(monkeypatch: pytest.MonkeyPatch):
    """Let the first seed of a method diverge, and count what is trained of it."""
    runs: list[list[int]] = []

    def break_first_seed_of(method: str) -> list[list[int]]:
        def fragile_train(rows, n_classes, seeds, settings, *rest, **named):
            if settings.method == method:
                runs.append(list(seeds))
                if 0 in seeds:
                    raise FloatingPointError("training diverged: it was made to.")
            return train(rows, n_classes, seeds, settings, *rest, **named)

        monkeypatch.setattr(trials, "train", fragile_train)
        return runs

    return break_first_seed_of


def _files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "timings.json"
    }


def test_a_method_whose_models_all_diverge_is_not_shown_and_never_best(found: Comparison, wild):
    (lost,) = (s for s in found.summaries if s.method == wild)
    assert lost.verdict == "not shown"
    assert lost.trial.chosen is None
    assert lost.trial.diverged == [0, 1]
    assert "diverged" in lost.promises[0].certificate.reason
    assert found.best is not lost
    with pytest.raises(ValueError, match=r"wild has no model: .*finite"):
        found.model(wild)


def test_it_is_in_the_table_and_the_report_as_diverged(found: Comparison, wild: str):
    (table,) = found.tables()
    assert table.columns[-1].heading == "diverged"
    said = {row[0].text: [cell.text for cell in row] for row in table.cells}
    assert said[wild][4] == "not shown"
    assert [said[method][-1] for method in ("erm", wild, "penalty")] == ["", "2 of 2 models", ""]
    text = " ".join(found.report.read_text().split())
    assert left_out(found).startswith(
        "Diverged, and left out of all figures: 2 of 2 models of wild"
    )
    assert "left out of all figures: 2 of 2 models of wild. A smaller learning rate" in text
    assert "wild: all its models diverged" in text
    assert "means over the models that did not diverge" in text


def test_it_is_in_json_and_in_the_results_as_diverged(found: Comparison, wild: str):
    said = json.loads(json.dumps(found.to_dict(), allow_nan=False))["methods"][wild]
    assert said["verdict"] == "not shown"
    assert said["diverged"] == 2
    assert said["model"] is None
    assert said["accuracy"]["value"] is None
    (promise,) = said["promises"]
    assert "diverged" in promise["certificate"]["reason"]
    rows = [r for r in pq.read_table(found.folder.results).to_pylist() if r["method"] == wild]
    assert len(rows) == 2 * 4
    assert all(row["diverged"] and row["accuracy"] is None for row in rows)
    certified = [row for row in rows if row["part"] == "certificate"]
    assert {row["certificate"] for row in certified} == {"not shown"}
    assert all("diverged" in row["reason"] for row in certified)


def test_the_other_methods_end_as_they_would_have_without_it(found: Comparison, asked, tmp_path):
    # Of as many methods, so that margins and certificates are the same.
    calm = compare(
        "census-sim", out=tmp_path / "run", **asked | {"methods": ["erm", "alm", "penalty"]}
    )
    for number in (0, 2):
        one, two = found.summaries[number], calm.summaries[number]
        assert one.trial.to_dict() == two.trial.to_dict()
        assert one.promises == two.promises


def test_a_seed_that_diverges_is_left_out_and_the_others_are_kept(
    fragile, small, finished: Comparison, tmp_path: Path
):
    runs = fragile("alm")
    found = compare("census-sim", out=tmp_path / "run", **small)
    assert runs == [[0, 1], [0], [1]]
    alm, whole = found.summaries[-1], finished.summaries[-1]
    assert alm.trial.diverged == [0]
    assert alm.trial.chosen == 1
    assert found.folder.model(alm.trial).name == "seed-1"
    assert not (found.folder.path / "models" / "alm" / "seed-0").exists()
    assert found.model("alm").about["seed"] == 1
    np.testing.assert_allclose(
        alm.trial.counts["test"][0].table, whole.trial.counts["test"][1].table, atol=2
    )
    assert alm.trial.history.loss.shape[1] == 1
    rows = [r for r in pq.read_table(found.folder.results).to_pylist() if r["method"] == "alm"]
    assert [row["diverged"] for row in rows if row["part"] == "test"] == [True, False]
    assert [cell[-1].text for cell in found.tables()[0].cells] == ["", "", "1 of 2 models"]
    assert "1 of 2 models of alm" in page(found).render()
    # The other methods are not touched by it.
    for one, two in zip(found.trials[:2], finished.trials[:2], strict=True):
        assert one.to_dict() == two.to_dict()


@pytest.mark.parametrize("at", [1, 30])
def test_a_run_stopped_among_its_seeds_one_by_one_ends_with_the_same_bytes(
    at: int, fragile, small, tmp_path: Path
):
    fragile("alm")
    asked = small | {"methods": ["erm", "alm"]}
    undisturbed = compare("census-sim", out=tmp_path / "undisturbed", **asked).folder.path

    def stop(method: str, done: int, of: int) -> None:
        if (method, done) == ("alm", at):
            raise KeyboardInterrupt

    folder = tmp_path / "stopped"
    with pytest.raises(KeyboardInterrupt):
        compare("census-sim", out=folder, progress=stop, **asked)
    assert not (folder / "trials" / "alm.json").exists()
    compare("census-sim", out=folder, **asked)
    assert _files(folder) == _files(undisturbed)


def test_a_run_stopped_after_a_method_diverged_ends_with_the_same_bytes(
    found: Comparison, asked, wild, tmp_path: Path
):
    def stop(method: str, done: int, of: int) -> None:
        if method == "penalty":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compare("census-sim", out=tmp_path / "run", progress=stop, **asked)
    before = (tmp_path / "run" / "trials" / f"{wild}.json").stat()
    compare("census-sim", out=tmp_path / "run", **asked)
    after = (tmp_path / "run" / "trials" / f"{wild}.json").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert _files(tmp_path / "run") == _files(found.folder.path)


def test_where_every_method_diverges_the_cure_is_named_again_and_again(small, tmp_path: Path):
    training = TrainingSettings(
        steps=20, batch_size=128, hidden=(4,), optimizer="SGD", learning_rate=1e30
    )
    asked = small | {"methods": ["erm", "alm"], "training": training}
    for _ in range(2):
        with pytest.raises(FloatingPointError, match=r"every model .*--learning-rate"):
            compare("census-sim", out=tmp_path / "run", **asked)
    assert not (tmp_path / "run" / "report.html").exists()
