"""The estimator: what its laws keep, what it draws, and in which form."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from people import people
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from equipoise import Groups
from equipoise.repair import MaxEntropyRepair

TABLE, LABEL = people()
MALE = (TABLE["sex"] == "male").to_numpy()


def ratio_after(repair):
    rates = repair.moved_.rates_after
    return rates.min() / rates.max()


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("expectation", ["weighted", "data"])
@pytest.mark.parametrize("product", ["marginals", "uniform"])
def test_with_label_and_group_as_one_attribute_the_promise_is_kept_exactly(
    share, expectation, product
):
    repair = MaxEntropyRepair(
        'ratio("selection") >= 0.9',
        sensitive=["sex"],
        representation=1.0,
        share=share,
        expectation=expectation,
        product=product,
    ).fit(TABLE, LABEL)
    assert ratio_after(repair) == pytest.approx(0.9, abs=1e-8)
    assert np.allclose(repair.moved_.after.sum(1), 0.5, atol=1e-9)
    assert repair.gap_ < 1e-15


def test_label_and_group_each_for_itself_keep_the_shares_and_not_the_promise():
    repair = MaxEntropyRepair(
        sensitive=["sex"], representation=1.0, share=0.5, product="uniform", exact=False
    ).fit(TABLE, LABEL)
    assert np.allclose(repair.moved_.after.sum(1), 0.5, atol=1e-9)
    assert 0.9 < ratio_after(repair) < 1 - 1e-4


def test_without_a_product_law_the_law_is_the_re_weighted_rows():
    repair = MaxEntropyRepair(sensitive=["sex"], share=0.0).fit(TABLE, LABEL)
    assert np.allclose(repair.sample_weight_, repair.weights_, atol=1e-9)
    assert np.abs(repair.distribution_.multipliers).max() < 1e-8


@pytest.mark.parametrize("expectation", ["weighted", "data"])
def test_sample_weights_have_the_expectation_of_the_law(expectation):
    repair = MaxEntropyRepair(sensitive=["sex"], share=0.4, expectation=expectation)
    repair.fit(TABLE, LABEL)
    law = repair.law_
    mean = law.model.domain.mean(law.model.codes, repair.sample_weight_)
    assert np.abs(mean - repair.distribution_.expectation).max() < 1e-8
    assert repair.sample_weight_.mean() == pytest.approx(1)


def test_the_data_s_expectation_leaves_other_columns_as_they_are():
    repair = MaxEntropyRepair(sensitive=["sex"], expectation="data").fit(TABLE, LABEL)
    for column in repair.moved_.columns:
        if column.name != "children":
            assert column.distance < 1e-9
        else:
            values = np.arange(4)
            assert column.after @ values == pytest.approx(column.before @ values, abs=1e-9)


def test_a_balanced_expectation_changes_the_groups_alone():
    repair = MaxEntropyRepair(
        sensitive=["sex"], expectation="balanced", exact=False, share=0.3
    ).fit(TABLE, LABEL)
    assert np.allclose(repair.moved_.after.sum(1), 0.5, atol=1e-9)
    assert np.allclose(repair.moved_.after.sum(0), repair.moved_.before.sum(0), atol=1e-9)


def test_draws_have_the_rates_and_shares_of_the_law():
    repair = MaxEntropyRepair(sensitive=["sex"], representation=1.0, share=0.3, random_state=0)
    drawn = repair.fit(TABLE, LABEL).sample(40_000)
    assert abs((drawn.group == "male").mean() - 0.5) < 0.01
    rates = [(drawn.y[drawn.group == g] == "yes").mean() for g in ("female", "male")]
    assert abs(rates[0] - rates[1]) < 0.02
    skill = drawn.X["skill"]
    assert abs(skill.isna().mean() - TABLE["skill"].isna().mean()) < 0.01
    for column in repair.moved_.columns:
        if column.name == "place":
            seen = drawn.X["place"].fillna("(missing)").value_counts(normalize=True)
            assert np.allclose(seen[list(column.levels)], column.after, atol=0.015)


def test_columns_that_the_group_determines_stay_with_it():
    drawn = MaxEntropyRepair(sensitive=["sex"], share=1.0, random_state=0).fit(TABLE, LABEL)
    drawn = drawn.sample(2000)
    assert (drawn.X["title"] == np.where(drawn.X["sex"] == "female", "Ms", "Mr")).all()
    assert (drawn.X["sex"] == drawn.group).all()


def test_a_number_that_is_cut_into_groups_is_drawn_with_its_group():
    table = TABLE.drop(columns=["sex", "title"]).assign(age=np.arange(len(TABLE)) % 60 + 18)
    repair = MaxEntropyRepair(sensitive=["age:25,60"], share=1.0, random_state=0)
    drawn = repair.fit(table, LABEL).sample(3000)
    young = drawn.group == "age < 25"
    assert young.any()
    assert (drawn.X["age"][young] < 25).all()
    assert (drawn.X["age"][~young] >= 25).all()


def test_every_value_is_one_that_the_column_has():
    drawn = MaxEntropyRepair(sensitive=["sex"], share=0.5, random_state=0).fit(TABLE, LABEL)
    drawn = drawn.sample(3000)
    assert set(drawn.X["skill"].dropna()) <= set(TABLE["skill"].dropna())
    assert drawn.X.dtypes.equals(TABLE.dtypes)


def test_without_a_product_law_rows_are_drawn_whole():
    repair = MaxEntropyRepair(sensitive=["sex"], share=0.0, random_state=0).fit(TABLE, LABEL)
    rows = repair.law_.draw_rows(500, np.random.default_rng(0))
    assert (rows == rows[:, :1]).all()


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame, pa.table])
def test_a_table_gives_a_table_of_its_kind_and_the_same_rows(kind):
    columns = {
        name: TABLE[name].astype(object).where(TABLE[name].notna(), None).tolist()
        for name in TABLE.columns
    }
    table = kind(columns)
    repair = MaxEntropyRepair(sensitive=["sex"], share=0.3, random_state=0)
    drawn = repair.fit(table, LABEL).sample(50)
    assert type(drawn.X) is type(table)
    reference = repair.fit(TABLE, LABEL).sample(50)
    assert list(drawn.y) == list(reference.y)
    assert drawn.X["title"].to_numpy().tolist() == reference.X["title"].tolist()


def test_the_index_of_a_pandas_table_does_not_matter():
    shuffled = TABLE.set_axis(np.arange(len(TABLE))[::-1], axis=0)
    repair = MaxEntropyRepair(sensitive=["sex"], share=0.5, random_state=0)
    expected = repair.fit(TABLE, LABEL).sample(100).X
    pd.testing.assert_frame_equal(repair.fit(shuffled, LABEL).sample(100).X, expected)


def test_arrays_of_numbers_with_groups_beside_them():
    X = np.column_stack([TABLE["skill"].fillna(0), TABLE["children"]])
    repair = MaxEntropyRepair(share=0.2, random_state=0)
    X_new, y_new = repair.fit_resample(X, LABEL, sensitive_features=MALE)
    assert X_new.shape == X.shape
    assert set(y_new) == {"yes", "no"}
    assert repair.groups_ == ("False", "True")
    assert repair.n_features_in_ == 2


def test_intersections_and_overlapping_groups_are_repaired():
    sensitive = {"sex": TABLE["sex"], "far": TABLE["place"] == "west"}
    for how in ("crossed", "each"):
        repair = MaxEntropyRepair(how=how, share=0.2).fit(
            TABLE, LABEL, sensitive_features=sensitive
        )
        assert len(repair.groups_) == 4
        assert ratio_after(repair) == pytest.approx(1, abs=1e-8)


def test_three_labels_become_independent_of_groups():
    label = np.where(TABLE["children"] > 1, "maybe", LABEL)
    repair = MaxEntropyRepair(sensitive=["sex"], share=0.3).fit(TABLE, label)
    rates = repair.moved_.rates_after
    assert rates.shape == (3, 2)
    assert np.allclose(rates[:, 0], rates[:, 1], atol=1e-9)


def test_the_positive_of_two_labels_can_be_chosen():
    repair = MaxEntropyRepair('ratio("selection") >= 0.9', sensitive=["sex"], positive="no")
    repair.fit(TABLE, LABEL)
    assert repair.classes_.tolist() == ["yes", "no"]
    assert ratio_after(repair) == pytest.approx(0.9, abs=1e-8)


def test_rows_without_weight_are_as_good_as_not_there():
    weights = np.where(np.arange(len(TABLE)) < 2000, 1.0, 0.0)
    repair = MaxEntropyRepair(sensitive=["sex"], share=0.0, random_state=0)
    repair.fit(TABLE, LABEL, sample_weight=weights)
    assert (repair.sample_weight_[2000:] == 0).all()
    assert (repair.law_.draw_rows(3000, np.random.default_rng(0)) < 2000).all()


def test_an_estimator_is_cloned_and_draws_the_same_from_one_seed():
    repair = MaxEntropyRepair(sensitive=["sex"], random_state=5)
    first = repair.fit(TABLE, LABEL).sample(20)
    again = clone(repair).fit(TABLE, LABEL).sample(20)
    pd.testing.assert_frame_equal(first.X, again.X)
    other = repair.sample(20, random_state=6)
    assert not first.X.equals(other.X)


def test_any_classifier_learns_from_its_rows_or_weights():
    repair = MaxEntropyRepair(sensitive=["sex"], random_state=0).fit(TABLE, LABEL)
    model = make_pipeline(
        make_column_transformer((OneHotEncoder(), ["place", "children"])), LogisticRegression()
    )
    drawn = repair.sample(2000)
    assert model.fit(drawn.X, drawn.y).score(TABLE, LABEL) > 0.6
    model.fit(TABLE, LABEL, logisticregression__sample_weight=repair.sample_weight_)
    assert model.score(TABLE, LABEL) > 0.6


def test_what_moved_is_what_the_enumeration_says():
    table, label = TABLE[["sex", "children"]], LABEL
    repair = MaxEntropyRepair(sensitive=["sex"], share=0.4).fit(table, label)
    domain, moved = repair.law_.model.domain, repair.moved_
    points = np.array([[g, y, c] for g in range(2) for y in range(2) for c in range(4)])
    law = np.exp(repair.distribution_.log_prob(points))
    seen = np.zeros((2, 2, 4))
    np.add.at(seen, tuple(repair.law_.model.codes.T), 1 / len(table))
    data = seen.ravel()
    assert domain.n_columns == 3
    assert moved.distance == pytest.approx(np.abs(law - data).sum() / 2, abs=1e-12)
    assert moved.divergence == pytest.approx((data * np.log(data / law)).sum(), abs=1e-12)
    assert np.allclose(moved.after.ravel(), law.reshape(4, 4).sum(1), atol=1e-12)


@pytest.mark.parametrize(
    ("settings", "fitted", "says"),
    [
        ({"sensitive": None}, {}, "who belongs to which group"),
        ({"sensitive": ["sexe"]}, {}, "no column 'sexe'"),
        ({"sensitive": "sex"}, {}, "wanted a list"),
        ({"sensitive": ["place"]}, {}, "missing values"),
        ({"share": 2}, {}, "share must be"),
        ({"bins": 1}, {}, "bins must be"),
        ({"product": "flat"}, {}, "product must be one of"),
        ({"expectation": "mean"}, {}, "expectation must be one of"),
        ({"constraint": 'gap("true_positive") <= 0.1'}, {}, "none that repairing"),
        ({"positive": "perhaps"}, {}, "none of two labels"),
        ({}, {"y": LABEL[:10]}, "but y has 10"),
        ({}, {"y": np.full(len(LABEL), "yes")}, "y has 1 class;"),
        ({}, {"sensitive_features": MALE[:5]}, "sensitive_features has 5 rows"),
        ({}, {"sample_weight": -np.ones(len(LABEL))}, "(?i)negative"),
        ({}, {"X": TABLE.iloc[:0], "y": LABEL[:0]}, "no rows"),
    ],
)
def test_input_that_does_not_fit_is_refused(settings, fitted, says):
    repair = MaxEntropyRepair(**{"sensitive": ["sex"], **settings})
    given = {"X": TABLE, "y": LABEL, **fitted}
    with pytest.raises(ValueError, match=says):
        repair.fit(**given)


def test_groups_can_be_given_as_groups():
    groups = Groups.from_codes(MALE.astype(int), ["f", "m"])
    repair = MaxEntropyRepair().fit(TABLE[["skill"]], LABEL, sensitive_features=groups)
    assert repair.groups_ == ("f", "m")
