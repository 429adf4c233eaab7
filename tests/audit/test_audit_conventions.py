"""Each library's number, fault for fault; those that are installed are asked themselves."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from equipoise import Groups, audit

# The nine rows of which libraries disagree: b has no positives, and nobody of c is alike.
LABEL = np.array([1, 0, 1, 0, 0, 0, 1, 0, 1])
DECIDED = np.array([1, 0, 0, 0, 1, 0, 1, 1, 0])
GROUP = np.array(list("aaabbbccc"))


@st.composite
def decisions(draw):
    n = draw(st.integers(6, 60))
    random = np.random.default_rng(draw(st.integers(0, 10_000)))
    group = random.integers(0, draw(st.integers(2, 4)), n)
    assume(len(np.unique(group)) == group.max() + 1 > 1)
    label, decided = random.integers(0, 2, (2, n))
    assume(len(np.unique([label, decided])) == 2)
    return label, decided, np.array(list("abcd"))[group]


ROWS = st.one_of(st.just((LABEL, DECIDED, GROUP)), decisions())


def found(rows, library, **given):
    label, decided, group = rows
    return audit(label, decided, sensitive_features=group).as_in(library, **given)


def test_five_libraries_give_five_numbers_of_nine_rows():
    rows = LABEL, DECIDED, GROUP
    assert found(rows, "fairlearn")["equal_opportunity_difference"] == 0.5
    assert np.isnan(audit(*rows[:2], sensitive_features=GROUP).disparity('gap("recall")').value)
    assert found(rows, "torchmetrics")["EO_1_0"] == 0
    assert found(rows, "oxonfair")["equal_opportunity"] == pytest.approx(1 / 3)
    assert found(rows, "aif360", reference="a")["equal_opportunity_difference"] == 0
    assert np.isnan(found(rows, "aequitas", reference="a")["tpr_disparity of b"])


@settings(max_examples=15, deadline=None)
@given(ROWS)
def test_fairlearn_says_the_same(rows):
    metrics = pytest.importorskip("fairlearn.metrics")
    label, decided, group = rows
    for name, value in found(rows, "fairlearn").items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = getattr(metrics, name)(label, decided, sensitive_features=group)
        assert value == pytest.approx(theirs, nan_ok=True)


@settings(max_examples=15, deadline=None)
@given(ROWS)
def test_oxonfair_says_the_same(rows):
    metrics = pytest.importorskip("oxonfair.utils.group_metrics")
    label, decided, group = rows
    for name, value in found(rows, "oxonfair").items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = getattr(metrics, name)(label, decided, group)
        assert value == pytest.approx(float(theirs[0]), nan_ok=True)


@settings(max_examples=15, deadline=None)
@given(ROWS)
def test_torchmetrics_says_the_same(rows):
    classification = pytest.importorskip("torchmetrics.functional.classification")
    import torch

    label, decided, group = rows
    numbers = torch.from_numpy(Groups.of(group).codes.astype(np.int64))
    tensors = torch.from_numpy(decided), torch.from_numpy(label)
    theirs = classification.binary_fairness(*tensors, numbers, "all")
    ours = found(rows, "torchmetrics")
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        assert value == pytest.approx(float(theirs[name]), abs=1e-6)


@settings(max_examples=15, deadline=None)
@given(ROWS)
def test_aif360_says_the_same(rows):
    metrics = pytest.importorskip("aif360.sklearn.metrics")
    import pandas as pd

    label, decided, group = rows
    attributes = pd.Index(group, name="group")
    for name, value in found(rows, "aif360", reference="a").items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = getattr(metrics, name)(
                pd.Series(label, attributes), decided, prot_attr="group", priv_group="a"
            )
        assert value == pytest.approx(theirs, nan_ok=True)


@settings(max_examples=15, deadline=None)
@given(ROWS)
def test_aequitas_says_the_same(rows):
    package = pytest.importorskip("aequitas.group")
    import pandas as pd
    from aequitas.bias import Bias

    label, decided, group = rows
    # It knows columns of objects only.
    column = pd.Series(group.astype(object), dtype=object)
    table = pd.DataFrame({"score": decided, "label_value": label, "group": column})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        crossed, _ = package.Group().get_crosstabs(table, attr_cols=["group"])
        theirs = Bias().get_disparity_predefined_groups(
            crossed, original_df=table, ref_groups_dict={"group": "a"}
        )
    by_group = theirs.set_index("attribute_value")
    for name, value in found(rows, "aequitas", reference="a").items():
        metric, of = name.split(" of ")
        assert value == pytest.approx(float(by_group.loc[of, metric]), nan_ok=True)


def test_what_these_libraries_do_not_know_is_refused():
    with pytest.raises(ValueError, match="convention must be one of"):
        found((LABEL, DECIDED, GROUP), "fairtorch")
    with pytest.raises(ValueError, match="no group 'z'"):
        found((LABEL, DECIDED, GROUP), "aif360", reference="z")
    with pytest.raises(ValueError, match="two classes, not 3"):
        found((np.arange(9) % 3, np.arange(9) % 3, GROUP), "fairlearn")
    members = np.ones((9, 2), bool)
    both = Groups.from_membership(members, ["all", "everybody"])
    with pytest.raises(ValueError, match="overlap"):
        audit(LABEL, DECIDED, sensitive_features=both).as_in("fairlearn")
