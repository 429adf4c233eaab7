"""Errors at centres that were tried, and the families that these come from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.coresets.transport import distances

from equipoise.coresets import (
    Coreset,
    Lines,
    LinesAsCoded,
    Snap,
    Stratified,
    TwoStage,
    Uniform,
    centre_families,
    observed_distortion,
    with_size,
)
from equipoise.coresets.distortion import Distortion


def _data(n: int = 9000) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    points = random.normal(size=(n, 3)) + 6 * random.normal(size=(4, 3))[random.integers(4, size=n)]
    points[:5] *= 50
    return points, random.integers(0, 3, n).astype(float)


def _cost(points: np.ndarray, weights: np.ndarray, centres: np.ndarray, power: float) -> float:
    return float(weights @ distances(points, centres, power).min(1))


@pytest.mark.parametrize("power", [1, 2, 3])
def test_errors_are_those_of_costs_computed_at_once(power: int) -> None:
    points, weights = _data()
    made = Coreset.from_block(points, weights, power=power).reduce(Snap(40), 0)
    centres = np.random.default_rng(1).normal(size=(6, 4, 3))
    found = observed_distortion(points, made, {"a": centres[:2], "b": centres[2:]}, weights=weights)
    exact = np.array([_cost(points, weights, C, power) for C in centres])
    coreset = np.array([_cost(made.points, made.weights, C, power) for C in centres])
    expected = (coreset + made.offset - exact) / exact
    np.testing.assert_allclose(np.concatenate([*found.errors.values()]), expected, atol=1e-12)
    assert list(map(len, found.errors.values())) == [2, 4]
    assert found.worst == pytest.approx(np.abs(expected).max())
    assert found.mean == pytest.approx(np.abs(expected).mean())


def test_rows_themselves_have_no_error() -> None:
    points, weights = _data(500)
    whole = Coreset.from_block(points, weights)
    assert observed_distortion(points, whole, n_clusters=3, weights=weights).worst < 1e-12


def test_costs_of_zero_are_told_apart() -> None:
    points = np.repeat([[0.0], [1.0]], 10, axis=0)
    exact = Coreset.from_block(points).reduce(Lines(2, 0.1))
    wrong = replace(exact, points=exact.points * 1.5)
    centres = [[[0.0], [1.0]]]
    found = observed_distortion(points, exact, centres)
    assert np.isnan(found.errors["given"]).all()
    assert found.worst == found.mean == 0
    assert observed_distortion(points, wrong, centres).worst == np.inf


def test_a_sample_whose_mass_is_not_exact_is_tried_as_well() -> None:
    points, _ = _data(2000)
    sample = Coreset.from_block(points).reduce(TwoStage(3, 200), 0)
    assert sample.mass != pytest.approx(2000, rel=1e-9)
    assert observed_distortion(points, sample, n_clusters=3, n_sets=2).worst < 1


def test_families_find_that_a_uniform_sample_misses_outliers() -> None:
    points, _ = _data()
    whole = Coreset.from_block(points)
    good, bad = (
        observed_distortion(points, whole.reduce(builder, 0), n_clusters=4, seed=1)
        for builder in (Stratified(4, 300), Uniform(300))
    )
    assert bad.worst > 3 * good.worst
    assert np.abs(bad.errors["near optimal"]).max() > 3 * np.abs(good.errors["near optimal"]).max()


def test_families_are_what_they_are_called() -> None:
    points, weights = _data()
    weights[:5] = 1
    families = centre_families(points, 4, weights=weights, n_sets=6, seed=2)
    assert all(sets.shape == (6, 4, 3) for sets in families.values())
    costs = {
        name: np.mean([_cost(points, weights, C, 2) for C in sets])
        for name, sets in families.items()
    }
    assert costs["near optimal"] < costs["seeds"] < costs["random rows"] < costs["far"]
    rows = {tuple(row) for row in points[weights > 0]}
    for name in ("random rows", "seeds", "on an outlier"):
        assert all(tuple(centre) in rows for C in families[name] for centre in C)
    outliers = {tuple(row) for row in points[:5]}
    assert all(any(tuple(c) in outliers for c in C) for C in families["on an outlier"])
    middle = np.average(points, axis=0, weights=weights)
    radius = np.linalg.norm(points - middle, axis=1).max()
    assert (np.linalg.norm(families["far"] - middle, axis=2) >= radius * (1 - 1e-9)).all()
    spread = np.linalg.norm(families["clumped"] - families["clumped"][:, :1], axis=2)
    assert spread.max() < radius / 10


def test_same_seed_same_centres_and_rows_of_no_weight_are_none() -> None:
    points, weights = _data(300)
    once = centre_families(points, 3, weights=weights, seed=4)
    twice = centre_families(points[weights > 0], 3, weights=weights[weights > 0], seed=4)
    for name, sets in once.items():
        assert sets.tobytes() == twice[name].tobytes()
    sequence = np.random.SeedSequence(4)
    for _ in range(2):
        again = centre_families(points, 3, weights=weights, seed=sequence)
        assert all(again[name].tobytes() == sets.tobytes() for name, sets in once.items())
    other = centre_families(points, 3, weights=weights, seed=5)
    assert not any(np.array_equal(other[name], sets) for name, sets in once.items())


def test_fewer_distinct_points_than_centres_still_make_families() -> None:
    families = centre_families(np.repeat([[1.0, 2], [3, 4]], 6, axis=0), 5, n_sets=2, power=1)
    assert all(np.isfinite(sets).all() for sets in families.values())


def test_share_beyond_the_worst_is_covered_as_often_as_it_says() -> None:
    random = np.random.default_rng(0)
    seen = random.random((20_000, 12))  # a share of 1 - u of all is beyond an error of u
    allowed = Distortion({"any": seen[0]}).share_beyond("any", 0.9)
    covered = (1 - seen.max(1) <= allowed).mean()
    assert covered == pytest.approx(0.9, abs=4 * np.sqrt(0.09 / 20_000))


def test_table_says_that_errors_were_observed() -> None:
    table = str(Distortion({"near optimal": np.array([0.01, -0.03])}))
    assert "near optimal" in table
    assert "2.000%" in table
    assert "3.000%" in table
    assert "not guaranteed" in table


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"centres": None}, "n_clusters must be given"),
        ({"centres": np.zeros((2, 3, 7))}, "centres must have shape"),
        ({"centres": {}}, "at least one set"),
        ({"centres": {"none": np.empty((0, 2, 3))}}, "at least one set"),
        ({"points": np.zeros((5, 2))}, r"points must have shape \(n, 3\)"),
        ({"points": np.zeros((5, 3))}, "points has 5 rows and the coreset stands for 500"),
        ({"weights": -np.ones(500)}, "weights must be finite and not negative"),
    ],
)
def test_bad_input_is_refused_by_name(changed: dict, message: str) -> None:
    points, _ = _data(500)
    given = {"points": points, "centres": points[None, :4], "weights": None}
    with pytest.raises(ValueError, match=message):
        observed_distortion(coreset=Coreset.from_block(points), **(given | changed))


def test_families_refuse_bad_numbers() -> None:
    with pytest.raises(ValueError, match="n_clusters must be a whole number"):
        centre_families([[1.0]], 0)
    with pytest.raises(ValueError, match="n_sets must be a whole number"):
        centre_families([[1.0]], 1, n_sets=0)
    with pytest.raises(ValueError, match="positive weight"):
        centre_families([[1.0]], 1, weights=[0])
    with pytest.raises(ValueError, match="power must be a number of at least 1"):
        centre_families([[1.0]], 1, power=0.5)
    family = Distortion({"seeds": np.zeros(3)})
    with pytest.raises(ValueError, match="family must be one of"):
        family.share_beyond("far")
    with pytest.raises(ValueError, match="confidence must be between"):
        family.share_beyond("seeds", 1.0)


@pytest.mark.parametrize("power", [1, 2])
def test_eps_is_found_for_a_size(power: int) -> None:
    points, _ = _data(3000)
    whole = Coreset.from_block(points[5:], power=power)
    for size in (100, 600):
        builder = with_size(LinesAsCoded(3, 0.3), whole, size, seed=7)
        assert len(whole.reduce(builder, 7)) == pytest.approx(size, rel=0.15)
        assert builder.n_clusters == 3


def test_size_that_cannot_be_is_answered_by_the_nearest() -> None:
    whole = Coreset.from_block(np.arange(20.0)[:, None], power=1)
    assert len(whole.reduce(with_size(LinesAsCoded(2, 0.3), whole, 1000))) > 8
    with pytest.raises(ValueError, match="size must be a whole number"):
        with_size(LinesAsCoded(2, 0.3), whole, 0)
