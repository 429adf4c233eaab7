"""Fair k-means and k-median: bounds on all rows, overlapping groups, streams, new rows."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from crowds import blobs, crowd
from sklearn.utils.estimator_checks import check_estimator

from equipoise import CoresetKMeans, FairKMeans, FairKMedian, Groups
from equipoise.cluster import InfeasibleError, fair_cost

BOTH = pytest.mark.parametrize("estimator", [FairKMeans, FairKMedian])


def shares_by_hand(labels, column, k):
    return pd.crosstab(labels, column, normalize="index").reindex(range(k))


def worst_by_hand(labels, columns, k, balance):
    """By how many rows the bounds of a balance are broken at worst."""
    worst = 0.0
    for column in columns.values():
        for group in np.unique(column):
            share = (column == group).mean()
            for j in range(k):
                size = (labels == j).sum()
                mass = ((labels == j) & (column == group)).sum()
                worst = max(worst, balance * share * size - mass, mass - share / balance * size)
    return worst


@BOTH
@pytest.mark.filterwarnings("ignore:X has .* distinct rows:sklearn.exceptions.ConvergenceWarning")
def test_it_keeps_scikit_learns_contract_where_nothing_is_asked(estimator):
    results = check_estimator(estimator(balance=0, random_state=0), on_skip=None, on_fail=None)
    failed = {x["check_name"]: x["exception"] for x in results if x["status"] == "failed"}
    assert failed == {}


@BOTH
@pytest.mark.parametrize("size", [None, 200])
def test_every_cluster_of_all_rows_keeps_the_bounds_of_both_columns(estimator, size):
    X, groups = crowd(4000)
    model = estimator(4, balance=0.9, size=size, random_state=0).fit(X, sensitive_features=groups)
    assert worst_by_hand(model.labels_, groups, 4, 0.9) < 1
    assert model.violation_.rows == pytest.approx(
        worst_by_hand(model.labels_, groups, 4, 0.9), abs=1e-6
    )
    by_hand = np.hstack([shares_by_hand(model.labels_, column, 4) for column in groups.values()])
    np.testing.assert_allclose(model.shares_, by_hand)
    assert model.groups_ == ("sex: men", "sex: women", "race: A", "race: B", "race: C")


@BOTH
def test_without_bounds_the_same_rows_break_them(estimator):
    X, groups = crowd(4000)
    plain = estimator(4, balance=0, random_state=0).fit(X, sensitive_features=groups)
    assert worst_by_hand(plain.labels_, groups, 4, 0.9) > 100
    assert plain.price_ == pytest.approx(0, abs=1e-9)


@BOTH
def test_inertia_price_and_sizes_are_of_all_rows(estimator):
    X, groups = crowd(3000)
    model = estimator(3, size=300, random_state=0).fit(X, sensitive_features=groups)
    power = 2 if estimator is FairKMeans else 1
    distances = np.sqrt(((X - model.cluster_centers_[model.labels_]) ** 2).sum(1))
    assert model.inertia_ == pytest.approx((distances**power).sum())
    np.testing.assert_array_equal(model.sizes_, np.bincount(model.labels_, minlength=3))
    assert model.price_ == pytest.approx(model.inertia_ / model.plain_inertia_ - 1)
    assert model.price_ > 0
    assert 0 <= model.gap_ < 1e-5
    assert model.fair_cost_ == pytest.approx(model.inertia_, rel=0.15)


def test_centres_are_the_means_of_what_they_have():
    X, groups = crowd(300)
    model = FairKMeans(3, tol=0, random_state=0).fit(X, sensitive_features=groups)
    # Some rows are divided in the program, and all of them are whole here.
    means = np.array([X[model.labels_ == j].mean(0) for j in range(3)])
    assert np.abs(means - model.cluster_centers_).max() < 0.1


def brute_force(X, centres, group, low, high):
    """The least cost of whole assignments whose clusters have shares of a group within bounds."""
    best = np.inf
    costs = ((X[:, None] - centres) ** 2).sum(-1)
    for labels in itertools.product(range(len(centres)), repeat=len(X)):
        labels = np.array(labels)
        if all(
            low - 1e-9 <= group[labels == j].mean() <= high + 1e-9
            for j in range(len(centres)) if (labels == j).any()
        ):  # fmt: skip
            best = min(best, costs[np.arange(len(X)), labels].sum())
    return best


@pytest.mark.parametrize("seed", range(6))
def test_the_fair_cost_of_given_centres_is_the_least_of_all_assignments(seed):
    random = np.random.default_rng(seed)
    X, centres = random.normal(size=(8, 2)), random.normal(size=(2, 2))
    group = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    found = fair_cost(X, centres, group, at_least={"1": 0.5}, at_most={"1": 0.5})
    # With equal shares asked of one group the program's vertices are whole.
    assert found.value == pytest.approx(brute_force(X, centres, group, 0.5, 0.5))
    assert found.lower <= found.value + 1e-9
    loose = fair_cost(X, centres, group, at_least={"1": 0.25})
    assert loose.value <= brute_force(X, centres, group, 0.25, 1.0) + 1e-9


def test_the_fair_cost_of_masses_is_that_of_exactly_these():
    X = np.array([[0.0], [1.0], [10.0], [11.0]])
    group = np.array(["a", "b", "a", "b"])
    at = fair_cost(X, [[0.0], [10.0]], group, masses=[[1, 1], [1, 1]])
    assert at.value == pytest.approx(2)
    crossed = fair_cost(X, [[0.0], [10.0]], group, masses=[[2, 0], [0, 2]], power=1)
    assert crossed.value == pytest.approx(0 + 10 + 9 + 1)
    with pytest.raises(InfeasibleError):
        fair_cost(X, [[0.0], [10.0]], group, masses=[[3, 0], [0, 1]])
    with pytest.raises(ValueError, match="leave out the bounds"):
        fair_cost(X, [[0.0], [10.0]], group, masses=[[1, 1], [1, 1]], balance=0.5)


def test_bounds_are_read_as_text_or_by_name_and_override_the_balance():
    X, groups = crowd(1000)
    sex = groups["sex"]
    for bounds in ("women >= 0.35", ["women >= 0.35"], {"women": 0.35}, {"women": "7/20"}):
        model = FairKMeans(3, at_least=bounds, n_init=1, random_state=0).fit(
            X, sensitive_features=sex
        )
        assert model.bounds_.at_least.tolist() == [0, 0.35]
        assert model.bounds_.at_most.tolist() == [1, 1]
        assert np.nanmin(model.shares_[:, 1]) >= 0.35 - 1e-9
    both = FairKMeans(3, at_most={"men": 0.7}, balance=0.5, random_state=0)
    found = both.fit(X, sensitive_features=sex).bounds_
    assert found.at_most[0] == 0.7
    np.testing.assert_allclose(found.at_least, 0.5 * found.shares)


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"at_least": "women >= 0.9"}, InfeasibleError, "the share of 'women' in all rows is 0.4"),
        ({"at_most": "women <= 0.1"}, InfeasibleError, "ask for no less than that"),
        ({"at_least": "women <= 0.9"}, ValueError, "give it as at_most"),
        ({"at_most": "women >= 0.9"}, ValueError, "give it as at_least"),
        ({"at_least": "wimmen >= 0.3"}, ValueError, "no group there is: known are 'men', 'women'"),
        ({"at_least": "women"}, ValueError, "cannot read the bound 'women'"),
        ({"at_least": {"women": 1.5}}, ValueError, "must lie between 0 and 1"),
        ({"at_least": 0.3}, ValueError, "at_least must be like 'women >= 0.3'"),
        ({"balance": 1.2}, ValueError, "balance must be a number from 0"),
        ({"balance": "much"}, ValueError, "balance must be a number from 0"),
        ({"balance": np.nan}, ValueError, "balance must be a number from 0"),
        ({"how": "both"}, ValueError, "how must be one of"),
        ({"n_clusters": 10_000}, ValueError, "should be >= n_clusters=10000"),
        ({"n_init": 0}, ValueError, "n_init must be"),
    ],
)
def test_what_cannot_be_kept_or_read_is_refused(changes, error, said):
    X, groups = crowd(500)
    features = groups if "how" in changes else groups["sex"]
    with pytest.raises(error, match=said):
        FairKMeans(**{"n_clusters": 3, **changes}).fit(X, sensitive_features=features)


def test_groups_are_needed_where_something_is_asked():
    X, groups = crowd(100)
    with pytest.raises(ValueError, match="pass sensitive_features"):
        FairKMeans(2).fit(X)
    with pytest.raises(ValueError, match="sensitive_features has 99 rows, but X has 100"):
        FairKMeans(2).fit(X, sensitive_features=groups["sex"][:99])
    with pytest.raises(ValueError, match="missing values"):
        FairKMeans(2).fit(X, sensitive_features=[None, *groups["sex"][1:]])


@BOTH
def test_a_weight_of_three_is_three_copies(estimator):
    X, groups = crowd(120)
    counts = np.random.default_rng(0).integers(0, 4, 120)
    repeated = {name: np.repeat(column, counts) for name, column in groups.items()}
    weighted = estimator(3, random_state=0).fit(X, sensitive_features=groups, sample_weight=counts)
    copied = estimator(3, random_state=0).fit(
        np.repeat(X, counts, axis=0), sensitive_features=repeated
    )
    np.testing.assert_allclose(weighted.cluster_centers_, copied.cluster_centers_, atol=1e-9)
    assert weighted.fair_cost_ == pytest.approx(copied.fair_cost_)
    assert weighted.sizes_.sum() == pytest.approx(counts.sum())


@BOTH
def test_one_seed_gives_the_same_bits_and_another_does_not(estimator):
    X, groups = crowd(1500)
    first, second, other = (
        estimator(3, size=150, random_state=seed).fit(X, sensitive_features=groups)
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first.cluster_centers_, second.cluster_centers_)
    np.testing.assert_array_equal(first.labels_, second.labels_)
    assert not np.array_equal(first.cluster_centers_, other.cluster_centers_)


def test_a_collection_of_one_row_is_kept_and_counted():
    X, groups = crowd(1000)
    race = groups["race"].astype(object)
    race[17] = "D"
    columns = {"sex": groups["sex"], "race": race}
    model = FairKMeans(3, size=150, random_state=0).fit(X, sensitive_features=columns)
    assert 17 in model.coreset_.rows
    assert model.bounds_.shares[model.groups_.index("race: D")] == pytest.approx(0.001)
    assert model.violation_.rows < 1


def test_one_cluster_has_all_rows_and_one_group_asks_for_nothing():
    X, groups = crowd(200)
    model = FairKMeans(1, balance=1, random_state=0).fit(X, sensitive_features=groups)
    np.testing.assert_allclose(model.cluster_centers_[0], X.mean(0))
    assert not model.violation_
    same = FairKMeans(3, random_state=0).fit(X, sensitive_features=["all"] * 200)
    assert same.price_ == pytest.approx(0, abs=1e-9)


def test_groups_may_be_columns_a_table_or_membership():
    X, groups = crowd(600)
    sex = groups["sex"]
    membership = Groups.from_membership(
        np.stack([sex == "men", sex == "women"], axis=1), ["men", "women"]
    )
    models = [
        FairKMeans(3, n_init=1, random_state=0).fit(X, sensitive_features=given).labels_
        for given in (sex, list(sex), pd.Series(sex), pd.DataFrame({"sex": sex}), membership)
    ]
    for labels in models[1:]:
        np.testing.assert_array_equal(labels, models[0])


@BOTH
def test_new_rows_pay_the_prices_of_their_groups(estimator):
    X, groups = crowd(6000)
    half = {name: column[:3000] for name, column in groups.items()}
    rest = {name: column[3000:] for name, column in groups.items()}
    model = estimator(3, balance=0.9, random_state=0).fit(X[:3000], sensitive_features=half)
    again = model.predict(X[:3000], sensitive_features=half)
    assert (again != model.labels_).mean() < 0.01
    found = model.predict(X[3000:], sensitive_features=rest)
    # Bounds are kept on average: those of other rows by chance, and far better than without.
    assert worst_by_hand(found, rest, 3, 0.9) < 60
    plain = CoresetKMeans(3, random_state=0).fit(X[:3000]).predict(X[3000:])
    assert worst_by_hand(plain, rest, 3, 0.9) > 150


def test_a_combination_that_was_not_met_pays_what_its_groups_pay_and_a_new_group_is_refused():
    X, groups = crowd(3000)
    met = ~((groups["sex"] == "women") & (groups["race"] == "C"))
    seen = {name: column[met] for name, column in groups.items()}
    model = FairKMeans(3, balance=0.9, random_state=0).fit(X[met], sensitive_features=seen)
    new = {"sex": ["women"] * 5, "race": ["C"] * 5}
    found = model.predict(X[:5], sensitive_features=new)
    members = model._memberships.matrix(model.groups_).astype(float)
    of_groups = np.linalg.lstsq(members, model._prices, rcond=None)[0]
    which = [model.groups_.index(name) for name in ("sex: women", "race: C")]
    costs = ((X[:5, None] - model.cluster_centers_) ** 2).sum(-1) + of_groups[which].sum(0)
    np.testing.assert_array_equal(found, costs.argmin(1))
    with pytest.raises(ValueError, match="'race: D', which were not there when it was fitted"):
        model.predict(X[:1], sensitive_features={"sex": ["women"], "race": ["D"]})


@BOTH
def test_a_stream_gives_the_same_bits_though_blocks_lack_groups(estimator):
    X, groups = crowd(1200)
    order = np.argsort(groups["race"], kind="stable")
    X, groups = X[order], {name: column[order] for name, column in groups.items()}
    centres = []
    for cuts in ([300, 1100], [10, 20, 900], []):
        model = estimator(3, size=200, n_init=1, random_state=0)
        bits = [np.split(column, cuts) for column in (X, *groups.values())]
        for block, sex, race in zip(*bits, strict=True):
            model.partial_fit(block, sensitive_features={"sex": sex, "race": race})
        centres.append(model.cluster_centers_)
        assert worst_by_hand(model.predict(X, sensitive_features=groups), groups, 3, 0.8) < 60
    np.testing.assert_array_equal(centres[0], centres[1])
    np.testing.assert_array_equal(centres[0], centres[2])


def test_after_a_stream_there_is_nothing_that_is_of_all_rows():
    X, groups = crowd(200)
    model = FairKMeans(2, random_state=0).partial_fit(X, sensitive_features=groups)
    for name in ("labels_", "inertia_", "price_", "shares_", "sizes_", "violation_"):
        assert not hasattr(model, name)
    assert model.fair_cost_ > 0


def test_the_cost_on_a_coreset_is_near_that_on_all_rows():
    X, groups = crowd(20_000, d=4)
    few, all_rows = (
        FairKMeans(4, size=size, n_init=2, random_state=0).fit(X, sensitive_features=groups)
        for size in (1500, 20_000)
    )
    assert few.inertia_ < 1.02 * all_rows.inertia_
    assert few.violation_.rows < 1


def test_clusters_that_are_fair_already_cost_nothing_more():
    X, _ = blobs(1500)
    groups = np.arange(1500) % 2
    model = FairKMeans(4, random_state=0).fit(X, sensitive_features=groups)
    assert model.price_ == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("seed", range(12))
def test_bounds_never_save_anything(seed):
    # With groups that have nothing to do with place, both searches end at local optima alike.
    random = np.random.default_rng(seed)
    X = random.normal(size=(400, 2))
    found = FairKMeans(7, n_init=1, random_state=seed).fit(
        X, sensitive_features=random.choice(["a", "b"], 400)
    )
    assert found.price_ >= 0
