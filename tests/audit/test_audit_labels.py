"""Labels and predictions become codes of the same classes, or it is said why they cannot."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.audit import encode_pair

a_few = settings(deadline=None, max_examples=50, derandomize=True)


@a_few
@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(-5, 5)), min_size=1))
def test_codes_give_both_columns_back(rows):
    label, prediction = map(list, zip(*rows, strict=True))
    strange = {*prediction} - {*label}
    alone = not {*prediction} & {*label} and len({*label}) > 2
    if len({*label, *prediction}) == 1 or (strange and (len({*label}) == 2 or alone)):
        return
    y, p, classes = encode_pair(label, prediction)
    assert [classes[c] for c in y] == label
    assert [classes[c] for c in p] == prediction
    assert list(classes) == sorted({*label, *prediction})


SPELLINGS = {
    "text": (["no", "yes"], ["yes", "no"], ("no", "yes")),
    "integers": ([0, 1], [1, 0], (0, 1)),
    "minus-one": ([-1, 1], [1, -1], (-1, 1)),
    "booleans": ([False, True], [True, False], (False, True)),
    "whole-floats": ([0.0, 1.0], [1, 0], (0, 1)),
    "booleans-and-integers": ([False, True], [1, 0], (0, 1)),
    "numpy": (np.array(["no", "yes"]), np.array(["yes", "no"], object), ("no", "yes")),
    "pandas": (pd.Series([0, 1]), pd.Series([1.0, 0.0], dtype=object), (0, 1)),
    "pandas-category": (pd.Categorical(["n", "y"]), pd.Series(["y", "n"]), ("n", "y")),
    "polars": (pl.Series([False, True]), pl.Series([True, False]), (False, True)),
    "torch": (torch.tensor([0, 1]), torch.tensor([1.0, 0.0]), (0, 1)),
}


@pytest.mark.parametrize(("label", "prediction", "classes"), SPELLINGS.values(), ids=SPELLINGS)
def test_decisions_of_every_spelling_are_coded(label, prediction, classes):
    y, p, found = encode_pair(label, prediction)
    assert (y.tolist(), p.tolist(), found) == ([0, 1], [1, 0], classes)


def test_a_class_that_only_one_column_shows_is_a_class():
    y, p, classes = encode_pair(["a", "c", "d"], ["a", "b", "d"])
    assert (y.tolist(), p.tolist()) == ([0, 2, 3], [0, 1, 3])
    assert classes == ("a", "b", "c", "d")


@pytest.mark.parametrize(
    ("label", "prediction", "strange"),
    [
        ([0, 1], [-1, 1], "-1"),
        (["good", "bad"], ["GOOD", "bad"], "'GOOD'"),
        (list("abc"), list("xyz"), "'x'"),
    ],
)
def test_predictions_in_another_spelling_than_labels_are_refused(label, prediction, strange):
    with pytest.raises(ValueError, match=f"prediction holds {strange}, which no label is"):
        encode_pair(label, prediction)


def test_predictions_may_all_be_one_class():
    assert encode_pair([0, 1], [1, 1])[1].tolist() == [1, 1]


def test_pandas_rows_pair_by_position_and_not_by_index():
    y, p, _ = encode_pair(pd.Series([0, 1], index=[1, 0]), pd.Series([0, 1], index=[0, 1]))
    assert y.tolist() == p.tolist()


@pytest.mark.parametrize("positive", ["no", "yes"])
def test_the_positive_class_is_the_last(positive):
    y, _, classes = encode_pair(["no", "yes"], ["yes", "no"], positive)
    assert classes[-1] == positive
    assert [classes[c] for c in y] == ["no", "yes"]


@pytest.mark.parametrize(
    ("label", "positive"), [([0, 1], "0"), ([0, 1], False), ([True, False], "False"), ("01", 0)]
)
def test_the_positive_class_may_be_given_as_it_prints(label, positive):
    y, _, _ = encode_pair(list(label), list(label), positive)
    assert y[list(label).index(label[np.argmax(y)])] == 1
    assert str(list(label)[int(np.argmax(y))]) in {str(positive), str(int(positive == "True"))}


REFUSED = {
    "lengths": ([0, 1], [0, 1, 1], None, "one value a row, but have 2 and 3"),
    "no-rows": ([], [], None, "have no rows"),
    "label-missing": ([0, None], [0, 1], None, "^label has 1 missing"),
    "prediction-missing": ([0, 1], [0, np.nan], None, "^prediction has 1 missing"),
    "text-missing": (["no", "yes"], ["no", np.nan], None, "^prediction has 1 missing"),
    "text-and-numbers": (["0", "1"], [0, 1], None, "text and numbers cannot be compared"),
    "scores": ([0, 1], [0.0, 0.7], None, r"prediction holds 0\.7 where.*looks like a score"),
    "scores-of-booleans": ([False, True], [0.2, 0.7], None, "give decisions, for instance"),
    "many-scores": (
        np.arange(300) % 2,
        np.arange(300) * 3,
        None,
        "prediction has 300 distinct values",
    ),
    "many-labels": (np.arange(300), np.arange(300) % 2, None, "label has 300 distinct values"),
    "one-class": (["yes", "yes"], ["yes", "yes"], None, "hold only 'yes': there is one class"),
    "positive-unknown": ([0, 1], [0, 1], 2, r"positive is 2, but the classes are \[0, 1\]"),
    "positive-of-three": (list("abc"), list("abc"), "a", "there are 3 classes"),
    "matrix": (np.zeros((3, 2)), np.zeros(3), None, r"label must be one column.*shape \(3, 2\)"),
}


@pytest.mark.parametrize(
    ("label", "prediction", "positive", "message"), REFUSED.values(), ids=REFUSED
)
def test_what_cannot_be_audited_is_refused_and_the_reason_given(
    label, prediction, positive, message
):
    with pytest.raises(ValueError, match=message):
        encode_pair(label, prediction, positive)
