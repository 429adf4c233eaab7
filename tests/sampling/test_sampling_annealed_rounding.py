"""Rounding by a ball that grows: from any skew, with the map and its volume kept."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from tests.sampling.bodies import cube, random_rows, rotated_box, rotation, simplex

from equipoise.sampling import (
    BallWalk,
    Billiard,
    Body,
    Ellipsoid,
    Polytope,
    round_annealed,
    run,
    start,
    uniform_in_ball,
)
from equipoise.sampling.diagnostics import mcse_mean


def true_ratio(body: Body, root: np.ndarray) -> float:
    """Largest over smallest deviation of a body, from a root of its covariance in x."""
    spread = np.linalg.svd(np.linalg.lstsq(dense(body), root)[0])[1]
    return float(spread[0] / spread[-1])


def dense(body: Body) -> np.ndarray:
    return np.asarray(body.basis.todense() if hasattr(body.basis, "todense") else body.basis)


@pytest.mark.parametrize("skew", [1e4, 1e6])
def test_a_thin_box_is_made_round_without_an_ellipsoid(skew):
    n = 6
    sides = np.geomspace(1, 1 / skew, n)
    polytope, q = rotated_box(sides)
    plain = polytope.prepare(rounding="none")
    done = round_annealed(plain, seed=0)
    assert true_ratio(plain, q.T * sides) > skew / 2
    assert true_ratio(done.body, q.T * sides) < 2
    assert done.ratio < 2
    # What the map did to volumes is known of the box, row by row.
    volume = np.log(2 * sides).sum() - np.linalg.slogdet(dense(done.body))[1]
    heights = done.body.b[:n] + done.body.b[n:]
    lengths = np.linalg.slogdet(done.body.A[:n])[1]
    np.testing.assert_allclose(volume, np.log(heights).sum() - lengths, atol=1e-6)
    np.testing.assert_allclose(done.body.log_det, np.linalg.slogdet(dense(done.body))[1])


def test_a_skew_random_polytope_is_made_round():
    n = 7
    round_one = random_rows(40, n)
    q = rotation(n)
    skew = (q * np.geomspace(1, 1e4, n)) @ q.T
    A = round_one.A_ub.toarray() @ np.linalg.inv(skew)
    done = round_annealed(Polytope(A, round_one.b_ub).prepare(rounding="none"), seed=1)
    kernel = Billiard(round_one.prepare())
    chains, _ = run(kernel, start(kernel, kernel.body.centre, seed=1), 50)
    x = kernel.body.to_x(run(kernel, chains, 2000)[1].flat())
    assert true_ratio(done.body, skew @ np.linalg.cholesky(np.cov(x.T))) < 2


def test_a_body_on_a_plane_is_made_round_in_its_own_dimension():
    n = 6
    done = round_annealed(simplex(n).prepare(rounding="none"), seed=2)
    assert done.body.dimension == n - 1
    covariance = (np.eye(n) - 1 / n) / (n * (n + 1))
    values, vectors = np.linalg.eigh(covariance)
    assert true_ratio(done.body, (vectors * np.sqrt(np.maximum(values, 0)))[:, 1:]) < 2


def test_the_ball_grows_until_it_cuts_no_more_and_is_then_left_out():
    done = round_annealed(rotated_box(np.array([1.0, 1e-3]))[0].prepare(rounding="none"), seed=0)
    radii = np.array([stage.radius for stage in done.stages])
    kept = np.isfinite(radii)
    np.testing.assert_allclose(radii[kept], 1e-3 * 2.0 ** np.arange(1, kept.sum() + 1))
    assert not kept[-1]
    assert done.stages[0].near_wall > 0.1
    assert done.stages[kept.sum() - 1].near_wall < 0.01
    assert all(stage.effective >= 20 for stage in done.stages)
    assert done.rounds == len(done.stages)


def test_a_slower_ball_takes_more_stages():
    body = rotated_box(np.array([1.0, 0.02]))[0].prepare(rounding="none")
    fast, slow = (round_annealed(body, seed=0, growth=growth) for growth in (2.0, 1.3))
    assert len(slow.stages) > 1.5 * len(fast.stages)
    assert max(stage.ratio for stage in slow.stages[:-2]) < 2


def test_a_stage_with_too_few_effective_draws_is_not_rounded_by(monkeypatch):
    import equipoise.sampling.annealed_rounding as module

    monkeypatch.setattr(module, "_ON_THE_WAY", 1000)
    monkeypatch.setattr(module, "_MOST_DRAWS", 0.5)
    done = round_annealed(cube(4).prepare(), seed=0)
    assert np.isnan(done.ratio)
    assert done.rounds == 1


def test_the_same_seed_rounds_to_the_same_bits():
    body = cube(3).prepare(rounding="none")
    one, two = (round_annealed(body, seed=5).body for _ in range(2))
    assert one.fingerprint == two.fingerprint


def test_bad_settings_are_refused():
    body = cube(2).prepare()
    with pytest.raises(ValueError, match="growth"):
        round_annealed(body, seed=0, growth=1.0)
    with pytest.raises(ValueError, match="n_chains"):
        round_annealed(body, seed=0, n_chains=0)


@pytest.mark.parametrize("rule", ["full", "exact", "linear", "quadratic"])
def test_a_walk_within_a_ball_is_uniform_on_it(rule):
    # The cube is wide enough to leave the ball whole; the ellipsoid is the ball, mapped.
    body = Polytope(bounds=[(-3, 3)] * 4).prepare(rounding="none")
    shape = np.tril(np.random.default_rng(0).standard_normal((4, 4))) + 2 * np.eye(4)
    middle = np.array([0.1, -0.2, 0.3, 0.0])
    ball = Ellipsoid(shape, -shape @ middle, 2.0)
    kernel = BallWalk(body, rule, step_size=0.5, within=ball)
    chains, _ = run(kernel, start(kernel, middle, seed=3), 50, thin=50)
    w = run(kernel, chains, 3000, thin=50)[1].array
    u = ball.norms(w)[:, :, None] / 2
    assert u.max() <= 1
    for power, mean in ((4, 1 / 2), (8, 1 / 3), (1, 4 / 5)):
        assert abs((u**power).mean() - mean) / mcse_mean(u**power)[0] < 4
    assert (np.abs(w.mean(axis=(0, 1)) - middle) / mcse_mean(w)).max() < 4


def test_a_lazy_walk_within_a_ball_gives_the_bits_of_the_full_one():
    body = random_rows(300, 25).prepare()
    ball = Ellipsoid(np.eye(25), np.zeros(25), 6.0)
    draws = [
        run(kernel, start(kernel, body.centre, seed=1), 20, thin=500)[1].array
        for kernel in (BallWalk(body, rule, 0.1, within=ball) for rule in ("full", "quadratic"))
    ]
    np.testing.assert_array_equal(*draws)
    free = BallWalk(body, "full", 0.1)
    assert (run(free, start(free, body.centre, seed=1), 20, thin=500)[1].array != draws[0]).any()


def test_a_walk_does_not_start_outside_its_ball():
    kernel = BallWalk(cube(2).prepare(), within=Ellipsoid(np.eye(2), np.full(2, 5.0), 1.0))
    with pytest.raises(ValueError, match="outside the ellipsoid"):
        start(kernel, np.zeros(2), seed=0)


@pytest.mark.parametrize(
    ("matrix", "radius", "told"),
    [
        (np.eye(3), 1.0, "shape"),
        (np.array([[1.0, 1], [0, 1]]), 1.0, "lower triangular"),
        (np.eye(2), 0.0, "radius"),
    ],
)
def test_bad_ellipsoids_are_refused(matrix, radius, told):
    with pytest.raises(ValueError, match=told):
        Ellipsoid(matrix, np.zeros(2), radius)


def test_an_ellipsoid_of_another_dimension_is_refused():
    with pytest.raises(ValueError, match="within has 3"):
        BallWalk(cube(2).prepare(), within=Ellipsoid(np.eye(3), np.zeros(3), 1.0))


@pytest.mark.parametrize("dimension", [1, 3, 40])
def test_points_are_uniform_in_a_ball(dimension):
    x = uniform_in_ball(2000, dimension, radius=3.0, seed=4)
    shares = (np.linalg.norm(x, axis=1) / 3) ** dimension
    assert stats.kstest(shares, "uniform").pvalue > 1e-3
    z = x.mean(axis=0) / (x.std(axis=0) / np.sqrt(2000))
    assert np.abs(z).max() < 4.5


def test_a_bad_ball_is_refused():
    with pytest.raises(ValueError, match="radius"):
        uniform_in_ball(5, 2, radius=0.0, seed=0)
