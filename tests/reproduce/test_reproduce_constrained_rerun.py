"""Both parts at a tiny size, and the quick tier as it is."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from equipoise.reproduce import Workplace, find_reproduction
from equipoise.reproduce.constrained import fair, paper, published, rerun
from equipoise.reproduce.constrained.cell import Cells
from equipoise.reproduce.constrained.fair import FairSize, TaskResults, run_fair
from equipoise.reproduce.constrained.measures import constant_loss
from equipoise.reproduce.constrained.methods import PAPER_METHODS, contenders, ghost_units
from equipoise.reproduce.constrained.paper import PaperSize, run_paper
from equipoise.reproduce.constrained.paper_claims import paper_claims
from equipoise.reproduce.constrained.tables import frontier_table, wins_table
from equipoise.reproduce.constrained.tasks import PAPER_EMBEDDED, Task, fair_tasks, prepare

TINY = FairSize(6, 64, 2, 3)
SHORT = PaperSize(240, 240, 2)
FEW = ("erm", "alm", "ssl-alm", "switching", "regularised", "group-dro", "thresholds")
TASKS = (
    Task("selection", "census-sim", ("sex",), 'gap("selection") <= 0.05', rows=900),
    Task("loss", "census-sim", ("race",), 'gap("loss") <= 0.05', rows=900),
)


def _few():
    return [one for one in contenders() if one.name in FEW]


@pytest.fixture(scope="module")
def own() -> list[TaskResults]:
    return run_fair(Cells(), TASKS, TINY, entrants=_few())


@pytest.fixture(scope="module")
def theirs() -> paper.PaperResults:
    small, races = (
        replace(PAPER_EMBEDDED, rows=800, sensitive=(who,), name=who) for who in ("sex", "race")
    )
    return run_paper(Cells(), small, SHORT, many=races)


def test_everybody_sees_as_many_rows_in_the_papers_part(theirs):
    for name, record in theirs.records.items():
        training = record.cell["training"]
        seen = training["steps"] * training["batch_size"]
        assert SHORT.rows_seen - training["batch_size"] < seen <= SHORT.rows_seen
        units = PAPER_METHODS[name].method.evaluations
        assert training["batch_size"] == round(PAPER_METHODS[name].unit * units)
        assert (training["schedule"], training["iterate"]) == ("constant", "last")


def test_the_papers_ghost_evaluates_so_many_units():
    random = np.random.default_rng(0)
    level = random.geometric(0.4, 400_000) - 1
    level = level[level <= 6]
    assert ghost_units(0.4) == pytest.approx(1 + (2.0 ** (level + 1)).mean(), rel=0.02)


def test_many_groups_have_the_settings_of_the_second_version(theirs):
    assert {m: r.cell["training"]["learning_rate"] for m, r in theirs.many.items()} == {
        "sgd": 0.005,
        "ssl-alm": 0.05,
        "switching": 0.05,
        "ghost": 0.005,
    }
    assert {r.cell["method"] for r in theirs.many.values()} > {"second-ssl-alm", "second-ghost"}


def test_the_papers_figures_stand_beside_ours(theirs):
    claims = paper_claims(theirs)
    (gap,) = (one for one in claims if one.claim.startswith("unconstrained SGD breaks"))
    assert gap.paper == "0.0629"
    np.testing.assert_allclose(gap.ours, theirs.of("train", "sgd", "loss_gap").mean())
    assert sum("second hand" in one.claim for one in claims) == len(theirs.many) == 4
    assert published.published("test", "ghost", "inaccuracy") == 0.2757
    assert published.published("train", "sgd", "auc") == 0.8451


def test_the_paper_numbers_codes_and_splits_by_group():
    ready = prepare(replace(PAPER_EMBEDDED, rows=1_000))
    train = ready.parts["train"]
    assert len(train) == pytest.approx(800, abs=1)
    np.testing.assert_allclose(train.features.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(train.features.std(0, correction=0), 1, atol=1e-5)


def test_a_group_can_be_set_against_the_rest():
    task = Task("race", "census-sim", ("race",), 'gap("loss") <= 1', rows=900, against_rest="A")
    groups = prepare(task).parts["train"].groups
    assert groups.names == ("A", "others")
    with pytest.raises(ValueError, match="against_rest is 'D'"):
        prepare(replace(task, against_rest="D"))


def test_final_models_start_from_seeds_that_chose_nothing(own):
    for task in own:
        for entry in task.entries.values():
            tried = {seed for record in entry.tuning for seed in record.cell["seeds"]}
            assert not tried & set(entry.samples.cell["seeds"])
            assert len(entry.tuning) == 3
            assert entry.samples.cell["configuration"] == entry.setting


def test_equal_time_gives_cheap_methods_more_steps(own):
    for task in own:
        for entry in task.entries.values():
            steps = entry.time.cell["training"]["steps"]
            assert TINY.steps / 4 <= steps + 1
            assert steps <= 4 * TINY.steps


def test_thresholds_do_not_enter_where_they_change_nothing(own):
    by_task = {task.ready.task.name: set(task.entries) for task in own}
    assert by_task["selection"] - by_task["loss"] == {"thresholds"}


def test_a_method_pays_for_what_it_breaks_and_gains_nothing_by_more(own):
    for task in own:
        for name, entry in task.entries.items():
            violation = entry.samples.of("test", "violation")
            cost = entry.samples.of("test", task.cost)
            np.testing.assert_allclose(task.merit(name), cost + violation.clip(min=0))


def test_volumes_are_shares(own):
    for task in own:
        label = task.ready.parts["test"].label.numpy()
        assert constant_loss(label) > 0
        assert all(0 <= task.volume(name) <= 1 for name in task.entries)


def test_the_tables_name_every_method(own):
    for task in own:
        shown = {row[0] for row in frontier_table(task).rows}
        assert shown == set(task.entries)
    assert {row[0].split(". ")[1] for row in wins_table(own).rows} == set(FEW)


def test_every_bound_is_within_reach_of_the_test_rows_by_its_units():
    for task in fair_tasks(with_real=True):
        assert 0 < task.promise.bound < 0.2
        assert task.promise.disparity.kind == "gap"


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setattr(rerun, "contenders", lambda most: _few())
    monkeypatch.setattr(rerun, "fair_tasks", lambda with_real: TASKS)
    monkeypatch.setitem(paper.SIZES, "quick", PaperSize(240, 0, 2))
    monkeypatch.setitem(fair.SIZES, "quick", TINY)


def test_a_rerun_that_was_stopped_goes_on_where_it_was(tiny, tmp_path, monkeypatch):
    kept = Cells.record
    trained = []

    def stopped(self, cell):
        if len(trained) == 12:
            raise KeyboardInterrupt
        trained.append(cell)
        return kept(self, cell)

    monkeypatch.setattr(Cells, "record", stopped)
    reproduction = find_reproduction("constrained")
    with pytest.raises(KeyboardInterrupt):
        reproduction.run("quick", Workplace(out=tmp_path))
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "cells").iterdir()}
    assert len(files) == 12
    monkeypatch.setattr(Cells, "record", kept)
    told = []
    outcome = reproduction.run(
        "quick", Workplace(out=tmp_path, progress=lambda *what: told.append(what))
    )
    assert {path: path.stat().st_mtime_ns for path in files} == files
    assert len(told) == told[0][2]
    again = reproduction.run("quick", Workplace(out=tmp_path))
    assert again.to_dict() == outcome.to_dict()
    assert "acs" not in json.dumps(outcome.to_dict())


def test_the_page_is_one_file_with_every_figure(tiny, tmp_path):
    outcome = find_reproduction("constrained").run("quick", Workplace(out=tmp_path))
    page = outcome.page.render()
    assert page.count("<svg") == 2 + len(TASKS)
    for claim in outcome.claims:
        assert claim.paper.replace("'", "&#39;") in page
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_the_full_tier_says_what_it_needs(monkeypatch):
    monkeypatch.delenv("EQUIPOISE_DATA", raising=False)
    with pytest.raises(ValueError, match="--data-dir"):
        find_reproduction("constrained").run("full")


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_quick_tier_finds_what_it_always_finds(tmp_path: Path):
    claims = find_reproduction("constrained").run("quick", Workplace(out=tmp_path, jobs=2)).claims
    verdicts = {claim.claim: claim.verdict for claim in claims}

    def verdict(start: str) -> str:
        (found,) = (said for text, said in verdicts.items() if text.startswith(start))
        return found

    assert verdict("SGD's test error over") == "holds"
    assert verdict("unconstrained SGD breaks") == "holds"
    assert verdict("the level of 0.005 is below") == "holds"
    assert verdict("no method reaches 0.005") == "holds"
    assert verdict("on the simulated census erm comes within") == "holds"
    assert verdict("alm keeps the promise on the training rows") != "does not hold"
