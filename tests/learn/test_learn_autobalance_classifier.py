"""AutoBalance for users: a classifier, and a method beside the others."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import check_estimator
from tests.learn.rare import long_tail, two_groups

from equipoise import FairClassifier
from equipoise.learn import (
    METHODS,
    AutoBalanceClassifier,
    Method,
    Model,
    Rows,
    TrainingSettings,
)
from equipoise.learn.autobalance import FewValidationRowsWarning
from equipoise.learn.autobalance.method import train_autobalance

pytestmark = pytest.mark.filterwarnings(
    "ignore::equipoise.learn.autobalance.FewValidationRowsWarning"
)
QUICK = {"steps": 60, "hidden": (8,), "outer_steps": 10, "random_state": 0}


def rare(n=1500, share=0.06, seed=0):
    random = np.random.default_rng(seed)
    y = (random.random(n) < share).astype(int)
    return random.normal(size=(n, 4)) + 0.8 * y[:, None], y


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_it_keeps_scikit_learns_contract():
    results = check_estimator(
        AutoBalanceClassifier(
            steps=40, hidden=(8,), learning_rate=0.05, outer_steps=3, random_state=0
        ),
        expected_failed_checks={
            "check_sample_weight_equivalence_on_dense_data": (
                "mini-batches of rows with weights are not mini-batches of repeated rows, and a "
                "repeated row may be both trained on and judged on"
            )
        },
        on_skip=None,
        on_fail=None,
    )
    failed = {x["check_name"]: x["exception"] for x in results if x["status"] == "failed"}
    assert failed == {}


def test_a_rare_class_is_found_where_plain_training_misses_it():
    (X, y), (T, t) = rare(), rare(seed=1, share=0.5)
    fair = AutoBalanceClassifier(hidden=(), steps=300, random_state=0).fit(X, y)
    plain = FairClassifier(hidden=(), steps=300, random_state=0).fit(X, y)
    found, missed = ((m.predict(T) == t)[t == 1].mean() for m in (fair, plain))
    assert found > missed + 0.2


def test_groups_come_closer_within_classes():
    X, y, group = two_groups()
    T, t, g = two_groups(1, ((400, 400), (400, 400)))
    fair = AutoBalanceClassifier(
        "equalized_odds",
        hidden=(),
        hypergradient="exact",
        outer_steps=40,
        outer_learning_rate=0.1,
        validation_fraction=0.5,
        random_state=0,
    ).fit(X, y, sensitive_features=group)
    plain = FairClassifier(hidden=(), random_state=0).fit(X, y)

    def apart(model):
        wrong = model.predict(T) != t
        return sum(
            abs(wrong[(t == k) & (g == 0)].mean() - wrong[(t == k) & (g == 1)].mean())
            for k in (0, 1)
        )

    assert apart(fair) < 0.5 * apart(plain)
    assert fair.groups_ == ("0", "1")


def test_tables_text_labels_and_the_positive_class():
    X, y = rare()
    table = pd.DataFrame(X, columns=list("abcd")).assign(e=np.where(X[:, 0] > 0, "up", "down"))
    label = np.where(y == 1, "sick", "well")
    fair = AutoBalanceClassifier(positive="sick", **QUICK).fit(table, label)
    assert fair.classes_.tolist() == ["sick", "well"]
    assert fair.model_.classes == ("well", "sick")
    assert set(fair.predict(table)) <= {"sick", "well"}
    np.testing.assert_allclose(fair.predict_proba(table).sum(axis=1), 1)


@pytest.mark.parametrize("positive", ["sick", "well"])
def test_a_dictionary_is_in_the_order_of_the_sorted_classes(positive):
    X, y = rare()
    label = np.array(["sick", "well"])[y]
    fair = AutoBalanceClassifier(
        learn=("additive",),
        dictionary=[[1.0], [0.0]],  # of "sick" alone
        start="cross-entropy",
        compare=False,
        positive=positive,
        **QUICK,
    ).fit(X, label)
    moved = dict(zip(fair.model_.classes, fair.loss_.additive.tolist(), strict=True))
    assert moved["well"] == 0 != moved["sick"]


def test_rows_of_weight_0_are_as_if_left_out():
    X, y = rare()
    kept = np.random.default_rng(0).random(len(y)) < 0.5
    first, second = (
        AutoBalanceClassifier(**QUICK).fit(X[some], y[some], sample_weight=kept[some])
        for some in (np.full(len(y), True), kept)
    )
    np.testing.assert_array_equal(first.predict_proba(X), second.predict_proba(X))


def test_three_classes_of_groups():
    X, y = long_tail()
    group = np.random.default_rng(0).choice(["f", "m"], len(y))
    fair = AutoBalanceClassifier(**QUICK).fit(X, y, sensitive_features=group)
    assert fair.loss_.additive.shape == (3, 2)
    assert len(fair.trajectory_.step) == 8


def test_a_saved_model_predicts_the_same(tmp_path):
    X, y = rare()
    fair = AutoBalanceClassifier(**QUICK).fit(X, y)
    fair.save(tmp_path / "model")
    table = pd.DataFrame(X, columns=[f"x{j}" for j in range(4)])
    again = Model.load(tmp_path / "model")
    np.testing.assert_allclose(again.predict_proba(table), fair.predict_proba(X))
    assert again.about["choice"]["chosen"] in ("prior", "searched")


def test_the_same_seed_gives_the_same_predictions():
    X, y = rare()
    one, two = (AutoBalanceClassifier(**QUICK).fit(X, y).predict_proba(X) for _ in range(2))
    np.testing.assert_array_equal(one, two)


def test_an_exact_search_is_of_linear_models():
    X, y = rare()
    with pytest.raises(ValueError, match=r"hidden=\(\)"):
        AutoBalanceClassifier(hidden=(8,), hypergradient="exact").fit(X, y)


def test_few_validation_rows_are_warned_of():
    X, y = rare(200, 0.05)
    with pytest.warns(FewValidationRowsWarning):
        AutoBalanceClassifier(**QUICK).fit(X, y)


def test_nothing_is_predicted_before_fit():
    with pytest.raises(NotFittedError):
        AutoBalanceClassifier().predict(np.zeros((2, 3)))


# ------------------------------------------------------------------------ a method


def people(n=3000, seed=0):
    random = np.random.default_rng(seed)
    group = random.integers(0, 2, n)
    X = random.normal(size=(n, 4))
    X[:, 0] += group
    X[:, 3] = 2 * group + 0.5 * X[:, 3]  # tells of the group, as a name or a street does
    y = (X[:, 0] + X[:, 1] + random.normal(size=n) > 0.5).astype(int)
    return X, y, group


def selection_gap(model, X, group):
    decided = model.predict(X)
    return abs(decided[group == 0].mean() - decided[group == 1].mean())


def test_as_a_method_it_designs_a_loss_for_the_promise():
    (X, y, group), (T, _, g) = people(), people(seed=1)
    given = {"steps": 500, "hidden": (16,), "random_state": 0}
    fair = FairClassifier('gap("selection") <= 0.05', "autobalance", **given)
    fair.fit(X, y, sensitive_features=group)
    plain = FairClassifier(**given).fit(X, y)
    assert selection_gap(fair, T, g) < 0.4 * selection_gap(plain, T, g)
    assert len(fair.history_.step) > 5


def test_as_a_method_it_takes_validation_rows():
    X, y, group = people(800)
    fair = FairClassifier(
        'gap("selection") <= 0.05',
        "autobalance",
        steps=60,
        validation_fraction=0.3,
        random_state=0,
    )
    assert set(fair.fit(X, y, sensitive_features=group).predict(X)) <= {0, 1}


def test_the_method_goes_with_an_optimizer_whose_decay_is_in_no_loss():
    X, y, group = people(600)
    fair = FairClassifier(
        'gap("selection") <= 0.05', "autobalance", optimizer="AdamW", steps=60, random_state=0
    )
    assert set(fair.fit(X, y, sensitive_features=group).predict(X)) <= {0, 1}


def test_without_a_promise_the_method_balances_classes():
    X, y = rare()
    fair = FairClassifier(method="autobalance", steps=200, random_state=0).fit(X, y)
    plain = FairClassifier(steps=200, random_state=0).fit(X, y)
    assert fair.predict(X).mean() > plain.predict(X).mean()


def test_the_method_leaves_out_rows_of_weight_0():
    X, y = rare()
    X, weight = X.astype(np.float32), (np.arange(len(y)) % 3 > 0).astype(float)
    settings = TrainingSettings("autobalance", hidden=(8,), steps=60)
    networks = [
        train_autobalance(
            Rows.of(X[some], y[some], None, weight[some]), 2, [0], settings, (), None, None, None
        )
        for some in (np.full(len(y), True), weight > 0)
    ]
    first, second = (one.network.state_dict() for one in networks)
    for name, values in first.items():
        np.testing.assert_array_equal(values, second[name])


def test_rows_without_weights_count_1_beside_rows_with_some():
    X, y = rare(400)
    X, weight = X.astype(np.float32), np.random.default_rng(0).random(400)
    settings = TrainingSettings("autobalance", hidden=(8,), steps=60)
    networks = [
        train_autobalance(
            Rows.of(X, y, None, weight),
            2,
            [0],
            settings,
            (),
            None,
            Rows.of(X, y, None, beside),
            None,
        )
        for beside in (None, np.ones(400))
    ]
    first, second = (one.network.state_dict() for one in networks)
    for name, values in first.items():
        np.testing.assert_array_equal(values, second[name])


def test_the_method_refuses_groups_that_overlap():
    X, y, group = people(400)
    fair = FairClassifier('gap("selection") <= 0.05', "autobalance", how="each")
    with pytest.raises(ValueError, match="overlap"):
        fair.fit(X, y, sensitive_features={"a": group, "b": np.roll(group, 1)})


def test_a_method_is_a_wrapper_or_trains_itself():
    assert METHODS["autobalance"].train is not None
    with pytest.raises(ValueError, match="one of wrap and train"):
        Method("nothing", "neither of them")


def test_rows_are_changed_by_a_policy_for_each_cluster_of_classes():
    X, y = long_tail()
    settings = {"steps": 60, "compare": False, "random_state": 0}
    fair = AutoBalanceClassifier(augment=2, **settings).fit(X, y)
    start = AutoBalanceClassifier(augment=2, outer_learning_rate=1e-12, **settings).fit(X, y)
    assert {learnt.cluster for learnt in fair.augmentation_.policy()} == {0, 1}
    assert not torch.equal(fair.augmentation_.probability, start.augmentation_.probability)
    assert AutoBalanceClassifier(**settings).fit(X, y).augmentation_ is None


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"augment": 4}, "augment == 4, must be <= 3"),
        ({"augment": 1, "hypergradient": "cg"}, "hypergradient='identity'"),
        ({"augment": 1, "hypergradient": "exact", "hidden": ()}, "leave out augment"),
        ({"validation_fraction": 1.0}, "validation_fraction == 1.0, must be < 1"),
        ({"start": ""}, "start must be one of"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, said):
    X, y = long_tail()
    with pytest.raises(ValueError, match=said):
        AutoBalanceClassifier(steps=20, **settings).fit(X, y)


def test_a_number_of_policies_is_no_yes():
    X, y = long_tail()
    with pytest.raises(TypeError, match="augment must be a number of policies, not True"):
        AutoBalanceClassifier(augment=True).fit(X, y)


def test_a_fraction_that_is_no_number_is_refused():
    X, y = long_tail()
    with pytest.raises(TypeError, match="validation_fraction must be an instance of"):
        AutoBalanceClassifier(validation_fraction="a").fit(X, y)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"objective": None}, "objective must be one of balanced"),
        ({"objective": []}, "objective must be one of balanced"),
        ({"objective": True}, "objective must be one of balanced"),
        ({"weight_ce": "much"}, "weight_ce must be between 0 and 1"),
        ({"learn": "additive"}, "learn must list some of .*, not 'additive'"),
        ({"learn": 3}, "learn must list some of"),
        ({"warmup": None}, "warmup must be at least 0"),
        ({"outer_steps": 1.5}, "outer_steps must be a whole number"),
        ({"outer_steps": None}, "outer_steps must be a whole number"),
        ({"outer_learning_rate": 0}, "outer_learning_rate"),
        ({"outer_learning_rate": "x"}, "outer_learning_rate"),
        ({"optimizer": "Momentum", "hypergradient": "unrolled"}, "not 'Momentum'"),
    ],
)
def test_a_setting_of_another_type_is_refused_by_its_name(settings, said):
    X, y = long_tail()
    with pytest.raises(ValueError, match=said):
        AutoBalanceClassifier(steps=20, **settings).fit(X, y)


def test_a_class_of_one_row_is_called_by_its_label():
    X, y = rare(200)
    with pytest.raises(ValueError, match="class unique has 1 row,"):
        AutoBalanceClassifier(steps=20).fit(X, np.where(np.arange(200) == 7, "unique", y))


def test_weights_whose_sum_no_number_holds_are_refused():
    X, y = rare(200)
    with pytest.raises(ValueError, match="sample_weight adds up to more"):
        AutoBalanceClassifier(steps=20).fit(X, y, sample_weight=np.full(200, 1e308))


def test_a_promise_goes_with_an_optimizer_whose_decay_is_in_no_loss():
    X, y, group = people(600)
    fair = AutoBalanceClassifier(
        'gap("selection") <= 0.05', optimizer="AdamW", steps=40, random_state=0
    )
    assert set(fair.fit(X, y, sensitive_features=group).predict(X)) <= {0, 1}


@pytest.mark.parametrize("optimizer", ["SAM", "Sophia"])
def test_an_optimizer_that_asks_for_more_than_gradients_is_refused(optimizer):
    X, y, group = people(600)
    fair = AutoBalanceClassifier('gap("selection") <= 0.05', optimizer=optimizer, random_state=0)
    with pytest.raises(ValueError, match="take another"):
        fair.fit(X, y, sensitive_features=group)
