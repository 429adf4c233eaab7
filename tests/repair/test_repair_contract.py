"""The contract of scikit-learn and of imbalanced-learn, and what is said of input that is none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from people import people
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import OneHotEncoder
from sklearn.utils.estimator_checks import check_estimator

from equipoise.repair import MaxEntropyRepair

TABLE, LABEL = people(400)


def test_it_keeps_scikit_learns_contract():
    # Without a promise: the checks know of no groups, which a promise needs.
    results = check_estimator(MaxEntropyRepair(None, random_state=0), on_skip=None, on_fail=None)
    failed = {x["check_name"]: x["exception"] for x in results if x["status"] == "failed"}
    assert failed == {}
    assert sum(x["status"] == "passed" for x in results) > 40


def test_without_anything_that_compares_groups_all_rows_are_one():
    repair = MaxEntropyRepair(None, random_state=0).fit(TABLE, LABEL)
    assert repair.groups_ == ("everyone",)
    assert np.allclose(repair.moved_.before, repair.moved_.after)
    assert set(repair.sample(50).group) == {"everyone"}


def test_columns_without_names_are_called_by_their_numbers():
    numbered = TABLE[["sex", "children"]].set_axis([0, 1], axis=1)
    repair = MaxEntropyRepair(sensitive=["0"], random_state=0).fit(numbered, LABEL)
    drawn = repair.sample(20)
    assert list(drawn.X.columns) == [0, 1]
    assert (drawn.X[0] == drawn.group).all()


@pytest.mark.parametrize(
    "classifier", [LogisticRegression(), RandomForestClassifier(20, random_state=0)]
)
def test_in_a_pipeline_of_imbalanced_learn_any_classifier_learns_from_its_rows(classifier):
    pipelines = pytest.importorskip("imblearn.pipeline")
    encoder = make_column_transformer((OneHotEncoder(), ["sex", "children"]))
    repair = MaxEntropyRepair(sensitive=["sex"], random_state=0)
    pipeline = pipelines.make_pipeline(repair, encoder, classifier)
    search = GridSearchCV(pipeline, {"maxentropyrepair__share": [0.0, 0.3]}, cv=2)
    decided = search.fit(TABLE, LABEL).predict(TABLE)
    assert len(decided) == len(TABLE)  # rows are drawn to learn from alone


@pytest.mark.parametrize(
    ("settings", "fitted", "says"),
    [
        ({}, {"y": None}, "requires y"),
        ({}, {"y": [None, *LABEL[1:]]}, "y has 1 missing values"),
        ({}, {"y": np.arange(len(LABEL)) / 7}, "y has 400 classes"),
        ({}, {"y": np.stack([LABEL, LABEL], axis=1)}, "y must be one column"),
        ({}, {"X": TABLE.astype(object).to_numpy()}, "pass a dataframe"),
        ({}, {"X": TABLE[[]]}, "X has no columns"),
        ({}, {"X": pl.from_pandas(TABLE).lazy()}, "lazy LazyFrame"),
        ({}, {"X": TABLE.assign(skill=np.inf)}, "'skill' has infinite"),
        ({}, {"X": TABLE.assign(sex=None)}, "'sex' holds null"),
        ({}, {"X": TABLE.assign(name=[1, "a"] * 200)}, "one type"),
        ({}, {"y": np.where(TABLE["sex"] == "male", LABEL, "no")}, "no rows of label 'yes'"),
        ({}, {"sample_weight": np.full(len(LABEL), np.nan)}, "sample_weight contains NaN"),
        ({}, {"sample_weight": (TABLE["sex"] == "male") * 1.0}, "'female' has no rows that weigh"),
        ({}, {"sample_weight": np.ones(3)}, "sample_weight"),
        ({"constraint": 0.9}, {}, "constraint must be text"),
        ({"constraint": "fair"}, {}, "cannot read the constraint 'fair'"),
        ({"share": "some"}, {}, "share must be"),
        ({"share": np.nan}, {}, "share must be"),
        ({"bins": 2.5}, {}, "bins must be a whole number"),
        ({"exact": "yes"}, {}, "exact must be"),
        ({"representation": "equal"}, {}, "representation must be"),
        ({"sensitive": []}, {}, "name at least one column"),
        ({"positive": "no"}, {"y": np.resize(["yes", "no", "?"], len(LABEL))}, "has 3 labels"),
    ],
)
def test_input_that_is_none_is_refused_by_name(settings, fitted, says):
    repair = MaxEntropyRepair(**{"sensitive": ["sex"], **settings})
    with pytest.raises(ValueError, match=says):
        repair.fit(**{"X": TABLE, "y": LABEL, **fitted})


@pytest.mark.parametrize("n", [0, 2.5, "many"])
def test_a_number_of_draws_is_a_whole_one(n):
    repair = MaxEntropyRepair(sensitive=["sex"]).fit(TABLE, LABEL)
    with pytest.raises(ValueError, match="n must be a whole number"):
        repair.sample(n)


def test_columns_of_one_name_are_refused():
    twice = pd.concat([TABLE, TABLE[["skill"]]], axis=1)
    with pytest.raises(ValueError, match="unique column names"):
        MaxEntropyRepair(sensitive=["sex"]).fit(twice, LABEL)
