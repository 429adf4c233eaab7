from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from equipoise.learn import METHODS, Method, Setting, register_method, train
from equipoise.optim.constrained import ConstrainedOptimizer, Penalty
from equipoise.reproduce.constrained import cell as cells
from equipoise.reproduce.constrained.cell import Cell, Cells, Record, train_cell
from equipoise.reproduce.constrained.methods import GRID, Configuration, contenders
from equipoise.reproduce.constrained.tasks import Ready, Task, prepare

TASK = Task("tiny", "census-sim", ("sex",), 'gap("selection") <= 0.05', rows=1_500)


@pytest.fixture(scope="module")
def ready() -> Ready:
    return prepare(TASK)


def _cell(ready: Ready, method: str = "erm", **training) -> Cell:
    grid = {one.name: one.grid for one in contenders()}[method]
    return Cell(ready, grid[0], (0, 1), {"steps": 4, "batch_size": 32, "hidden": [8], **training})


def test_a_cell_that_is_there_is_not_trained_again(ready: Ready, tmp_path, monkeypatch):
    first = Cells(tmp_path).record(_cell(ready))
    monkeypatch.setattr(cells, "train_cell", lambda cell: pytest.fail("it was trained again"))
    again = Cells(tmp_path).record(_cell(ready))
    assert again.to_dict() == first.to_dict()


def test_without_a_folder_a_cell_is_kept_for_as_long_as_the_run(ready: Ready):
    kept = Cells()
    assert kept.record(_cell(ready)) is kept.record(_cell(ready))
    assert kept.trained == 1


def test_whatever_changes_the_result_changes_the_name(ready: Ready):
    one = _cell(ready)
    others = [
        replace(one, seeds=(0, 2)),
        replace(one, training={**one.training, "steps": 5}),
        replace(one, configuration=replace(one.configuration, asked=0.5)),
        replace(one, configuration=replace(one.configuration, thresholds=True)),
        replace(one, ready=replace(ready, fingerprint="another")),
        replace(one, ready=replace(ready, task=replace(TASK, constraint='gap("loss") <= 1'))),
    ]
    assert len({cell.name for cell in (one, *others)}) == 1 + len(others)
    assert _cell(ready).name == one.name


def test_a_damaged_file_is_named(ready: Ready, tmp_path):
    Cells(tmp_path).record(_cell(ready))
    (path,) = (tmp_path / "cells").iterdir()
    path.write_text(path.read_text()[:50])
    with pytest.raises(ValueError, match=r"json is damaged; delete it"):
        Cells(tmp_path).record(_cell(ready))


def test_a_record_survives_json(ready: Ready):
    record = train_cell(_cell(ready))
    record.parts["test"]["sufficiency"][0] = np.nan
    again = Record.from_dict(json.loads(json.dumps(record.to_dict(), allow_nan=False)))
    np.testing.assert_equal(again.to_dict(), record.to_dict())
    assert np.isnan(again.of("test", "sufficiency")[0])


def test_every_part_and_every_seed_is_measured(ready: Ready):
    record = train_cell(_cell(ready))
    assert set(record.parts) == {"train", "validation", "test"}
    assert record.of("test", "violation").shape == (2,)
    assert record.kkt["stationarity"].shape == (2,)
    assert (record.kkt["stationarity"] > 0).all()
    np.testing.assert_allclose(
        record.of("train", "violation"), record.of("train", "disparity") - 0.05
    )


def test_a_method_that_diverges_is_recorded_and_not_raised(ready: Ready):
    one = Configuration("wild", METHODS["erm"], training={"learning_rate": 1e30})
    record = train_cell(replace(_cell(ready, optimizer="SGD", steps=30), configuration=one))
    assert "finite" in record.failed
    assert np.isnan(record.of("test", "loss")).all()


def test_a_seed_that_diverges_does_not_take_the_others_with_it(ready: Ready, monkeypatch):
    def fragile(rows, n_classes, seeds, *rest, **named):
        if 1 in seeds:
            raise FloatingPointError("not finite")
        return train(rows, n_classes, seeds, *rest, **named)

    monkeypatch.setattr(cells, "train", fragile)
    record = train_cell(_cell(ready))
    assert not record.failed
    assert record.n_diverged == 1
    assert list(np.isnan(record.of("test", "loss"))) == [False, True]
    assert list(np.isnan(record.kkt["stationarity"])) == [False, True]
    monkeypatch.undo()
    np.testing.assert_allclose(
        record.of("test", "loss")[0], train_cell(_cell(ready)).of("test", "loss")[0], rtol=1e-4
    )


def test_thresholds_are_chosen_on_validation_rows_and_change_decisions_alone(ready: Ready):
    cell = _cell(ready, "thresholds", steps=200)
    plain = replace(cell, configuration=replace(cell.configuration, thresholds=False))
    after, before = train_cell(cell), train_cell(plain)
    np.testing.assert_allclose(after.of("test", "loss"), before.of("test", "loss"))
    assert (after.of("validation", "violation") <= 0).all()
    assert (before.of("validation", "violation") > 0).all()


def test_training_with_a_method_leaves_the_registered_ones_as_they_are(ready: Ready):
    before = dict(METHODS)
    train_cell(_cell(ready, "regularised"))
    assert before == METHODS


def test_every_contender_has_as_many_settings():
    assert {len(one.grid) for one in contenders()} == {GRID}
    for one in contenders():
        assert len({setting.label for setting in one.grid}) == GRID


def test_a_method_of_ones_own_competes():
    def wrap(base, of: Setting) -> ConstrainedOptimizer:
        return Penalty(base, of.n_constraints, of.n_replicates, strength=2.0)

    register_method(Method("mine", "a penalty of my own", wrap))
    try:
        (mine,) = (one for one in contenders() if one.name == "mine")
    finally:
        del METHODS["mine"]
    assert mine.constrained
    assert [one.asked for one in mine.grid] == [1.0, 0.75, 0.5]


def test_methods_whose_steps_are_dear_can_be_left_out():
    assert "ghost" in {one.name for one in contenders()}
    assert "ghost" not in {one.name for one in contenders(2)}


def test_a_share_of_the_bound_is_what_training_is_given(ready: Ready):
    one = Configuration("half", METHODS["alm"], asked=0.5)
    assert str(one.target(TASK.promise)) == 'gap("selection") <= 0.025'
    assert str(replace(one, aim='worst("loss") <= 0').target(TASK.promise)) == 'worst("loss") <= 0'
