"""What every sampled coreset keeps, whatever the weights, collections and duplicates."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.coresets import (
    Coreset,
    Lightweight,
    SmallCoresetWarning,
    Stratified,
    TwoStage,
    Uniform,
    build_coreset,
)

BUILDERS = [Stratified(3, 40), Uniform(40), Lightweight(40), TwoStage(3, 40)]
WITHOUT_REPLACEMENT = [Stratified(3, 40), Uniform(40)]


@st.composite
def hostile(draw):
    """Weights over eighteen decades, rare collections, equal points, flat features."""
    random = np.random.default_rng(draw(st.integers(0, 10**6)))
    n = draw(st.integers(41, 300))
    d = draw(st.integers(1, 4))
    points = random.normal(size=(n, d)) * 10.0 ** draw(st.integers(-6, 6))
    kind = draw(st.sampled_from(["plain", "equal", "few", "flat", "far"]))
    if kind == "equal":
        points[:] = points[0]
    elif kind == "few":
        points = points[random.integers(0, 3, n)]
    elif kind == "flat":
        points[:, 0] = 7.0
    elif kind == "far":
        points[: draw(st.integers(1, 3))] += 1e9
    weights = 10.0 ** random.uniform(-9, 9, n) if draw(st.booleans()) else np.ones(n)
    n_collections = draw(st.integers(1, 6))
    collections = np.minimum(random.geometric(0.5, n), n_collections) * 1000 - 500
    power = draw(st.sampled_from([1.0, 2.0, 2.5]))
    return Coreset.from_block(points, weights, collections, power=power)


def quietly(whole, builder, seed=0):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SmallCoresetWarning)
        return whole.reduce(builder, seed)


@pytest.mark.parametrize("builder", BUILDERS, ids=lambda b: type(b).__name__)
@settings(max_examples=60)
@given(whole=hostile(), seed=st.integers(0, 99))
def test_each_collection_keeps_its_mass_and_points_are_rows(builder, whole, seed):
    coreset = quietly(whole, builder, seed)
    assert len(coreset) <= builder.size
    assert np.isfinite(coreset.weights).all()
    assert (coreset.weights > 0).all()
    assert (np.diff(coreset.rows) > 0).all()
    np.testing.assert_array_equal(coreset.points, whole.points[coreset.rows])
    np.testing.assert_array_equal(coreset.collections, whole.collections[coreset.rows])
    assert coreset.movement is None
    assert coreset.n_rows == whole.n_rows
    if len(whole.masses) > 1 or builder in WITHOUT_REPLACEMENT:
        assert coreset.masses.keys() == whole.masses.keys()
        for code, mass in coreset.masses.items():
            exact = math.fsum(whole.weights[whole.collections == code])
            assert mass == pytest.approx(exact, rel=1e-12)


@settings(max_examples=60)
@given(whole=hostile(), seed=st.integers(0, 99))
def test_a_point_stands_for_no_more_than_its_collection(whole, seed):
    coreset = quietly(whole, Stratified(3, 40), seed)
    for weight, code in zip(coreset.weights, coreset.collections, strict=True):
        assert weight <= whole.masses[code] * (1 + 1e-12)


@pytest.mark.parametrize("builder", WITHOUT_REPLACEMENT, ids=lambda b: type(b).__name__)
@settings(max_examples=40)
@given(whole=hostile())
def test_samples_without_replacement_have_the_size_that_is_asked(builder, whole):
    assert len(quietly(whole, builder)) == builder.size


@pytest.mark.parametrize("builder", BUILDERS, ids=lambda b: type(b).__name__)
def test_the_same_seed_gives_the_same_bits_and_another_seed_others(builder):
    whole = Coreset.from_block(np.random.default_rng(0).normal(size=(3000, 3)))
    one, same, other = (whole.reduce(builder, seed) for seed in (1, 1, 2))
    assert one.points.tobytes() == same.points.tobytes()
    assert one.weights.tobytes() == same.weights.tobytes()
    assert one.rows.tolist() != other.rows.tolist()
    assert one.lineage == (f"{builder}, seed 1",)


@pytest.mark.parametrize("power", [1.0, 2.0])
@pytest.mark.parametrize("builder", BUILDERS, ids=lambda b: type(b).__name__)
def test_scale_and_place_make_no_difference(builder, power):
    random = np.random.default_rng(0)
    # Whole numbers, so that shifts and powers of two are exact in floating point.
    points = random.integers(-1000, 1000, (4096, 3)).astype(float)
    collections = random.integers(0, 2, 4096)
    centres = points[:4]

    def summary(scale, shift):
        moved = scale * points + shift
        return build(moved), scale * centres + shift

    def build(moved):
        return Coreset.from_block(moved, collections=collections, power=power).reduce(builder, 3)

    plain, at = summary(1.0, 0.0)
    for scale, shift in ((8.0, 0.0), (1.0, 2.0**20), (0.25, -512.0)):
        other, moved = summary(scale, shift)
        assert other.rows.tolist() == plain.rows.tolist()
        np.testing.assert_allclose(other.weights, plain.weights, rtol=1e-6)
        assert other.cost(moved) == pytest.approx(scale**power * plain.cost(at), rel=1e-6)


@pytest.mark.parametrize("builder", BUILDERS, ids=lambda b: type(b).__name__)
def test_a_weight_of_three_is_three_copies(builder):
    random = np.random.default_rng(1)
    points = random.normal(size=(300, 2)) + 5 * random.integers(0, 3, (300, 1))
    times = random.integers(1, 4, 300)
    weighted = Coreset.from_block(points, times)
    copies = Coreset.from_block(np.repeat(points, times, axis=0))
    centres = points[:3]
    costs = np.array(
        [[whole.reduce(builder, seed).cost(centres) for seed in range(300)]
         for whole in (weighted, copies)]
    )  # fmt: skip
    error = np.sqrt(costs.var(1).sum() / costs.shape[1])
    assert abs(costs[0].mean() - costs[1].mean()) < 4 * error + 1e-3 * weighted.cost(centres)


@pytest.mark.parametrize("builder", BUILDERS, ids=lambda b: type(b).__name__)
def test_rows_of_no_weight_are_as_if_they_were_not_there(builder):
    points = np.random.default_rng(0).normal(size=(500, 2))
    weights = np.where(np.arange(500) % 3, 1.0, 0.0)
    with_them = Coreset.from_block(points, weights).reduce(builder)
    without = Coreset.from_block(points[weights > 0]).reduce(builder)
    np.testing.assert_array_equal(with_them.points, without.points)
    np.testing.assert_array_equal(with_them.weights, without.weights)


@pytest.mark.parametrize("builder", [Lightweight(30), TwoStage(3, 30)], ids=lambda b: str(b)[:8])
def test_published_weights_are_right_in_expectation(builder):
    random = np.random.default_rng(0)
    points = random.normal(size=(200, 2)) + 9 * random.integers(0, 3, (200, 1))
    whole = Coreset.from_block(points, random.random(200) + 0.1)
    centres = points[:3]
    costs, masses = np.array(
        [(c.cost(centres), c.mass) for c in (whole.reduce(builder, s) for s in range(2000))]
    ).T
    for found, exact in ((costs, whole.cost(centres)), (masses, whole.mass)):
        assert abs(found.mean() - exact) < 4 * found.std() / np.sqrt(len(found))


def test_a_plain_sample_is_right_in_expectation():
    random = np.random.default_rng(0)
    whole = Coreset.from_block(random.normal(size=(200, 2)), collections=np.arange(200) % 3 // 2)
    centres = whole.points[:3]
    costs = np.array([quietly(whole, Uniform(30), seed).cost(centres) for seed in range(2000)])
    assert abs(costs.mean() - whole.cost(centres)) < 4 * costs.std() / np.sqrt(len(costs))


@pytest.mark.parametrize("builder", BUILDERS, ids=lambda b: type(b).__name__)
def test_collections_that_are_more_than_points_are_refused(builder):
    whole = Coreset.from_block(
        np.random.default_rng(0).normal(size=(82, 2)), None, np.arange(82) // 2
    )
    with pytest.raises(ValueError, match=r"size = 40 is less than the number of collections, 41"):
        whole.reduce(builder)


@pytest.mark.parametrize("builder", BUILDERS, ids=lambda b: type(b).__name__)
def test_few_points_a_collection_are_warned_of(builder):
    whole = Coreset.from_block(
        np.random.default_rng(0).normal(size=(90, 2)), None, np.arange(90) % 3
    )
    with pytest.warns(SmallCoresetWarning, match="fewer than 20 for each of 3 collections"):
        whole.reduce(builder)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Stratified(0, 10), "n_clusters must be a whole number of at least 1, not 0"),
        (lambda: Stratified(2, 0), "size must be"),
        (lambda: Stratified(2, 10, 0), "n_seeds must be"),
        (lambda: Stratified(2.5, 10), "n_clusters must be"),
        (lambda: Uniform("9"), "size must be"),
        (lambda: Lightweight(-1), "size must be"),
        (lambda: TwoStage(True, 9), "n_clusters must be"),
        (lambda: TwoStage(2, 9, 8), "first_size = 8 is less than size = 9"),
    ],
)
def test_settings_of_builders_are_checked(make, said):
    with pytest.raises(ValueError, match=said):
        make()


def test_one_call_builds_a_coreset():
    X = np.random.default_rng(0).normal(size=(2000, 2))
    coreset = build_coreset(X, 3, 100, collections=np.arange(2000) % 2, power=1)
    assert len(coreset) == 100
    assert coreset.masses == {0: pytest.approx(1000), 1: pytest.approx(1000)}
    assert len(build_coreset(X, 3, 5000)) == 2000
    assert len(build_coreset(X, 3, eps=0.1)) < len(build_coreset(X, 3, eps=0.05))


@pytest.mark.parametrize(
    "method",
    ["stratified", "two_stage", "lightweight", "uniform", "snap", "lines", "lines_as_coded"],
)
def test_methods_are_known_by_name(method):
    X = np.random.default_rng(0).normal(size=(2000, 2))
    named = build_coreset(X, 3, 100, method=method, random_state=4)
    assert named.lineage[0].lower().startswith(method.replace("_", ""))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"method": "best"}, "method must be one of stratified, two_stage"),
        ({"size": 10, "eps": 0.1}, "size and eps cannot both be given"),
        ({"n_clusters": 0}, "n_clusters must be"),
        ({"size": 0}, "size must be"),
        ({"eps": 0.0}, "eps must be"),
        ({"weights": [0.0, 0.0]}, "no point of positive weight"),
        ({"X": np.empty((0, 2))}, "no point of positive weight"),
        ({"X": [[1.0], [np.nan]]}, "X has NaN"),
        ({"X": [["a"], ["b"]]}, "X must be numbers"),
        ({"X": [[1e200], [-1e200]], "size": 1}, "divide the features"),
    ],
)
def test_what_cannot_be_summarised_is_refused(options, said):
    given_ = {"X": [[1.0], [2.0]], "n_clusters": 1, **options}
    with pytest.raises(ValueError, match=said):
        build_coreset(**given_)
