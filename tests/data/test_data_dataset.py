"""A Dataset gives the columns of a table their roles and refuses what it cannot use."""

from __future__ import annotations

import datetime as dt

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from equipoise.data import DataError, Dataset

PEOPLE = {
    "age": [19, 25, 40, 60, 71, 33],
    "hours": [10.0, 38.5, None, 0.0, 12.0, 40.0],
    "sex": ["f", "m", "f", "m", "f", "m"],
    "weight": [1.0, 2.0, 0.5, 1.0, 0.0, 1.0],
    "hired": ["no", "yes", "no", "yes", "no", "no"],
}


def people(**changes):
    return pa.table({**PEOPLE, **changes})


def build(table=None, **roles):
    roles = {"target": "hired", "sensitive": ["sex"], **roles}
    return Dataset.from_table(people() if table is None else table, **roles)


def refusal(table=None, **roles):
    with pytest.raises(DataError) as caught:
        build(table, **roles)
    return str(caught.value)


@pytest.mark.parametrize(
    "container",
    [pa.table, pd.DataFrame, pl.DataFrame, lambda d: nw.from_native(pl.DataFrame(d))],
    ids=["pyarrow", "pandas", "polars", "narwhals"],
)
def test_any_table_becomes_features_target_sensitive_and_weights(container):
    dataset = build(container(PEOPLE), weights="weight", name="people")
    assert dataset.features.columns == ["age", "hours"]
    assert dataset.features["hours"].null_count() == 1
    assert dataset.classes == ("no", "yes")
    np.testing.assert_array_equal(dataset.target, [0, 1, 0, 1, 0, 0])
    assert dataset.target.dtype == np.int64
    assert dataset.sensitive["sex"].to_list() == PEOPLE["sex"]
    np.testing.assert_array_equal(dataset.weights, PEOPLE["weight"])
    assert (len(dataset), dataset.name, dataset.target_name) == (6, "people", "hired")


def test_a_pandas_index_is_no_feature():
    table = pd.DataFrame(PEOPLE, index=[9, 8, 7, 6, 5, 4])
    assert build(table).features.columns == ["age", "hours", "weight"]


def test_dropped_columns_are_gone_and_sensitive_ones_stay_if_asked_for():
    assert build(drop=["age", "weight"]).features.columns == ["hours"]
    assert build(keep_sensitive=True).features.columns == ["age", "hours", "sex", "weight"]


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        ([1, 0, 1, 0, 0, 0], (0, 1)),
        ([1.0, 2.0, 1.0, 2.0, 1.0, 1.0], (1.0, 2.0)),
        ([True, False, True, False, True, True], (False, True)),
        (["b", "c", "a", "a", "b", "c"], ("a", "b", "c")),
        (pa.array(["z", "y", "z", "y", "y", "y"]).dictionary_encode(), ("y", "z")),
    ],
    ids=["integers", "floats", "booleans", "three classes", "categories"],
)
def test_labels_of_any_plain_type_become_sorted_python_values(labels, classes):
    dataset = build(people(hired=labels))
    assert dataset.classes == classes
    assert [type(label) for label in dataset.classes] == [type(label) for label in classes]
    decoded = [dataset.classes[code] for code in dataset.target]
    assert decoded == pa.chunked_array([labels]).to_pylist()


@pytest.mark.parametrize(
    ("labels", "positive", "classes"),
    [
        (["no", "yes"], "no", ("yes", "no")),
        ([0, 1], "0", (1, 0)),
        ([0.0, 1.0], "0", (1.0, 0.0)),
        ([True, False], "false", (True, False)),
        ([1, 2], 2, (1, 2)),
    ],
)
def test_the_positive_class_comes_last_also_when_given_as_text(labels, positive, classes):
    dataset = build(people(hired=labels * 3), positive=positive)
    assert dataset.classes == classes
    assert [dataset.classes[code] for code in dataset.target] == labels * 3


def test_cut_points_make_readable_interval_groups_closed_below():
    dataset = build(sensitive=["age:25,60", "sex"])
    young, between, old = "age < 25", "25 <= age < 60", "age >= 60"
    assert dataset.sensitive.columns == ["age", "sex"]
    assert dataset.sensitive["age"].to_list() == [young, between, between, old, old, between]
    assert "age" not in dataset.features.columns
    raw = build(sensitive=["age:25"], keep_sensitive=True).features["age"]
    assert raw.to_list() == PEOPLE["age"]


def test_one_cut_point_may_be_a_fraction():
    groups = build(people(hours=[1, 2, 3, 4, 5, 6]), sensitive=["hours:2.5"]).sensitive["hours"]
    assert groups.unique().sort().to_list() == ["hours < 2.5", "hours >= 2.5"]


def test_a_column_whose_name_has_a_colon_is_found_by_its_full_name():
    assert build(people(**{"a:1": list("xyxyxy")}), sensitive=["a:1"]).sensitive.columns == ["a:1"]


def test_sensitive_values_are_text_and_whole_floats_lose_their_point():
    groups = {"code": [1.0, 2.0, 1.0, 2.5, 2.0, 1.0], "member": [True, False] * 3}
    dataset = build(people(**groups), sensitive=["code", "member"])
    assert dataset.sensitive["code"].to_list() == ["1", "2", "1", "2.5", "2", "1"]
    assert dataset.sensitive["member"].unique().sort().to_list() == ["False", "True"]
    assert dataset.sensitive["code"].dtype == nw.String


def test_dates_and_times_may_name_groups():
    moment = dt.datetime(2020, 1, 31, 12, 30)
    dataset = build(people(day=[moment.date()] * 6, at=[moment] * 6), sensitive=["day", "at"])
    assert dataset.sensitive["day"][0] == "2020-01-31"
    assert dataset.sensitive["at"][0] == "2020-01-31 12:30:00"


def test_rows_without_a_sensitive_value_get_a_group_of_their_own_if_it_is_named():
    table = people(sex=["f", None, "f", "m", None, "m"])
    assert "2 missing values" in refusal(table)
    assert "--missing-group unknown" in refusal(table)
    assert build(table, missing_group="unknown").sensitive["sex"].to_list() == [
        "f", "unknown", "f", "m", "unknown", "m",
    ]  # fmt: skip
    assert "already a value" in refusal(table, missing_group="m")


def test_a_missing_number_that_is_cut_gets_the_missing_group_too():
    table = pd.DataFrame({**PEOPLE, "age": [19, np.nan, 40, 60, 71, 33]})
    groups = build(table, sensitive=["age:25"], missing_group="?").sensitive["age"]
    assert groups.to_list()[:3] == ["age < 25", "?", "age >= 25"]


def test_taking_rows_keeps_their_order_classes_and_weights():
    dataset = build(weights="weight").take(np.array([5, 0, 0]))
    assert dataset.features["age"].to_list() == [33, 19, 19]
    assert dataset.sensitive["sex"].to_list() == ["m", "f", "f"]
    np.testing.assert_array_equal(dataset.target, [0, 0, 0])
    np.testing.assert_array_equal(dataset.weights, [1.0, 1.0, 1.0])
    assert dataset.classes == ("no", "yes")


@pytest.mark.parametrize(
    "rows", [np.array([True] * 6), np.array([6]), np.array([-1]), np.array([[1]]), np.array([0.0])]
)
def test_taking_anything_but_row_positions_is_refused(rows):
    with pytest.raises(DataError, match=r"^rows: "):
        build().take(rows)


def test_parts_of_different_length_are_refused():
    whole = build()
    with pytest.raises(DataError, match="same number of rows"):
        Dataset("x", whole.features, whole.target[1:], whole.classes, whole.sensitive, None, "y")


@pytest.mark.parametrize(
    ("roles", "says"),
    [
        ({"target": "hird"}, "target: no column 'hird' in the table. Did you mean 'hired'"),
        ({"sensitive": ["Sex"]}, "sensitive: no column 'Sex' in the table. Did you mean 'sex'"),
        ({"sensitive": ["agee:25"]}, "no column 'agee'"),
        ({"sensitive": []}, "sensitive: no column given"),
        ({"sensitive": "sex"}, "wanted a list: ['sex']"),
        ({"drop": "age"}, "wanted a list: ['age']"),
        ({"drop": ["agw"]}, "drop: no column 'agw'"),
        ({"weights": "kg"}, "weights: no column 'kg'"),
        ({"target": "sex"}, "as target and as sensitive"),
        ({"sensitive": ["age:25", "age:60"]}, "twice as sensitive"),
        ({"weights": "hired"}, "as target and as weights"),
        ({"drop": ["age", "age"]}, "twice as drop"),
        ({"drop": ["age", "hours", "weight"]}, "keep_sensitive=True"),
        ({"sensitive": ["age:"]}, "'age:25,60'"),
        ({"sensitive": ["age:60,25"]}, "do not increase"),
        ({"sensitive": ["age:25,nan"]}, "do not increase"),
        ({"sensitive": ["sex:25"]}, "only numbers can be cut"),
        ({"positive": "maybe"}, "wanted one of 'no', 'yes'"),
        ({"weights": "sex", "sensitive": ["age:25"]}, "holds string, wanted numbers"),
        ({"weights": "hours"}, "weights: column 'hours' has 1 missing values"),
    ],
)
def test_roles_that_do_not_fit_the_table_are_refused_with_the_cure(roles, says):
    assert says in refusal(**roles)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"hired": ["no", None, None, "yes", "no", "no"]}, "has 2 missing values in 6 rows"),
        ({"hired": [float("nan"), 1.0, 0.0, 1.0, 0.0, 1.0]}, "has 1 missing values"),
        ({"hired": ["no"] * 6}, "one class only, 'no'"),
        ({"hired": pa.array([1, 2, 1, 2, 1, 2], pa.date32())}, "wanted text, numbers or booleans"),
        ({"sex": [["f"]] * 6}, "names? a group"),
        ({"age": [[1]] * 6}, r"drop=\['age'\]"),
    ],
)
def test_columns_that_cannot_play_their_role_are_refused(changes, says):
    with pytest.raises(DataError, match=says):
        build(people(**changes))


@pytest.mark.parametrize(
    ("weight", "says"),
    [(-1.0, "row 1: -1.0"), (float("inf"), "not finite"), (None, "1 missing values")],
)
def test_weights_must_be_finite_and_not_negative(weight, says):
    assert says in refusal(people(weight=[1.0, weight, 1.0, 1.0, 1.0, 1.0]), weights="weight")


def test_weights_that_are_all_zero_are_refused():
    assert "zero in every row" in refusal(people(weight=[0.0] * 6), weights="weight")


def test_a_number_to_predict_is_told_from_a_class():
    numbers = {"hired": list(range(51)), "sex": ["f", "m", "f"] * 17, "x": [1] * 51}
    assert "looks like a number to predict" in refusal(pa.table(numbers))


def test_a_sensitive_column_of_many_values_needs_cut_points():
    table = {"hired": [0, 1, 1] * 17, "age": list(range(51)), "x": [1] * 51}
    assert "'age:25,60'" in refusal(pa.table(table), sensitive=["age"])
    texts = {**table, "age": [f"v{i}" for i in range(51)]}
    assert "merge its values" in refusal(pa.table(texts), sensitive=["age"])


def test_a_positive_class_is_not_chosen_among_three():
    assert "has 3 classes" in refusal(people(hired=list("abcabc")), positive="a")


def test_tables_that_are_none_are_refused():
    assert "no rows" in refusal(people().slice(0, 0))
    assert "given a dict" in refusal(PEOPLE)
    assert "call .collect()" in refusal(pl.LazyFrame(PEOPLE))
    assert "call .collect()" in refusal(nw.from_native(pl.LazyFrame(PEOPLE)))
    twice = pa.Table.from_arrays([[1], [2]], names=["a", "a"])
    assert "'a' occurs more than once" in refusal(twice)
    assert "must be text, given 0 (int)" in refusal(pd.DataFrame({0: [1]}))
    mixed = pd.DataFrame({**PEOPLE, "age": pd.Series([1, "x", 2, 3, 4, 5], dtype=object)})
    assert "values of a single type" in refusal(mixed)
