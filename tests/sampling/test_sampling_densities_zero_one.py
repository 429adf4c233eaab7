"""Annealing, and linear classifiers under the zero-one loss."""

from __future__ import annotations

import numpy as np
import pytest
from tests.sampling.gaussian_target import SKEWED

from equipoise.sampling import run, start
from equipoise.sampling.densities import (
    MALA,
    ArrayTarget,
    GaussianPrior,
    LogisticPosterior,
    ZeroOneLoss,
    ZeroOneTarget,
    anneal,
    fit_zero_one,
)

RNG = np.random.default_rng(8)
X = RNG.standard_normal((40, 3)) * RNG.uniform(0.1, 5, (40, 1))
Y = X[:, 0] + RNG.standard_normal(40) > 0


def wells(x: np.ndarray) -> np.ndarray:
    """A wide well of depth 0 at 2 and a deeper, narrower one of depth -.5 at -2."""
    first = (x[:, 0] - 2) ** 2 / 4
    second = (x[:, 0] + 2) ** 2 - 0.5
    return np.minimum(first, second)


def well_target(beta: float) -> ArrayTarget:
    def both(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        right = (x[:, 0] - 2) ** 2 / 4 < (x[:, 0] + 2) ** 2 - 0.5
        slope = np.where(right, (x[:, 0] - 2) / 2, 2 * (x[:, 0] + 2))
        return -beta * wells(x), -beta * slope[:, None]

    return ArrayTarget(both, f"wells {beta}")


def test_smoothing_is_the_mean_error_of_moved_directions():
    loss = ZeroOneLoss(X, Y)
    u = np.array([[0.6, 0.8, 0.0], [0.0, -1.0, 0.0]])
    moved = u[:, None] + 0.4 * RNG.standard_normal((2, 200_000, 3))
    found = np.array([loss.error(one).mean() for one in moved])
    np.testing.assert_allclose(loss.smoothed(u, 0.4)[0], found, atol=2e-3)


def test_little_smoothing_leaves_the_error():
    loss = ZeroOneLoss(X, Y)
    u = RNG.standard_normal((50, 3))
    np.testing.assert_allclose(loss.smoothed(u, 1e-9)[0], loss.error(u), atol=1e-12)


def test_the_error_is_of_wrong_signs_whatever_the_length_of_rows():
    u = RNG.standard_normal((5, 3))
    expected = ((X @ u.T > 0) != Y[:, None]).mean(axis=0)
    np.testing.assert_allclose(ZeroOneLoss(X, Y).error(u), expected, atol=1e-12)
    np.testing.assert_allclose(ZeroOneLoss(X * 7, Y).error(3 * u), expected, atol=1e-12)


def test_directions_have_the_density_of_the_smoothed_loss_on_the_circle():
    loss = ZeroOneLoss(X[:, :2], Y)
    target = ZeroOneTarget(loss, 0.3, 0.5)
    angle = np.linspace(-np.pi, np.pi, 2001)[:-1]
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    weight = np.exp(-0.3 * len(X) * loss.smoothed(circle, 0.5)[0])
    expected = weight @ circle / weight.sum()
    kernel = MALA(target, 0.15)
    _, draws = run(kernel, start(kernel, np.array([0.5, 0.5]), seed=1, n_chains=8), 6000)
    length = np.linalg.norm(draws.array, axis=2)
    summary = draws.summary({f"u{k}": draws.array[:, :, k] / length for k in range(2)})
    assert (np.abs((summary.mean[-2:] - expected) / summary.mcse_mean[-2:]) < 4).all()
    # 2 |theta|^2 / 2 has its chi-square law, of mean 2, beside any direction.
    assert abs(2 * summary.mean[2] - 2) < 4 * 2 * summary.mcse_mean[2]


def test_annealing_leaves_the_wrong_well():
    targets = [well_target(beta) for beta in np.geomspace(0.3, 100, 12)]
    found = anneal(targets, wells, np.array([2.0]), seed=3, n_steps=200)
    assert found.value == pytest.approx(-0.5, abs=1e-3)
    assert found.position[0] == pytest.approx(-2, abs=0.05)
    cold = anneal([well_target(100.0)], wells, np.array([2.0]), seed=3, n_steps=200)
    assert cold.value == pytest.approx(0.0, abs=1e-3)


def test_the_best_point_is_the_best_of_all_stages():
    targets = [well_target(beta) for beta in (0.3, 3.0)]
    found = anneal(targets, wells, np.array([2.0]), seed=3, n_steps=100)
    assert found.value == min(0.0, *(stage.best for stage in found.stages))
    assert wells(found.position[None])[0] == found.value
    again = anneal(targets, wells, np.array([2.0]), seed=3, n_steps=100)
    np.testing.assert_array_equal(found.position, again.position)


def planted(rows: int, d: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of which a tenth are far out and mislabelled along one direction."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((rows, d))
    far = rng.random(rows) < 0.1
    X[far] *= 10
    y = (X[:, 0] > 0) ^ (far & (X[:, 0] * X[:, 1] > 0))
    return X, y


def test_rows_far_on_the_wrong_side_mislead_a_surrogate_and_not_the_loss_itself():
    X, y = planted(400, 5, seed=1)
    truth = np.eye(5)[0]
    found = fit_zero_one(X, y, seed=0)
    loss = ZeroOneLoss(X, y)
    assert np.linalg.norm(found.coef) == pytest.approx(1)
    assert loss.error(found.coef[None])[0] == found.error
    surrogate = LogisticPosterior(X, y, GaussianPrior(10.0)).mode().position
    assert found.error <= loss.error(truth[None])[0] + 0.01
    assert found.error < loss.error(surrogate[None])[0] - 0.1
    assert found.coef @ truth > 0.95


def test_separable_rows_are_separated():
    rng = np.random.default_rng(2)
    X = rng.standard_normal((200, 4))
    y = X @ np.array([1.0, -1.0, 0.5, 0.0]) > 0
    assert fit_zero_one(X, y, seed=1).error <= 0.005


def test_the_same_seed_gives_the_same_classifier():
    one, other = (fit_zero_one(X, Y, seed=4, n_steps=40, n_stages=3) for _ in range(2))
    np.testing.assert_array_equal(one.coef, other.coef)


def test_bad_settings_are_refused():
    with pytest.raises(ValueError, match="row of zeros, row 1"):
        ZeroOneLoss(np.array([[1.0], [0.0]]), [0, 1])
    with pytest.raises(ValueError, match="sigma"):
        ZeroOneTarget(ZeroOneLoss(X, Y), 1.0, 0.0)
    with pytest.raises(ValueError, match="beta"):
        ZeroOneTarget(ZeroOneLoss(X, Y), -1.0, 1.0)
    for wrong in ({"n_stages": 1}, {"sigma": (0.1, 1.0)}, {"excess": (1.0, 0.0)}, {"n_steps": 5}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            fit_zero_one(X, Y, **wrong)
    with pytest.raises(ValueError, match="targets are empty"):
        anneal([], wells, np.zeros(1), seed=0)
    with pytest.raises(ValueError, match="objective gives shape"):
        anneal([SKEWED], lambda x: x, np.zeros(1), seed=0)
    with pytest.raises(ValueError, match="objective is NaN"):
        anneal([SKEWED], lambda x: x[:, 0] * np.nan, np.zeros(1), seed=0)
