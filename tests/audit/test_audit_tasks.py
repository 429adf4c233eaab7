"""Control features and several labels at once are audits of parts of the rows, or of columns."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from equipoise import audit, gap, ratio, worst
from equipoise.audit import audit_multilabel, audit_within

RANDOM = np.random.default_rng(0)
SEX = RANDOM.choice(["f", "m"], 800)
FIELD = RANDOM.choice(["arts", "law", "physics"], 800)
Y, P = RANDOM.integers(0, 2, (2, 800, 3))


def test_each_stratum_is_the_audit_of_its_rows():
    found = audit_within(Y[:, 0], P[:, 0], sensitive_features=SEX, control_features=FIELD)
    assert list(found) == ["arts", "law", "physics"]
    for name, one in found.items():
        rows = name == FIELD
        alone = audit(Y[rows, 0], P[rows, 0], sensitive_features=SEX[rows])
        assert one.to_dict() == alone.to_dict()


def test_what_a_difference_between_departments_makes_of_all_rows_is_not_within_them():
    # Women apply where few are taken: Bickel, Hammel, O'Connell 1975 on Berkeley.
    field = np.repeat(["easy", "hard"], 1000)
    sex = np.where(np.arange(2000) % 10 < np.where(field == "easy", 2, 8), "f", "m")
    taken = (RANDOM.random(2000) < np.where(field == "easy", 0.7, 0.2)).astype(int)
    assert audit(taken, taken, sensitive_features=sex).parity(gap("selection")).p_value < 0.001
    within = audit_within(taken, taken, sensitive_features=sex, control_features=field)
    assert all(one.parity(gap("selection")).p_value > 0.01 for one in within.values())


def test_a_stratum_has_the_groups_that_it_has_rows_of():
    found = audit_within(
        [0, 1, 1], [1, 1, 0], sensitive_features=list("abb"), control_features=list("xxy")
    )
    assert found["y"].counts.groups == ("b",)
    assert found["y"].counts.classes == (0, 1)


def test_columns_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="control_features must have one value a row"):
        audit_within([0, 1], [0, 1], sensitive_features=["a", "b"], control_features=["x"])


def test_each_label_is_an_audit_of_its_column():
    found = audit_multilabel(Y, P, sensitive_features=SEX, names=["a", "b", "c"])
    for at, name in enumerate("abc"):
        alone = audit(Y[:, at], P[:, at], sensitive_features=SEX)
        assert found.labels[name].to_dict() == alone.to_dict()


@pytest.mark.parametrize("disparity", [gap("selection"), ratio("selection"), worst("accuracy")])
def test_labels_are_summed_up_by_the_worst_the_mean_or_their_prevalence(disparity):
    found = audit_multilabel(pd.DataFrame(Y, columns=list("abc")), P, sensitive_features=SEX)
    each = np.array([one.disparity(disparity).value for one in found.labels.values()])
    worst_of = each.max() if disparity.sense == "<=" else each.min()
    assert found.disparity(disparity) == worst_of
    assert found.disparity(disparity, "mean") == pytest.approx(each.mean())
    expected = np.average(each, weights=Y.sum(0))
    assert found.disparity(disparity, "prevalence") == pytest.approx(expected)


@pytest.mark.parametrize(
    ("label", "given", "message"),
    [
        (Y[:, 0], {}, "a column for each label"),
        (Y + 1, {}, "0 and 1 alone"),
        (Y[:100], {}, "must have one shape"),
        (Y, {"names": ["a", "a", "b"]}, "names that differ"),
    ],
)
def test_what_are_no_labels_is_refused(label, given, message):
    with pytest.raises(ValueError, match=message):
        audit_multilabel(label, P, sensitive_features=SEX, **given)


def test_an_aggregate_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="aggregate must be"):
        audit_multilabel(Y, P, sensitive_features=SEX).disparity(gap("selection"), "median")


def test_columns_of_tables_are_matched_by_name():
    label = pd.DataFrame({"a": [0, 1, 1, 0], "b": [1, 1, 0, 0]})
    prediction = label[["b", "a"]]
    found = audit_multilabel(label, prediction, sensitive_features=list("xxyy"))
    assert [one.counts.accuracy for one in found.labels.values()] == [1, 1]
    with pytest.raises(ValueError, match="has the columns"):
        audit_multilabel(label, prediction.rename(columns={"a": "c"}), sensitive_features=SEX[:4])


@pytest.mark.parametrize("library", [pa.Table.from_pandas, pl.from_pandas, lambda t: t])
def test_labels_of_any_table_and_kind_are_read(library):
    table = pd.DataFrame({"a": pd.array([0, 1, 1], "Int64"), "b": [True, False, True]})
    found = audit_multilabel(library(table), library(table), sensitive_features=["x", "y", "y"])
    assert list(found.labels) == ["a", "b"]


def test_control_features_are_named_where_they_are_at_fault():
    with pytest.raises(ValueError, match="control_features has 1 missing"):
        audit_within([0, 1], [0, 1], sensitive_features=["a", "b"], control_features=["x", None])
