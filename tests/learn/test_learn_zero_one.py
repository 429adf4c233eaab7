"""Fair linear classifiers under the zero-one loss."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from equipoise import FairClassifier, audit, gap
from equipoise.compare import compare
from equipoise.constraints import Constraint
from equipoise.groups import Groups
from equipoise.learn import Model, Rows, TrainingSettings, as_promises
from equipoise.learn.zero_one.pressure import Pressure
from equipoise.learn.zero_one.search import Judge
from equipoise.learn.zero_one.shares import Shares
from equipoise.learn.zero_one.target import Planes, SmoothTarget

PROMISES = (
    'gap("selection") <= 0.05',
    'ratio("selection") >= 0.8',
    'gap("equalized_odds") <= 0.1',
    'gap("predictive_value") <= 0.02',
    'gap("treatment") <= 0.1',
    'worst("false_omission") <= 0.2',
)


def noisy(n=1200, seed=0):
    """Rows of two groups; labels that lie far out on one side are mostly wrong."""
    random = np.random.default_rng(seed)
    group = random.integers(0, 2, n)
    X = random.normal(size=(n, 4))
    X[:, 0] += 0.6 * group
    label = (X[:, 0] + X[:, 1] > 0.3).astype(int)
    wrong = (X[:, 1] > 1.2) & (X[:, 0] > 0) & (random.random(n) < 0.8)
    return X, np.where(wrong, 1 - label, label), group


def rows_of(X, y, group, **more):
    return Rows.of(X.astype(np.float32), y, Groups.of(group), **more)


def target_of(promises, dtype=torch.float32, how="disjoint", weights=None):
    X, y, group = noisy(150)
    groups = Groups.of(group)
    if how == "overlapping":
        groups = Groups.of({"a": group, "b": X[:, 2] > 0}, "each")
    rows = Rows.of(X, y, groups, weights, dtype=dtype)
    shares = Shares.of(rows, np.ones(len(y)))
    planes = Planes.of(rows.features[torch.from_numpy(shares.order)])
    planes = Planes(planes.unit.to(dtype), planes.back)
    pressure = Pressure(as_promises(promises), len(groups), 10.0)
    pressure.multipliers = np.linspace(0, 0.5, len(pressure.multipliers))
    return SmoothTarget(planes, shares, pressure, 30.0, 0.4)


@pytest.mark.parametrize("promise", PROMISES)
@pytest.mark.parametrize("how", ["disjoint", "overlapping"])
def test_the_gradient_is_the_densitys(promise, how):
    weights = np.random.default_rng(3).uniform(0.5, 2, 150)
    target = target_of([promise, 'gap("accuracy") <= 0.03'], torch.float64, how, weights)
    random = np.random.default_rng(0)
    x = random.normal(size=(3, 5))
    v = random.normal(size=(3, 5))
    step = 1e-5
    slope = (target.log_density(x + step * v) - target.log_density(x - step * v)) / (2 * step)
    np.testing.assert_allclose((target.evaluate(x)[1] * v).sum(1), slope, rtol=1e-6, atol=1e-6)


def test_smoothed_tables_are_means_over_planes_with_noise():
    target = target_of(['gap("selection") <= 0.05'], torch.float64)
    random = np.random.default_rng(0)
    u = random.normal(size=5)
    u /= np.linalg.norm(u)
    noisy_planes = torch.from_numpy(u + 0.4 * random.normal(size=(20_000, 5)))
    decided = (noisy_planes @ target.planes.unit.T > 0).double()
    margin = torch.from_numpy(u)[None] @ target.planes.unit.T / 0.4
    smooth = target.shares.tables(torch.special.ndtr(margin))[0]
    seen = target.shares.tables(decided)
    error = seen.std(axis=0) / np.sqrt(len(seen))
    assert (np.abs(seen.mean(axis=0) - smooth) < 5 * error + 1e-9).all()


@pytest.mark.parametrize("how", ["crossed", "each"])
def test_decisions_are_counted_as_an_audit_counts_them(how):
    X, y, group = noisy()
    features = {"a": group, "b": X[:, 2] > 0}
    rows = Rows.of(X.astype(np.float32), y, Groups.of(features, how))
    plane = np.array([1.0, 0.5, 0.0, 0.2, -0.3])
    promise = Constraint.parse('gap("true_positive") <= 0.01')
    broken, error = Judge(rows, [promise])(plane[None], double=True)
    decided = (X.astype(np.float32) @ plane[:-1] + plane[-1] > 0).astype(int)
    found = audit(y, decided, sensitive_features=features, how=how)
    assert error[0] == pytest.approx((decided != y).mean())
    assert broken[0] == pytest.approx(found.disparity(promise.disparity).value - 0.01)


def test_labels_that_are_wrong_far_out_cost_it_less_than_a_logistic_regression():
    X, y, _ = noisy()
    errors = {}
    for method in ("zero-one", "erm"):
        model = FairClassifier(method=method, hidden=(), steps=200, random_state=0).fit(X, y)
        errors[method] = (model.predict(X) != y).mean()
    assert errors["zero-one"] < errors["erm"] - 0.03


@pytest.mark.parametrize("promise", PROMISES[:4])
def test_it_keeps_promises_on_the_rows_that_it_learnt_from(promise):
    X, y, group = noisy()
    model = FairClassifier(promise, "zero-one", steps=200, random_state=0)
    decided = model.fit(X, y, sensitive_features=group).predict(X)
    kept = Constraint.parse(promise)
    value = audit(y, decided, sensitive_features=group).disparity(kept.disparity).value
    assert value <= kept.bound if kept.sense == "<=" else value >= kept.bound
    assert (decided != y).mean() < 0.35  # deciding everybody alike keeps some of them at one half


def test_one_seed_gives_one_model_which_can_be_saved(tmp_path):
    X, y, group = noisy(400)
    fitted = [
        FairClassifier('gap("selection") <= 0.1', "zero-one", steps=100, random_state=seed).fit(
            X, y, sensitive_features=group
        )
        for seed in (0, 0)
    ]
    first, again = (one.predict_proba(X) for one in fitted)
    np.testing.assert_array_equal(first, again)
    fitted[0].save(tmp_path)
    kept, features = Model.load(tmp_path), X.astype(np.float32)
    np.testing.assert_array_equal(
        kept.probabilities(features), fitted[0].model_.probabilities(features)
    )


def test_it_is_one_of_the_methods_that_are_compared(tmp_path):
    found = compare(
        "census-sim",
        rows=900,
        constraint=gap("selection") <= 0.1,
        methods=["erm", "zero-one"],
        seeds=2,
        training=TrainingSettings(steps=60),
        out=tmp_path / "run",
    )
    trial = next(one for one in found.trials if one.method == "zero-one")
    assert not trial.diverged
    assert min(counts.accuracy for counts in trial.counts["test"]) > 0.6
    assert trial.history.disparity.shape[1:] == (2, 1)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"constraint": 'gap("loss") <= 0.1'}, "no loss"),
        ({"constraint": 'gap("selection") <= 0.1', "iterate": "mixture"}, "one plane"),
    ],
)
def test_what_it_cannot_do_is_refused(more, message):
    X, y, group = noisy(100)
    with pytest.raises(ValueError, match=message):
        FairClassifier(method="zero-one", **more).fit(X, y, sensitive_features=group)


def test_more_than_two_classes_are_refused():
    X, _, group = noisy(90)
    with pytest.raises(ValueError, match="two classes"):
        FairClassifier('gap("selection") <= 0.1', "zero-one").fit(
            X, np.arange(90) % 3, sensitive_features=group
        )
    with pytest.raises(ValueError, match="two classes"):
        FairClassifier(method="zero-one").fit(X, np.arange(90) % 3)


@pytest.mark.parametrize("value", [0.0, 3.0])
def test_rows_that_are_all_alike_are_refused(value):
    X, y, group = noisy(90)
    with pytest.raises(ValueError, match="all rows are alike"):
        FairClassifier('gap("selection") <= 0.1', "zero-one").fit(
            np.full_like(X, value), y, sensitive_features=group
        )
