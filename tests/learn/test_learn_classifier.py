"""FairClassifier is a scikit-learn classifier that keeps a promise and says what it cannot do."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import sklearn
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from equipoise import Constraint, FairClassifier, Groups, gap
from equipoise.learn import Model

PROMISE = 'gap("selection") <= 0.05'


def people(n=400):
    rng = np.random.default_rng(5)
    group = rng.integers(0, 2, n)
    X = rng.normal(size=(n, 3))
    X[:, 0] += 1.2 * group
    y = (X[:, 0] + 0.5 * X[:, 1] + 0.3 * rng.logistic(size=n) > 0.6).astype(int)
    X[:, 2] = group - 0.5
    return X, y, group


X, Y, GROUP = people()


def quick(constraint=PROMISE, **changes):
    return FairClassifier(
        constraint,
        **{"hidden": (4,), "steps": 8, "batch_size": 64, "random_state": 0, **changes},
    )


def gap_of(decided, group=GROUP):
    return abs(decided[group == 1].mean() - decided[group == 0].mean())


def test_it_keeps_scikit_learns_contract():
    results = check_estimator(
        FairClassifier(steps=20, hidden=(8,), learning_rate=0.05, random_state=0),
        expected_failed_checks={
            "check_sample_weight_equivalence_on_dense_data": (
                "mini-batches of rows with weights are not mini-batches of repeated rows; they "
                "agree in expectation only"
            )
        },
        on_skip=None,
        on_fail=None,
    )
    failed = {x["check_name"]: x["exception"] for x in results if x["status"] == "failed"}
    assert failed == {}


def test_a_promise_narrows_the_gap_at_a_small_cost():
    settings = {"hidden": (8,), "steps": 400, "batch_size": 128, "learning_rate": 0.02}
    plain = quick(None, **settings).fit(X, Y).predict(X)
    fair = quick(**settings).fit(X, Y, sensitive_features=GROUP).predict(X)
    assert gap_of(plain) > 0.25
    assert gap_of(fair) < 0.1
    assert (fair == Y).mean() > 0.75


def test_a_promise_may_be_text_or_an_object():
    by_text, by_object = (
        quick(promise).fit(X, Y, sensitive_features=GROUP).predict_proba(X)
        for promise in (PROMISE, gap("selection") <= 0.05)
    )
    np.testing.assert_array_equal(by_text, by_object)


def test_the_same_random_state_gives_the_same_bits_and_another_does_not():
    first, second, other = (
        quick(random_state=seed).fit(X, Y, sensitive_features=GROUP).predict_proba(X)
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)


def test_a_random_state_object_goes_on_from_fit_to_fit():
    classifier = quick(random_state=np.random.RandomState(0))
    first, second = (
        classifier.fit(X, Y, sensitive_features=GROUP).predict_proba(X) for _ in range(2)
    )
    assert not np.array_equal(first, second)


def test_fitting_again_forgets_the_first_fit():
    twice = quick().fit(X[:100], Y[:100], sensitive_features=GROUP[:100])
    twice.fit(X, Y, sensitive_features=GROUP)
    once = quick().fit(X, Y, sensitive_features=GROUP)
    np.testing.assert_array_equal(twice.predict_proba(X), once.predict_proba(X))


def test_parameters_come_back_as_they_were_given():
    promise = Constraint.parse(PROMISE)
    classifier = quick(promise, hidden=[4, 2])
    assert classifier.get_params()["constraint"] is promise
    assert classifier.fit(X, Y, sensitive_features=GROUP).get_params()["hidden"] == [4, 2]
    classifier.set_params(method="penalty", steps=3)
    assert (classifier.method, classifier.steps) == ("penalty", 3)
    assert clone(classifier).get_params() == classifier.get_params()


@pytest.mark.parametrize("fitted", [True, False])
def test_it_can_be_pickled(fitted):
    classifier = quick()
    if not fitted:
        assert pickle.loads(pickle.dumps(classifier)).get_params() == classifier.get_params()
        return
    classifier.fit(X, Y, sensitive_features=GROUP)
    other = pickle.loads(pickle.dumps(classifier))
    np.testing.assert_array_equal(other.predict_proba(X), classifier.predict_proba(X))


def test_sensitive_features_are_routed_through_a_pipeline():
    with sklearn.config_context(enable_metadata_routing=True):
        routed = make_pipeline(
            StandardScaler(), quick().set_fit_request(sensitive_features=True)
        ).fit(X, Y, sensitive_features=GROUP)
    direct = quick().fit(StandardScaler().fit_transform(X), Y, sensitive_features=GROUP)
    np.testing.assert_array_equal(
        routed.predict_proba(X), direct.predict_proba(StandardScaler().fit_transform(X))
    )


def test_sensitive_features_are_routed_and_cut_in_cross_validation():
    with sklearn.config_context(enable_metadata_routing=True):
        classifier = quick().set_fit_request(sensitive_features=True)
        result = cross_validate(
            classifier,
            X,
            Y,
            cv=3,
            params={"sensitive_features": GROUP},
            return_estimator=True,
            error_score="raise",
        )
    assert len(result["estimator"]) == 3
    assert all(fold.groups_ == ("0", "1") for fold in result["estimator"])


def test_a_grid_of_promises_can_be_searched():
    with sklearn.config_context(enable_metadata_routing=True):
        search = GridSearchCV(
            quick(steps=3).set_fit_request(sensitive_features=True),
            {"constraint": [PROMISE, 'gap("accuracy") <= 0.1'], "steps": np.arange(2, 4)},
            cv=2,
            error_score="raise",
        ).fit(X, Y, sensitive_features=GROUP)
    assert search.best_estimator_.predict(X).shape == (400,)


def test_a_saved_classifier_of_numpys_settings_predicts_the_same(tmp_path):
    classifier = quick(steps=np.int64(4), learning_rate=np.float32(0.01))
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    classifier.fit(frame, Y, sensitive_features=GROUP).save(tmp_path)
    loaded = Model.load(tmp_path)
    np.testing.assert_array_equal(loaded.predict(frame), classifier.predict(frame))
    assert loaded.about["constraint"] == PROMISE


TARGETS = {
    "text": np.array(["no", "yes"]),
    "objects": np.array(["no", "yes"], dtype=object),
    "booleans": np.array([False, True]),
    "small integers": np.array([-1, 1], dtype=np.int8),
    "floats": np.array([0.0, 1.0]),
}


@pytest.mark.parametrize("kind", TARGETS)
def test_decisions_are_of_the_labels_type(kind):
    y = TARGETS[kind][Y]
    classifier = quick().fit(X, y, sensitive_features=GROUP)
    assert classifier.predict(X).dtype == y.dtype
    assert set(classifier.predict(X)) <= set(y)
    assert classifier.classes_.tolist() == TARGETS[kind].tolist()


@pytest.mark.parametrize(
    "make",
    [list, pd.Series, pl.Series, pa.array, lambda x: pa.chunked_array([x[:9], x[9:]])],
    ids=["list", "pandas", "polars", "pyarrow", "chunks"],
)
def test_labels_and_groups_may_be_columns_of_any_library(make):
    columns = quick().fit(X, make(Y), sensitive_features=make(GROUP))
    arrays = quick().fit(X, Y, sensitive_features=GROUP)
    np.testing.assert_array_equal(columns.predict_proba(X), arrays.predict_proba(X))


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.table], ids=lambda f: f.__module__)
def test_a_table_with_categories_and_gaps_is_learnt_from(make):
    columns = {
        "age": [None if i % 7 == 0 else float(x) for i, x in enumerate(X[:, 0])],
        "job": [[None, "clerk", "nurse"][i % 3] for i in range(400)],
        "owner": [bool(g) for g in GROUP],
    }
    classifier = quick().fit(make(columns), Y, sensitive_features=make({"g": GROUP.tolist()}))
    assert classifier.n_features_in_ == 3
    assert classifier.feature_names_in_.tolist() == ["age", "job", "owner"]
    first = quick().fit(pa.table(columns), Y, sensitive_features=GROUP)
    np.testing.assert_array_equal(
        classifier.predict_proba(make(columns)), first.predict_proba(pa.table(columns))
    )


def test_columns_named_by_numbers_serve_the_model_too():
    frame = pd.DataFrame(X)
    classifier = quick().fit(frame, Y, sensitive_features=GROUP)
    np.testing.assert_array_equal(classifier.model_.predict(frame), classifier.predict(frame))


@pytest.mark.parametrize(
    "view",
    [
        np.asfortranarray,
        lambda x: x[::-1][::-1],
        lambda x: np.repeat(x, 2, axis=0)[::2],
        lambda x: np.frombuffer(x.tobytes(), x.dtype).reshape(x.shape),
        lambda x: x.astype(x.dtype.newbyteorder()),
    ],
    ids=["column by column", "backwards twice", "every second", "read-only", "foreign bytes"],
)
def test_arrays_of_any_layout_are_learnt_from_alike(view):
    expected = quick().fit(X, Y, sensitive_features=GROUP).predict_proba(X)
    given = quick().fit(view(X), view(Y), sensitive_features=view(GROUP)).predict_proba(view(X))
    np.testing.assert_array_equal(given, expected)


def test_the_callers_arrays_are_left_as_they_were():
    before = X.copy(), Y.copy(), GROUP.copy()
    quick().fit(X, Y, sensitive_features=GROUP, sample_weight=np.full(400, 2.0))
    for array, copy in zip((X, Y, GROUP), before, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_tensors_are_learnt_from():
    tensors = quick().fit(
        torch.from_numpy(X), torch.from_numpy(Y), sensitive_features=torch.from_numpy(GROUP)
    )
    arrays = quick().fit(X, Y, sensitive_features=GROUP)
    np.testing.assert_array_equal(tensors.predict_proba(X), arrays.predict_proba(X))


def test_weights_that_are_all_alike_change_nothing():
    weighted = quick().fit(X, Y, sensitive_features=GROUP, sample_weight=np.full(400, 3.0))
    plain = quick().fit(X, Y, sensitive_features=GROUP)
    np.testing.assert_allclose(weighted.predict_proba(X), plain.predict_proba(X), atol=1e-6)


def test_rows_of_great_weight_are_learnt_first():
    one_sided = np.where(Y == 1, 50.0, 1.0)
    settings = {"steps": 100, "learning_rate": 0.05}
    plain = quick(None, **settings).fit(X, Y).predict(X)
    weighted = quick(None, **settings).fit(X, Y, sample_weight=one_sided).predict(X)
    assert weighted.mean() > plain.mean() + 0.1


def test_several_columns_are_crossed_or_stand_side_by_side():
    columns = {"sex": GROUP, "old": (X[:, 1] > 0).astype(int)}
    crossed = quick().fit(X, Y, sensitive_features=columns)
    assert crossed.groups_ == ("0, 0", "0, 1", "1, 0", "1, 1")
    each = quick(how="each").fit(X, Y, sensitive_features=columns)
    assert each.groups_ == ("sex: 0", "sex: 1", "old: 0", "old: 1")


def test_groups_may_be_given_ready_made():
    groups = Groups.from_membership(np.stack([GROUP == 0, X[:, 1] > 0], axis=1), ["a", "b"])
    assert quick().fit(X, Y, sensitive_features=groups).groups_ == ("a", "b")


def test_three_classes():
    y = np.array(["low", "mid", "high"])[np.digitize(X[:, 0], [0, 1])]
    classifier = quick('gap("equalized_odds") <= 0.1', steps=150, learning_rate=0.02)
    classifier.fit(X, y, sensitive_features=GROUP)
    assert classifier.predict_proba(X).shape == (400, 3)
    np.testing.assert_allclose(classifier.predict_proba(X).sum(1), 1)
    assert classifier.score(X, y) > 0.7


@pytest.mark.parametrize(
    "changes",
    [{"hidden": ()}, {"hidden": (3,)}, {"steps": 1}, {"batch_size": 10_000}, {"batch_size": 1}],
    ids=str,
)
def test_extreme_settings_train(changes):
    classifier = quick(**changes).fit(X, Y, sensitive_features=GROUP)
    assert np.isfinite(classifier.predict_proba(X)).all()


def test_a_group_that_most_batches_miss_does_no_harm():
    rare = np.where(np.arange(400) < 4, 2, GROUP)
    classifier = quick(batch_size=8, steps=30).fit(X, Y, sensitive_features=rare)
    assert np.isfinite(classifier.predict_proba(X)).all()
    assert classifier.groups_ == ("0", "1", "2")


@pytest.mark.parametrize("method", ["erm", "penalty", "alm"])
def test_the_history_of_training_is_kept(method):
    history = quick(method=method).fit(X, Y, sensitive_features=GROUP).history_
    assert history.step.tolist() == list(range(1, 9))
    assert np.isfinite(history.loss).all()
    assert np.isfinite(history.multiplier).all() == (method == "alm")


def fit(promise=PROMISE, *, x=X, y=Y, groups=GROUP, weight=None, **changes):
    return quick(promise, **changes).fit(x, y, sensitive_features=groups, sample_weight=weight)


NO_POSITIVES = np.where(GROUP == 1, 0, Y)
NAN_LABELS = np.where(np.arange(400) < 3, np.nan, Y)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"groups": None}, "compares groups: pass sensitive_features to fit"),
        ({"groups": GROUP[:-1]}, "sensitive_features has 399 rows, but y has 400"),
        ({"y": Y[:-1]}, "X has 400 rows, but y has 399"),
        ({"weight": np.ones(3)}, "sample_weight"),
        ({"weight": -np.ones(400)}, "[Nn]egative"),
        ({"weight": np.zeros(400)}, "only one class|zero"),
        ({"groups": np.zeros(400)}, "only '0'"),
        ({"groups": np.where(GROUP == 0, np.nan, 1.0)}, "missing"),
        ({"y": np.zeros(400)}, "only one class, .*0.0"),
        ({"y": NAN_LABELS}, "y contains NaN"),
        ({"y": np.where(np.arange(400) < 3, None, "a")}, "y has 3 missing values"),
        ({"y": pd.Series(np.where(np.arange(400) < 3, None, "a"))}, "y has 3 missing values"),
        ({"y": X[:, 0]}, "[Cc]ontinuous|regression"),
        ({"y": np.stack([Y, Y], axis=1)}, "1d array"),
        ({"x": X[:0], "y": Y[:0]}, "0 sample"),
        ({"x": pd.DataFrame(X[:0])}, "X has no rows"),
        ({"x": pd.DataFrame(index=range(400))}, "no columns"),
        ({"x": np.where(X > 0, np.inf, X)}, "infinity"),
        ({"promise": "fairness"}, "fairness"),
        ({"method": "magic"}, "unknown method 'magic'"),
        ({"optimizer": "LBFGS"}, "optimizer must be one of"),
        ({"hidden": 4}, "hidden must hold"),
        ({"how": "both"}, "how must be one of crossed, each, lattice"),
    ],
)
def test_what_cannot_be_trained_on_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        fit(**arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        {"y": NO_POSITIVES},
        {"weight": np.where((GROUP == 1) & (Y == 1), 0.0, 1.0)},
    ],
    ids=["no positives", "positives of no weight"],
)
def test_a_group_without_positives_is_refused_before_any_training(arguments, monkeypatch):
    def no_training(*_, **__):
        pytest.fail("it trained")

    monkeypatch.setattr("equipoise.learn.classifier.train", no_training)
    with pytest.raises(ValueError, match=r"true_positive of group '1' is undefined"):
        fit('gap("true_positive") <= 0.1', **arguments)


def test_divergence_is_an_error_and_not_a_model():
    with pytest.raises(FloatingPointError):
        fit(optimizer="SGD", learning_rate=1e38)


def test_predicting_needs_the_columns_it_was_fitted_on():
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    classifier = quick().fit(frame, Y, sensitive_features=GROUP)
    with pytest.raises(ValueError, match="feature names"):
        classifier.predict(frame.rename(columns={"a": "z"}))


def test_missing_values_of_later_rows_are_filled():
    classifier = quick().fit(X, Y, sensitive_features=GROUP)
    gappy = X.copy()
    gappy[0, 0] = math.nan
    assert np.isfinite(classifier.predict_proba(gappy)).all()


def test_the_positive_class_of_two_can_be_the_smaller():
    random = np.random.default_rng(0)
    group = random.integers(0, 2, 600)
    X = random.normal(size=(600, 2)) + group[:, None]
    y = np.where(X.sum(axis=1) > 1, "approved", "denied")
    asked = {"constraint": 'worst("selection") >= 0.5', "steps": 300, "random_state": 0}
    plain, fair = (
        FairClassifier(**asked, positive=positive).fit(X, y, sensitive_features=group)
        for positive in (None, "approved")
    )
    assert list(fair.classes_) == ["approved", "denied"]
    likely = fair.classes_[fair.predict_proba(X).argmax(axis=1)]
    assert (likely == fair.predict(X)).all()
    for model, label in ((plain, "denied"), (fair, "approved")):
        decided = model.predict(X) == label
        assert min(decided[group == g].mean() for g in (0, 1)) > 0.45


def test_a_positive_class_that_is_none_is_refused():
    X, y = np.zeros((10, 1)), ["a", "b"] * 5
    with pytest.raises(ValueError, match="positive is 'c', but the classes are"):
        FairClassifier(positive="c").fit(X, y)


def test_rows_that_are_held_out_judge_and_are_not_learnt_from():
    held = quick(validation_fraction=0.25, steps=300).fit(X, Y, sensitive_features=GROUP)
    alone = quick(steps=300).fit(X, Y, sensitive_features=GROUP)
    assert not np.array_equal(held.predict_proba(X), alone.predict_proba(X))
    assert held.model_.about["constraint"] == PROMISE


def test_a_margin_is_asked_of_training_and_the_promise_stays_what_it_is():
    near = quick(steps=1000).fit(X, Y, sensitive_features=GROUP)
    strict = quick(steps=1000, margin=0.04).fit(X, Y, sensitive_features=GROUP)
    assert gap_of(strict.predict(X)) <= 0.01 < gap_of(near.predict(X)) <= 0.05
    assert strict.model_.about["constraint"] == PROMISE
    assert strict.model_.about["asked_of_training"] == 'gap("selection") <= 0.01'


@pytest.mark.parametrize("share", [-0.1, 1.0, math.nan])
def test_a_validation_fraction_out_of_range_is_refused(share):
    with pytest.raises(ValueError, match="validation_fraction must be"):
        quick(validation_fraction=share).fit(X, Y, sensitive_features=GROUP)


def test_too_few_rows_held_out_to_judge_a_group_are_refused_by_name():
    group = np.where(np.arange(len(Y)) < 3, "rare", np.where(GROUP == 1, "a", "b"))
    with pytest.raises(ValueError, match=r"'rare'.*validation_fraction = 0\.01"):
        quick(validation_fraction=0.01).fit(X, Y, sensitive_features=group)


def test_rows_held_out_keep_their_weights():
    weights = np.where(np.arange(len(Y)) % 2, 3.0, 0.5)
    fair = quick(validation_fraction=0.3, steps=20)
    fair.fit(X, Y, sensitive_features=GROUP, sample_weight=weights)
    again = clone(fair).fit(X, Y, sensitive_features=GROUP, sample_weight=2 * weights)
    assert np.allclose(fair.predict_proba(X), again.predict_proba(X))


@pytest.mark.parametrize("given", [{"iterate": "last"}, {"iterate": "average"}, {"method": "erm"}])
def test_rows_are_not_held_out_where_nothing_is_judged(given):
    held = quick(validation_fraction=0.25, **given).fit(X, Y, sensitive_features=GROUP)
    alone = quick(**given).fit(X, Y, sensitive_features=GROUP)
    assert np.array_equal(held.predict_proba(X), alone.predict_proba(X))
