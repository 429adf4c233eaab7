"""From a table to a ranked one, its figures and its page; the estimator."""

from __future__ import annotations

import subprocess
import sys
from io import StringIO

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from sklearn.base import clone

from equipoise import Ranker, rank
from equipoise.data import DataError
from equipoise.rank import rank_items


@pytest.fixture
def people():
    random = np.random.default_rng(0)
    sex = random.choice(["men", "women"], 200, p=[0.6, 0.4])
    score = random.normal(size=200) + 0.8 * (sex == "men")
    age = random.integers(20, 70, 200)
    return pd.DataFrame({"name": [f"p{i}" for i in range(200)], "sex": sex, "age": age, "s": score})


def test_the_table_is_in_the_order_of_the_ranking_and_says_where_rows_would_be(people):
    found = rank(people, score="s", sensitive=["sex"], at_least="women >= 0.4", top=30)
    table = found.table.to_pandas()
    order = rank_items(people["s"], people["sex"], "women >= 0.4", n=30).order
    assert list(table["name"]) == [f"p{i}" for i in order]
    assert list(table["position"]) == list(range(1, 31))
    by_score = people["s"].rank(ascending=False, method="first").astype(int)
    assert list(table["position_by_score"]) == list(by_score[order])


def test_who_moved_adds_up(people):
    found = rank(people, score="s", sensitive=["sex"], at_most=["men <= 0.5"])
    women = (people["sex"] == "women").to_numpy()
    assert found.moved.sum() == 0
    assert (found.moved[women] >= 0).all()
    assert found.to_dict()["lost"] > 0
    before, after = found.exposure
    assert after.gap < before.gap
    assert found.ndkl[1] < found.ndkl[0]


def test_the_page_says_what_it_cost(people):
    found = rank(people, score="s", sensitive=["sex", "age:40"], at_least="women, age < 40 >= 0.2")
    html = found.page().render()
    assert "The bounds are kept in every prefix" in html
    assert "Who moved" in html
    assert found.tables()[0].caption == "What the bounds change"


def test_groups_side_by_side_are_ranked(people):
    found = rank(
        people,
        score="s",
        sensitive=["sex", "age:40"],
        how="each",
        at_least=["sex: women >= 0.4", "age: age < 40 >= 0.3"],
        top=20,
    )
    assert found.ranking.exact
    assert found.ndkl is None
    assert "share of sex: women" in found.page().render()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"score": "points"}, "score: no column 'points'"),
        ({"score": "name"}, "wanted numbers"),
        ({"sensitive": ["gender"]}, "sensitive: no column 'gender'"),
        ({"sensitive": ["sex", "sex"]}, "named twice"),
        ({"at_least": "womens >= 0.4"}, "no group there is"),
        ({"at_least": "women <= 0.4"}, "give it as at_most"),
        ({"at_most": "women >= 0.4"}, "give it as at_least"),
        ({"at_least": "women >= 0.9", "top": 200}, None),
        ({"top": 201}, "from 1 to 200"),
    ],
)
def test_what_cannot_be_ranked_is_refused(people, given, said):
    roles = {"score": "s", "sensitive": ["sex"], **given}
    if said is None:  # a share ends with its group
        assert rank(people, **roles).ranking.exact
        return
    with pytest.raises(ValueError, match=said):
        rank(people, **roles)


def test_missing_scores_and_taken_names_are_refused(people):
    with pytest.raises(DataError, match="1 missing values in 200 rows, the first in row 3"):
        rank(people.assign(s=people["s"].mask(people.index == 2)), score="s", sensitive=["sex"])
    with pytest.raises(DataError, match="'position' already"):
        rank(people.assign(position=1), score="s", sensitive=["sex"])


def test_the_estimator_ranks_as_the_function_does(people):
    ranker = clone(Ranker("women >= 0.4", n=30))
    positions = ranker.fit_predict(people[["s"]], sensitive_features=people["sex"])
    assert list(ranker.order_) == list(
        rank_items(people["s"], people["sex"], "women >= 0.4", n=30).order
    )
    assert list(positions[ranker.order_]) == list(range(1, 31))
    assert (positions > 0).sum() == 30


def test_importing_it_loads_no_compiled_loops_and_no_scikit_learn():
    code = "import sys, equipoise.rank; sys.exit(not {'numba', 'sklearn'}.isdisjoint(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_page_fits_a_phone(people, measure_on_phone, tmp_path):
    found = rank(people, score="s", sensitive=["sex", "age:40"], at_least="women, age < 40 >= 0.2")
    seen = measure_on_phone(found.page().render(), tmp_path)
    assert int(seen["scroll-width"]) <= 390
    assert seen["wide"] == ""
    assert seen["clipped"] == ""


def test_no_heading_is_cut_in_a_terminal(people):
    found = rank(people, score="s", sensitive=["sex", "age:40"], how="each", top=50)
    for table in found.tables():
        console = Console(width=80, file=StringIO(), record=True)
        console.print(table.to_rich())
        shown = console.export_text()
        assert "\u2026" not in shown
        assert all(column.heading in shown for column in table.columns)


def test_who_came_in_and_who_left_are_as_many(people):
    found = rank(people, score="s", sensitive=["sex"], at_least="women >= 0.4", top=30)
    table = next(t for t in found.tables() if t.caption == "How many of each group moved")
    came, left = (
        [int(row[i].text) for row in table.cells]
        for i in (j for j, c in enumerate(table.columns) if c.heading in ("came in", "left"))
    )
    assert sum(came) == sum(left) > 0


def test_scores_that_are_not_finite_are_refused_by_their_row(people):
    people.loc[4, "s"] = np.inf
    with pytest.raises(DataError, match=r"column .s. has 1 values.*in row 5"):
        rank(people, score="s", sensitive=["sex"])
