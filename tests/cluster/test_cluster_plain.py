"""k-means and k-median on a coreset: the contract, weights, streams, quality."""

from __future__ import annotations

import numpy as np
import pytest
from crowds import blobs
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.utils.estimator_checks import check_estimator

from equipoise import CoresetKMeans, CoresetKMedian

BOTH = pytest.mark.parametrize("estimator", [CoresetKMeans, CoresetKMedian])


def nearest_by_hand(X, centres):
    return np.sqrt(((X[:, None] - centres) ** 2).sum(-1))


@BOTH
@pytest.mark.filterwarnings("ignore:X has .* distinct rows:sklearn.exceptions.ConvergenceWarning")
def test_it_keeps_scikit_learns_contract(estimator):
    results = check_estimator(estimator(random_state=0), on_skip=None, on_fail=None)
    failed = {x["check_name"]: x["exception"] for x in results if x["status"] == "failed"}
    assert failed == {}


@BOTH
def test_clusters_that_are_there_are_found_from_a_few_points(estimator):
    X, centres = blobs(20_000)
    model = estimator(4, size=300, random_state=0).fit(X)
    assert len(model.coreset_) <= 300
    assert model.coreset_.n_rows == 20_000
    away = nearest_by_hand(model.cluster_centers_, centres).min(axis=1)
    assert away.max() < 0.5


@BOTH
def test_labels_and_inertia_are_of_all_rows(estimator):
    X, _ = blobs(5000)
    model = estimator(4, size=200, random_state=0).fit(X)
    distances = nearest_by_hand(X, model.cluster_centers_)
    np.testing.assert_array_equal(model.labels_, distances.argmin(axis=1))
    power = 2 if estimator is CoresetKMeans else 1
    exact = (distances.min(axis=1) ** power).sum()
    assert model.inertia_ == pytest.approx(exact)
    assert model.score(X) == pytest.approx(-exact)
    assert model.coreset_inertia_ == pytest.approx(exact, rel=0.05)
    np.testing.assert_allclose(model.transform(X), distances)


def test_the_cost_is_near_that_of_k_means_on_all_rows():
    X, _ = blobs(20_000, k=6, apart=3.0)
    ours = CoresetKMeans(6, random_state=0).fit(X).inertia_
    theirs = KMeans(6, n_init=10, random_state=0).fit(X).inertia_
    assert ours < 1.02 * theirs


def test_a_median_is_not_moved_by_outliers_and_a_mean_is():
    X, _ = blobs(2000, k=1)
    X[:20] += 1e4
    off = {
        estimator: np.abs(estimator(1, random_state=0).fit(X).cluster_centers_).max()
        for estimator in (CoresetKMeans, CoresetKMedian)
    }
    assert off[CoresetKMedian] < 0.5
    assert off[CoresetKMeans] > 50


@BOTH
def test_few_rows_are_their_own_coreset(estimator):
    X, _ = blobs(60)
    model = estimator(3, random_state=0).fit(X)
    assert len(model.coreset_) == 60
    assert model.coreset_inertia_ == pytest.approx(model.inertia_)


@BOTH
def test_a_weight_of_three_is_three_copies_to_the_bit(estimator):
    X, _ = blobs(80)
    counts = np.random.default_rng(0).integers(0, 4, 80)
    weighted = estimator(3, random_state=0).fit(X, sample_weight=counts)
    copied = estimator(3, random_state=0).fit(np.repeat(X, counts, axis=0))
    np.testing.assert_array_equal(weighted.cluster_centers_, copied.cluster_centers_)
    assert weighted.inertia_ == pytest.approx(copied.inertia_)


@BOTH
def test_a_weight_of_three_is_three_copies_for_a_sample_too(estimator):
    X, _ = blobs(2000)
    counts = np.random.default_rng(0).integers(1, 4, 2000)
    costs = [
        [estimator(4, size=100, n_init=2, random_state=s).fit(*given).coreset_inertia_
         for s in range(40)]
        for given in ((X, None, counts), (np.repeat(X, counts, axis=0),))
    ]  # fmt: skip
    difference = np.mean(costs[0]) - np.mean(costs[1])
    error = np.hypot(*(np.std(one) / np.sqrt(len(one)) for one in costs))
    assert abs(difference) < 5 * error + 0.002 * np.mean(costs[0])


@BOTH
def test_one_seed_gives_the_same_bits_and_another_does_not(estimator):
    X, _ = blobs(3000)
    first, second, other = (
        estimator(4, size=100, random_state=seed).fit(X).cluster_centers_ for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)


@BOTH
def test_a_stream_gives_the_same_bits_in_whatever_blocks_and_however_often_it_is_asked(estimator):
    X, _ = blobs(3000)
    centres = []
    for cuts in ([1000, 2000], [1, 7, 2500], []):
        model = estimator(4, size=150, random_state=0)
        for block in np.split(X, cuts):
            model.partial_fit(block)
            if len(cuts) == 2:
                assert model.cluster_centers_.shape == (4, 2)
        centres.append(model.cluster_centers_)
    np.testing.assert_array_equal(centres[0], centres[1])
    np.testing.assert_array_equal(centres[0], centres[2])


@BOTH
def test_a_stream_costs_what_all_rows_at_once_do(estimator):
    X, _ = blobs(200_000)
    at_once = estimator(4, size=500, random_state=0).fit(X)
    model = estimator(4, size=500, random_state=0)
    for block in np.array_split(X, 11):
        model.partial_fit(block)
    assert model.coreset_.n_rows == 200_000
    assert model.score(X) > 1.05 * at_once.score(X)


def test_after_a_stream_there_is_nothing_that_is_of_all_rows():
    X, _ = blobs(100)
    model = CoresetKMeans(3, random_state=0).fit(X).partial_fit(X)
    assert not hasattr(model, "labels_")
    assert not hasattr(model, "inertia_")
    assert model.coreset_.n_rows == 100


def test_a_stream_says_how_many_rows_it_lacks():
    model = CoresetKMeans(5).partial_fit([[0.0], [1.0]])
    with pytest.raises(ValueError, match="n_samples=2 so far should be >= n_clusters=5"):
        _ = model.cluster_centers_
    assert model.partial_fit([[2.0], [3.0], [4.0]]).cluster_centers_.shape == (5, 1)


def test_one_cluster_has_the_mean_and_as_many_as_rows_cost_nothing():
    X, _ = blobs(50)
    np.testing.assert_allclose(
        CoresetKMeans(1, random_state=0).fit(X).cluster_centers_[0], X.mean(axis=0)
    )
    assert CoresetKMeans(50, random_state=0).fit(X).inertia_ == pytest.approx(0, abs=1e-18)


def test_duplicates_leave_clusters_empty_and_say_so():
    X = np.repeat([[0.0, 0.0], [1.0, 1.0]], 10, axis=0)
    with pytest.warns(ConvergenceWarning, match="2 distinct rows"):
        model = CoresetKMeans(3, random_state=0).fit(X)
    assert model.inertia_ == 0
    assert len(np.unique(model.labels_)) == 2


def test_rows_that_count_nothing_have_labels_and_no_say():
    X, _ = blobs(100)
    far = np.vstack([X, [[1e6, 1e6]]])
    weights = np.append(np.ones(100), 0.0)
    model = CoresetKMeans(3, random_state=0).fit(far, sample_weight=weights)
    np.testing.assert_array_equal(
        model.cluster_centers_, CoresetKMeans(3, random_state=0).fit(X).cluster_centers_
    )
    assert len(model.labels_) == 101


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"n_clusters": 0}, "n_clusters must be a whole number of at least 1, not 0"),
        ({"n_clusters": 2.5}, "n_clusters must be a whole number"),
        ({"n_clusters": True}, "n_clusters must be a whole number"),
        ({"n_clusters": 1000}, "should be >= n_clusters=1000"),
        ({"size": 0}, "size must be a whole number of at least 1"),
        ({"eps": 0}, "eps must be a number between 0 and 1"),
        ({"eps": "small"}, "eps must be a number between 0 and 1"),
        ({"eps": 0.1, "size": 10}, "give one of them"),
        ({"n_init": 0}, "n_init must be"),
        ({"max_iter": 0}, "max_iter must be"),
        ({"tol": -1}, "tol must be"),
        ({"tol": np.nan}, "tol must be"),
    ],
)
def test_settings_that_cannot_be_are_refused(changes, said):
    X, _ = blobs(100)
    with pytest.raises(ValueError, match=said):
        CoresetKMeans(**changes).fit(X)


@pytest.mark.parametrize("weights", [np.zeros(100), -np.ones(100), np.full(100, np.nan)])
def test_weights_that_cannot_be_are_refused(weights):
    X, _ = blobs(100)
    with pytest.raises(ValueError, match=r"(?i)weight"):
        CoresetKMeans(2).fit(X, sample_weight=weights)


def test_nothing_can_be_asked_before_it_is_fitted():
    with pytest.raises(NotFittedError):
        CoresetKMeans().predict([[0.0]])
    assert not hasattr(CoresetKMeans(), "cluster_centers_")
