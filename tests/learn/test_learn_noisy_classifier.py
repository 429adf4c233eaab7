"""DenoisedClassifier keeps its promise to the true groups, which it never sees."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.estimator_checks import check_estimator

from equipoise import Groups
from equipoise.learn import DenoisedClassifier
from equipoise.learn.noisy import UnreachablePromiseError
from equipoise.noise import FlipMatrix, NoisyGroups

FLIPS = FlipMatrix([[0.7, 0.3], [0.1, 0.9]], ("a", "b"))
PROMISE = 'ratio("selection") >= 0.9'


def people(n=20_000, seed=0):
    random = np.random.default_rng(seed)
    group = (random.random(n) < 0.6).astype(int)
    X = random.normal(size=(n, 3))
    X[:, 0] += group
    y = (X.sum(axis=1) + 0.5 * group + random.logistic(size=n) > 0.8).astype(int)
    seen = np.where(random.random(n) < FLIPS.p_flip[group, 1 - group], 1 - group, group)
    return X, y, group, seen


X, Y, GROUP, SEEN = people()
NOISY = NoisyGroups(Groups.from_codes(SEEN, ["a", "b"]), FLIPS)


def ratio_of(chance, group=GROUP):
    rates = [chance[group == k].mean() for k in (0, 1)]
    return min(rates) / max(rates)


def test_it_keeps_scikit_learns_contract():
    results = check_estimator(DenoisedClassifier(), on_skip=None)
    assert all(result["status"] != "failed" for result in results)


def test_the_true_groups_get_what_was_promised_and_naively_they_do_not():
    fair = DenoisedClassifier(PROMISE).fit(X, Y, sensitive_features=NOISY)
    naive = DenoisedClassifier(PROMISE).fit(X, Y, sensitive_features=NOISY.observed)
    [kept] = fair.feasibility_
    assert kept.kept
    true = ratio_of(fair.predict_proba(X)[:, 1])
    assert abs(true - kept.value) < 4 * kept.error
    assert ratio_of(naive.predict_proba(X)[:, 1]) < 0.87
    assert naive.feasibility_[0].kept  # of what is observed


@pytest.mark.parametrize(
    ("promise", "label"), [('ratio("true_positive") >= 0.97', 1), ('gap("fpr") <= 0.03', 0)]
)
def test_rates_among_a_label_are_corrected_too(promise, label):
    promise = promise.replace("fpr", "false_positive")
    fair = DenoisedClassifier(promise).fit(X, Y, sensitive_features=NOISY)
    chance = fair.predict_proba(X)[:, 1]
    rates = [chance[(label == Y) & (k == GROUP)].mean() for k in (0, 1)]
    value = min(rates) / max(rates) if "ratio" in promise else max(rates) - min(rates)
    assert abs(value - fair.feasibility_[0].value) < 4 * fair.feasibility_[0].error
    assert list(fair.group_estimators_) == [label]


def test_decisions_are_draws_of_the_chances():
    fair = DenoisedClassifier(PROMISE, random_state=1).fit(X, Y, sensitive_features=NOISY)
    chance, decided = fair.predict_proba(X)[:, 1], fair.predict(X)
    assert (decided == fair.predict(X)).all()
    certain = (chance == 0) | (chance == 1)
    assert certain.mean() > 0.8
    assert (decided[certain] == chance[certain]).all()
    assert abs(decided.mean() - chance.mean()) < 0.01
    other = clone(fair).set_params(random_state=2).fit(X, Y, sensitive_features=NOISY)
    assert (other.predict(X) != decided).any()


def test_error_gap_and_feasibility_are_of_the_rule():
    fair = DenoisedClassifier(PROMISE).fit(X, Y, sensitive_features=NOISY)
    chance = fair.predict_proba(X)[:, 1]
    assert fair.error_ == pytest.approx(np.where(Y == 1, 1 - chance, chance).mean(), abs=1e-12)
    signed = NOISY.matrix()
    rates = signed.T @ chance / signed.sum(axis=0)
    assert fair.feasibility_[0].rates[0] == pytest.approx(rates, abs=1e-9)
    assert 0 <= fair.gap_ <= 1e-5
    free = DenoisedClassifier().fit(X, Y)
    assert free.error_ < fair.error_


def test_flips_can_be_given_in_three_ways():
    names = np.array(["a", "b"])[SEEN]
    of = {("a", "b"): 0.3, ("b", "a"): 0.1}
    whole = DenoisedClassifier(PROMISE).fit(X, Y, sensitive_features=NOISY)
    for noise in (FLIPS, FLIPS.p_flip, of):
        one = DenoisedClassifier(PROMISE, noise=noise).fit(X, Y, sensitive_features=names)
        assert one.error_ == whole.error_
    assert whole.groups_ == ("a", "b")


def test_flips_that_differ_by_stratum_are_corrected_by_stratum():
    random = np.random.default_rng(3)
    stratum = random.integers(0, 2, len(Y))
    swap = np.where(stratum == 0, 0.05, 0.35)
    seen = np.where(random.random(len(Y)) < swap, 1 - GROUP, GROUP)
    each = {k: [[1 - p, p], [p, 1 - p]] for k, p in (("0", 0.05), ("1", 0.35))}
    noisy = NoisyGroups.of(seen, p_flip=each, strata=stratum)
    fair = DenoisedClassifier(PROMISE).fit(X, Y, sensitive_features=noisy)
    assert abs(ratio_of(fair.predict_proba(X)[:, 1]) - 0.9) < 4 * fair.feasibility_[0].error


def test_any_classifier_with_probabilities_will_do():
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    for estimator in (pipeline, DecisionTreeClassifier(max_depth=5)):
        fair = DenoisedClassifier(PROMISE, estimator).fit(X, Y, sensitive_features=NOISY)
        assert fair.feasibility_[0].kept
    weights = np.random.default_rng(0).random(len(Y))
    fair = DenoisedClassifier(PROMISE, pipeline)
    fair.fit(X, Y, sensitive_features=NOISY, sample_weight=weights)
    assert fair.feasibility_[0].kept
    with pytest.raises(ValueError, match="no predict_proba"):
        DenoisedClassifier(PROMISE, LinearSVC()).fit(X, Y, sensitive_features=NOISY)


def test_a_forest_needs_folds():
    some = slice(0, 3000)
    fresh, label, group, _ = people(8000, 1)
    forest = RandomForestClassifier(30, random_state=0)
    groups = NOISY.take(np.arange(3000))
    folded = DenoisedClassifier(PROMISE, forest, cv=3).fit(
        X[some], Y[some], sensitive_features=groups
    )
    heart = DenoisedClassifier(PROMISE, forest).fit(X[some], Y[some], sensitive_features=groups)
    assert folded.feasibility_[0].kept
    assert heart.error_ < 0.1 < folded.error_
    wrong = (folded.predict_proba(fresh)[:, 1] - label).__abs__().mean()
    assert abs(wrong - folded.error_) < 0.05
    assert ratio_of(folded.predict_proba(fresh)[:, 1], group) > 0.7


def test_rows_of_weight_two_are_rows_that_occur_twice():
    few = np.arange(2000)
    groups = NOISY.take(few)
    weights = np.where(few % 3 == 0, 2.0, 1.0)
    twice = np.concatenate([few, few[few % 3 == 0]])
    exact = LogisticRegression(tol=1e-10, solver="newton-cholesky")
    one = DenoisedClassifier(PROMISE, exact, tolerance=1e-8)
    one.fit(X[few], Y[few], sensitive_features=groups, sample_weight=weights)
    other = DenoisedClassifier(PROMISE, exact, tolerance=1e-8)
    other.fit(X[twice], Y[twice], sensitive_features=NOISY.take(twice))
    assert one.error_ == pytest.approx(other.error_, abs=1e-5)
    assert one.feasibility_[0].value == pytest.approx(other.feasibility_[0].value, abs=1e-6)


def test_tables_and_the_positive_label_are_understood():
    table = pd.DataFrame(X, columns=["one", "two", "three"])
    named = np.where(Y == 1, "hired", "rejected")
    fair = DenoisedClassifier(PROMISE, positive="hired", random_state=0)
    fair.fit(table, named, sensitive_features=NOISY)
    assert fair.classes_.tolist() == ["hired", "rejected"]
    hired = fair.predict_proba(table)[:, 0]
    assert abs(ratio_of(hired) - 0.9) < 0.03
    assert abs((fair.predict(table) == "hired").mean() - hired.mean()) < 0.02
    assert list(fair.feature_names_in_) == ["one", "two", "three"]


def test_groups_that_overlap_are_compared_as_they_are():
    old = np.random.default_rng(5).random(len(Y)) < 0.3
    both = {"sex": GROUP, "old": old}
    fair = DenoisedClassifier(PROMISE, how="each").fit(X, Y, sensitive_features=both)
    chance = fair.predict_proba(X)[:, 1]
    rates = [chance[who].mean() for who in (GROUP == 0, GROUP == 1, ~old, old)]
    assert len(fair.groups_) == 4
    assert min(rates) / max(rates) >= 0.9


def test_a_label_with_one_observed_group_alone_is_no_reason_to_fail():
    few = np.flatnonzero((Y == 1) | (SEEN == 1))[:3000]
    promise = 'gap("accuracy") <= 0.2'
    fair = DenoisedClassifier(promise).fit(X[few], Y[few], sensitive_features=SEEN[few])
    assert fair.feasibility_[0].kept
    assert sorted(fair.group_estimators_) == [0, 1]


def test_several_promises_are_kept_together():
    promises = [PROMISE, 'worst("true_positive") >= 0.8']
    fair = DenoisedClassifier(promises).fit(X, Y, sensitive_features=NOISY)
    assert [kept.kept for kept in fair.feasibility_] == [True, True]


@pytest.mark.parametrize(
    ("settings", "fitted", "says"),
    [
        ({}, {"sensitive_features": None}, "pass sensitive_features"),
        ({}, {"sensitive_features": NOISY.take(np.arange(5))}, "has 5 rows"),
        ({"noise": FLIPS}, {}, "leave noise out"),
        ({"floor": -1}, {}, "floor must be"),
        ({"slack": 2}, {}, "slack must be"),
        ({"tolerance": 0}, {}, "tolerance must be"),
        ({"constraint": 'gap("loss") <= 0.1'}, {}, "mean loss"),
        ({}, {"y": np.arange(len(Y)) % 3}, "Only binary"),
        ({"positive": 7}, {}, "positive is 7"),
        ({"constraint": 'gap("selektion") <= 0.1'}, {}, "unknown rate"),
    ],
)
def test_input_that_does_not_fit_is_refused(settings, fitted, says):
    given = {"y": Y, "sensitive_features": NOISY, **fitted}
    with pytest.raises(ValueError, match=says):
        DenoisedClassifier(**{"constraint": PROMISE, **settings}).fit(X, **given)


def test_flips_that_leave_a_group_without_rows_are_refused():
    flips = FlipMatrix([[0.55, 0.45], [0.45, 0.55]], ("a", "b"))
    seen = Groups.from_codes((np.arange(len(Y)) % 10 == 0).astype(int), ["a", "b"])
    with pytest.raises(ValueError, match="by the flip matrix, a share of -"):
        DenoisedClassifier(PROMISE).fit(X, Y, sensitive_features=NoisyGroups(seen, flips))


def test_a_floor_that_is_too_high_is_said():
    with pytest.raises(UnreachablePromiseError, match="can be reached"):
        DenoisedClassifier(PROMISE, floor=0.6).fit(X, Y, sensitive_features=NOISY)
