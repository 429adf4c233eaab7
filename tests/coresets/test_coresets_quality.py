"""Stratified samples are nearer to the truth than others of the same size, where it is hard."""

from __future__ import annotations

import numpy as np
import pytest

from equipoise.coresets import Coreset, Lightweight, Stratified, TwoStage, Uniform, suggest_size


def mixture(n=20_000, d=6, k=8, seed=0):
    """Gaussian clusters of sizes 1, 1/2, 1/3, ... and a few outliers far away."""
    random = np.random.default_rng(seed)
    sizes = 1 / np.arange(1, k + 1)
    of = random.choice(k, n, p=sizes / sizes.sum())
    points = 5 * random.normal(size=(k, d))[of] + random.normal(size=(n, d))
    points[: n // 5000] += 20 * random.standard_t(2, size=(n // 5000, d))
    return points


def centre_sets(points, k=8):
    random = np.random.default_rng(1)
    sets = [points[random.integers(0, len(points), k)] for _ in range(10)]
    near = points[random.integers(0, len(points), k)]
    for _ in range(5):
        labels = ((points[:, None] - near) ** 2).sum(2).argmin(1)
        near = np.array([points[labels == j].mean(0) for j in range(k)])
    sets += [near + s * random.normal(size=near.shape) for s in (0, 0.1, 0.3, 1.0)]
    sets += [c + 0.3 * random.normal(size=near.shape) for c in points[::5000]]
    return sets


def worst_errors(builder, power, seeds=5):
    points = mixture()
    whole = Coreset.from_block(points, power=power)
    sets = centre_sets(points)
    truth = np.array([whole.cost(c) for c in sets])
    return np.mean(
        [
            np.abs([c.cost(s) for s in sets] / truth - 1).max()
            for c in (whole.reduce(builder, seed) for seed in range(seeds))
        ]
    )


@pytest.mark.parametrize("power", [1.0, 2.0])
def test_the_error_is_a_third_of_that_of_other_samples(power):
    ours = worst_errors(Stratified(8, 600), power)
    for other in (TwoStage(8, 600), Lightweight(600), Uniform(600)):
        assert 3 * ours < worst_errors(other, power)


@pytest.mark.parametrize("power", [1.0, 2.0])
@pytest.mark.parametrize("eps", [0.03, 0.06])
def test_the_suggested_size_has_the_error_it_is_suggested_for(power, eps):
    size = suggest_size(eps, 8, power)
    assert worst_errors(Stratified(8, size), power) < eps


def test_costs_are_right_on_average_but_for_a_little():
    # Calibration makes weights depend on one another: the bias has to be small beside the error.
    points = mixture(3000, 3, 4)
    whole = Coreset.from_block(points)
    for centres in (points[:4], points[-4:] + 3):
        costs = np.array([whole.reduce(Stratified(4, 120), s).cost(centres) for s in range(400)])
        bias = abs(costs.mean() - whole.cost(centres))
        assert bias < 0.5 * costs.std() + 4 * costs.std() / np.sqrt(len(costs))


def test_a_tiny_cluster_far_away_is_always_there():
    points = np.random.default_rng(0).normal(size=(20_000, 3))
    points[[77, 7777]] += 1e5
    whole = Coreset.from_block(points)
    centres = np.array([[0.0, 0.0, 0.0], [1e5, 1e5, 1e5]])
    for seed in range(10):
        coreset = whole.reduce(Stratified(2, 100), seed)
        assert {77, 7777} <= set(coreset.rows.tolist())
        assert coreset.cost(centres[:1]) == pytest.approx(whole.cost(centres[:1]), rel=1e-3)
        assert coreset.cost(centres) == pytest.approx(whole.cost(centres), rel=0.2)


def test_a_cost_at_one_centre_is_exact_for_k_means_but_for_the_ridge():
    random = np.random.default_rng(0)
    whole = Coreset.from_block(random.normal(size=(5000, 3)))
    coreset = whole.reduce(Stratified(1, 400))
    for centre in (np.zeros((1, 3)), np.full((1, 3), 50.0)):
        assert coreset.cost(centre) == pytest.approx(whole.cost(centre), rel=1e-4)


def test_collections_are_summarised_each_for_itself():
    points = mixture()
    collections = np.where(np.arange(len(points)) % 50, 0, 1) + 2 * (points[:, 0] > 0)
    whole = Coreset.from_block(points, collections=collections)
    coreset = whole.reduce(Stratified(8, 1200), 0)
    centres = points[:8]
    for code in range(4):
        parts = [
            Coreset(c.points[at], c.weights[at], c.collections[at], c.rows[at], 2.0).cost(centres)
            for c, at in ((c, c.collections == code) for c in (whole, coreset))
        ]
        assert parts[1] == pytest.approx(parts[0], rel=0.15)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"eps": 0}, "eps must be between 0 and 1"),
        ({"eps": 1.0}, "eps must be between 0 and 1"),
        ({"eps": np.nan}, "eps must be between 0 and 1"),
        ({"eps": "1%"}, "eps must be between 0 and 1"),
        ({"n_clusters": 0}, "n_clusters must be"),
        ({"n_collections": 0}, "n_collections must be"),
        ({"power": 0.1}, "power must be"),
    ],
)
def test_sizes_are_suggested_for_what_can_be(options, said):
    with pytest.raises(ValueError, match=said):
        suggest_size(**{"eps": 0.1, "n_clusters": 3, **options})


def test_a_suggested_size_has_room_for_all_collections_and_centres():
    assert suggest_size(0.9, 3, n_collections=50) == 1000
    assert suggest_size(0.9, 300) == 300
