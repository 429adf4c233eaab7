"""From a table to a repaired one: what is written, what is reported, what classifiers decide."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from people import people

import equipoise
from equipoise import Dataset
from equipoise.data import DataError
from equipoise.repair import Choices

RATIO = 'ratio("selection") >= 0.9'


def table():
    found, label = people()
    return found.assign(hired=label, age=np.arange(len(found)) % 50 + 18)


def repaired(**given):
    usual = {"target": "hired", "sensitive": ["sex"], "constraint": RATIO, "classifiers": False}
    return equipoise.repair(table(), **{**usual, **given})


def rates(frame, by="sex"):
    return frame.assign(hired=frame["hired"] == "yes").groupby(by)["hired"].mean()


def test_the_rows_drawn_keep_the_promise_up_to_chance():
    frame = repaired(n=40_000).table.to_pandas()
    before, after = rates(table()), rates(frame)
    assert before.min() / before.max() < 0.8
    assert abs(after.min() / after.max() - 0.9) < 0.03
    assert list(frame.columns) == ["sex", "place", "skill", "children", "title", "age", "hired"]


def test_the_law_keeps_it_exactly():
    moved = repaired().moved
    assert moved.rates_after.min() / moved.rates_after.max() == pytest.approx(0.9, abs=1e-8)


def test_weighed_rows_are_those_of_the_data_and_keep_it_exactly():
    found = repaired(weigh="w")
    frame = found.table.to_pandas()
    assert len(frame) == len(table())
    assert frame["age"].tolist() == table()["age"].tolist()
    share = frame.assign(hired=(frame["hired"] == "yes") * frame["w"]).groupby("sex")
    after = share["hired"].sum() / share["w"].sum()
    assert after.min() / after.max() == pytest.approx(0.9, abs=1e-8)
    assert np.allclose(found.drawn.sum(), len(frame))


def test_groups_that_cut_a_number_keep_its_values():
    frame = repaired(sensitive=["age:40"], choices=Choices(share=1.0)).table.to_pandas()
    assert frame["age"].between(18, 67).all()
    assert frame["age"].nunique() > 40


def test_rare_groups_can_be_joined():
    found = repaired(sensitive=["place"], missing_group="unknown", min_group=200)
    assert found.moved.groups == ("north", "south", "west", "others")


def test_a_data_set_that_has_its_roles_is_repaired_too():
    dataset = Dataset.from_table(table(), target="hired", sensitive=["sex"])
    found = equipoise.repair(dataset, constraint=RATIO, classifiers=False)
    assert found.table.columns == ["place", "skill", "children", "title", "age", "sex", "hired"]


def test_one_seed_gives_one_table():
    one, same, other = (repaired(n=200, seed=seed).table.to_pandas() for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(one, same)
    assert not one.equals(other)


def test_classifiers_trained_on_repaired_rows_select_more_evenly():
    found = repaired(constraint='gap("selection") <= 0', classifiers=True)
    by = {(one.learner, one.rows): one for one in found.judged}
    assert len(by) == 6
    for learner in ("decision tree", "boosted trees"):
        plain = by[learner, "the data"]
        for rows in ("drawn rows", "weighted rows"):
            assert by[learner, rows].gap < plain.gap
            assert by[learner, rows].accuracy > 0.6


def test_classifiers_are_left_out_where_rows_are_too_few_and_it_is_said():
    random = np.random.default_rng(0)
    group = np.array(["a"] * 40 + ["b"] * 3)
    frame = pd.DataFrame({"x": random.normal(size=43), "g": group, "y": [0, 1] * 20 + [0, 0, 1]})
    seeds = [equipoise.repair(frame, target="y", sensitive=["g"], seed=seed) for seed in range(8)]
    missing = [one for one in seeds if not one.judged]
    assert missing
    assert "has no rows of label" in missing[0].not_judged
    assert "Not trained" in missing[0].page().render()


def test_of_large_tables_classifiers_see_a_part(monkeypatch):
    monkeypatch.setattr("equipoise.repair.judged._MOST_ROWS", 1000)
    found = repaired(classifiers=True)
    assert found.judged[0].learnt == pytest.approx(700, abs=4)
    assert found.judged[0].held == pytest.approx(300, abs=4)
    assert f"Trained on {found.judged[0].learnt} rows" in found.page().render()


def test_a_table_of_nothing_but_labels_and_groups_is_repaired_and_no_classifier_judged():
    frame = table()[["sex", "hired"]]
    found = equipoise.repair(frame, target="hired", sensitive=["sex"])
    assert np.allclose(found.moved.rates_after[0], (table()["hired"] == "yes").mean())
    assert "no columns but the label" in found.not_judged


def test_labels_of_more_than_two_classes_are_reported_one_a_row():
    frame = table()
    frame["hired"] = np.where(frame["age"] > 50, "later", frame["hired"])
    found = equipoise.repair(frame, target="hired", sensitive=["sex"], classifiers=False)
    shown = found.tables()[0]
    assert [row[4] for row in shown.rows] == ["later", "no", "yes"] * 2 + [""]
    assert len({len(row) for row in shown.rows} | {len(shown.columns)}) == 1


def test_the_report_says_what_moved():
    found = repaired(classifiers=True)
    html = found.page().render()
    assert "ratio(" in html
    for words in ("&gt;= 0.9", "female", "place", "boosted trees", "duality gap"):
        assert words in html
    assert "The law keeps" in html
    assert json.loads(json.dumps(found.to_dict()))["moved"]["groups"] == ["female", "male"]


def test_the_report_says_where_a_promise_is_not_kept():
    choices = Choices(share=0.9, product="uniform", expectation="data", exact=False)
    found = repaired(constraint='ratio("selection") >= 1', choices=choices)
    assert "The law does not keep" in found.page().render()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"weigh": "age"}, "has a column 'age' already"),
        ({"n": 0}, "n must be at least 1"),
        ({"constraint": 'gap("accuracy") <= 0.1'}, "none that repairing"),
        ({"target": "hire"}, "no column 'hire'"),
        ({"min_group": 5000, "missing_group": "?"}, "there is only 'others'"),
    ],
)
def test_what_cannot_be_done_is_refused(given, says):
    with pytest.raises((ValueError, DataError), match=says):
        repaired(**given)


def test_the_package_can_be_called_whatever_was_imported_before():
    program = (
        "from equipoise.repair import MaxEntropyRepair; import equipoise, sys; "
        "print(callable(equipoise.repair), 'torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["True", "False"]


@pytest.mark.slow
def test_compas_is_repaired_as_the_paper_does(real_data):
    # Race, C = 1/2, uniform product law, expectations of the re-weighted rows: the representation
    # rate is exactly 1, the statistical rate close to it since only the prior makes it so.
    choices = Choices(1.0, 0.5, "uniform", exact=False)
    found = equipoise.repair(
        "compas", data_dir=real_data, choices=choices, classifiers=False, min_group=400
    )
    assert np.allclose(found.moved.after.sum(1), 1 / len(found.moved.groups), atol=1e-9)
    rates = found.moved.rates_after
    assert 0.97 < rates.min() / rates.max() < 1
    assert found.moved.gap < 1e-12


@pytest.mark.parametrize(("smallest", "said"), [(60, True), (900, False)])
def test_the_report_says_where_a_group_is_too_small_to_judge_classifiers_on(smallest, said):
    frame = table()
    frame["place"] = np.where(np.arange(len(frame)) < smallest, "north", "south")
    found = equipoise.repair(frame, target="hired", sensitive=["place"])
    assert found.judged[0].fewest == pytest.approx(0.3 * smallest, abs=1)
    assert ("chance decides" in found.page().render()) == said


def test_classifiers_learn_from_dates():
    random = np.random.default_rng(0)
    n = 2000
    day = random.integers(0, 300, n)
    frame = pd.DataFrame(
        {
            "when": pd.Timestamp("2020-01-01") + pd.to_timedelta(day, "D"),
            "sex": random.choice(["f", "m"], n),
            "hired": (day // 50) % 2,
        }
    )
    found = equipoise.repair(frame, target="hired", sensitive=["sex"])
    assert found.judged[0].accuracy > 0.9
