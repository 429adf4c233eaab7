"""Walks on polytopes: against closed forms, and against what a chain must keep to."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from tests.sampling.bodies import cube, random_rows, rotated_box, simplex, solid_simplex

from equipoise.sampling import (
    BallWalk,
    Body,
    Chains,
    CoordinateHitAndRun,
    Dikin,
    Draws,
    HitAndRun,
    run,
    start,
)
from equipoise.sampling.diagnostics import mcse_mean

WALKS = {
    "ball, full": (lambda body: BallWalk(body, "full", step_size=2.5 / body.dimension), 60),
    "ball, exact": (lambda body: BallWalk(body, "exact", step_size=0.9), 60),
    "ball, linear": (lambda body: BallWalk(body, "linear", step_size=2.5 / body.dimension), 60),
    "ball, quadratic": (
        lambda body: BallWalk(body, "quadratic", step_size=2.5 / body.dimension),
        60,
    ),
    "hit-and-run": (HitAndRun, 20),
    "coordinates, dense": (lambda body: CoordinateHitAndRun(body, columns="dense"), 10),
    "coordinates, sparse": (lambda body: CoordinateHitAndRun(body, columns="sparse"), 10),
    "coordinates, random": (lambda body: CoordinateHitAndRun(body, order="random"), 20),
    "dikin": (Dikin, 20),
}


def sample(kernel, n_draws: int, thin: int, seed: int = 1, n_chains: int = 4) -> Draws:
    chains = start(kernel, kernel.body.centre, seed=seed, n_chains=n_chains)
    chains, _ = run(kernel, chains, 100, thin=thin)
    return run(kernel, chains, n_draws, thin=thin)[1]


def z_scores(values: np.ndarray, truth: float | np.ndarray) -> np.ndarray:
    return (values.mean(axis=(0, 1)) - truth) / mcse_mean(values)


@cache
def on_the_cube(walk: str) -> np.ndarray:
    make, thin = WALKS[walk]
    body = cube(5).prepare()
    return body.to_x(sample(make(body), 6000, thin).array)


@pytest.mark.parametrize("walk", WALKS)
def test_moments_of_the_cube(walk):
    x = on_the_cube(walk)
    assert np.abs(z_scores(x, 0)).max() < 4
    assert np.abs(z_scores(x**2, 1 / 3)).max() < 4
    assert abs(z_scores(x[:, :, 0] * x[:, :, 1], 0)) < 4


@pytest.mark.parametrize("walk", WALKS)
def test_mass_at_the_walls_of_the_cube(walk):
    # Reflections that stop short of a wall lose this mass.
    near = (np.abs(on_the_cube(walk)) > 0.99).mean(axis=2)
    assert abs(z_scores(near, 0.01)) < 4


@pytest.mark.parametrize("walk", WALKS)
def test_moments_of_the_simplex_on_its_plane(walk):
    make, thin = WALKS[walk]
    n = 5
    body = simplex(n).prepare()
    x = body.to_x(sample(make(body), 3000, thin).array)
    np.testing.assert_allclose(x.sum(axis=2), 1, atol=1e-12)
    assert (x > -1e-12).all()
    assert np.abs(z_scores(x, 1 / n)).max() < 4
    assert np.abs(z_scores(x**2, 2 / (n * (n + 1)))).max() < 4
    # Each is Beta(1, n - 1).
    assert np.abs(z_scores((x > 0.5).astype(float), 0.5 ** (n - 1))).max() < 4


@pytest.mark.parametrize("walk", ["ball, quadratic", "hit-and-run", "coordinates, dense", "dikin"])
def test_a_skew_box_is_sampled_in_all_its_length(walk):
    make, thin = WALKS[walk]
    sides = np.geomspace(1, 1e-5, 6)
    polytope, q = rotated_box(sides)
    body = polytope.prepare()
    x = body.to_x(sample(make(body), 3000, thin).array) @ q.T / sides
    assert np.abs(z_scores(x, 0)).max() < 4
    assert np.abs(z_scores(x**2, 1 / 3)).max() < 4


def test_an_unrounded_skew_box_is_found_out_by_its_diagnostics():
    polytope, _ = rotated_box(np.geomspace(1, 1e-4, 6))
    body = polytope.prepare(rounding="none")
    summary = sample(CoordinateHitAndRun(body), 500, 6).summary()
    assert summary.min_ess < 100
    assert summary.max_rhat > 1.05


def test_sparse_columns_need_no_rounding_on_a_scaled_box():
    body = solid_simplex(8).prepare(rounding="none")
    draws = sample(CoordinateHitAndRun(body, columns="sparse"), 4000, 40)
    x = body.to_x(draws.array)
    assert np.abs(z_scores(x, 1 / 9)).max() < 4


def coupled(body: Body, in_ball: bool, **settings) -> tuple[Draws, Draws]:
    """The full walk and a lazy one with the same random numbers."""
    size = settings.pop("size")
    full = BallWalk(body, "full", step_size=size, in_ball=in_ball)
    lazy = BallWalk(body, step_size=size, **settings)
    made = []
    for kernel in (full, lazy):
        chains = start(kernel, body.centre, seed=9, n_chains=2)
        made.append(run(kernel, chains, 12, thin=500)[1])
    return made[0], made[1]


@pytest.mark.parametrize(
    ("body", "size"),
    [
        (lambda: random_rows(400, 40).prepare(rounding="none"), 0.02),
        (lambda: cube(20).prepare(rounding="none"), 0.1),
        (lambda: simplex(24).prepare(), 0.06),
    ],
)
@pytest.mark.parametrize(
    "settings",
    [
        {"rule": "exact"},
        {"rule": "linear", "zeta": np.inf},
        {"rule": "quadratic", "zeta": np.inf},
        {"rule": "linear"},
        {"rule": "quadratic"},
    ],
)
def test_lazy_walks_equal_the_full_walk_bit_for_bit(body, size, settings):
    made = body()
    in_ball = settings["rule"] == "exact"
    if in_ball:
        size = size * np.sqrt(made.dimension)
    full, lazy = coupled(made, in_ball, size=size, **settings)
    np.testing.assert_array_equal(full.array, lazy.array)
    np.testing.assert_array_equal(full.counts["accepted"], lazy.counts["accepted"])
    assert (full.acceptance < 0.95).all()  # so that there was something to miss


@pytest.mark.parametrize(("rule", "size"), [("exact", 0.13), ("linear", 0.02), ("quadratic", 0.02)])
def test_lazy_walks_look_at_few_rows(rule, size):
    body = random_rows(400, 40).prepare(rounding="none")
    full, lazy = coupled(body, rule == "exact", rule=rule, size=size)
    assert (lazy.counts["rows_checked"] < 0.5 * full.counts["rows_checked"]).all()


def test_the_share_of_rows_looked_at_falls_as_one_over_the_dimension():
    shares = []
    for n in (25, 100):
        body = random_rows(8 * n, n).prepare(rounding="none")
        kernel = BallWalk(body, "quadratic", step_size=1 / n, zeta=6)
        draws = sample(kernel, 5, 4000, n_chains=1)
        shares.append(draws.counts["rows_checked"][0] / draws.counts["steps"][0] / (8 * n) * n)
    assert shares[1] < 1.5 * shares[0]


def test_a_violation_is_found_counted_and_recovered_without_clipping():
    body = cube(24).prepare(rounding="none")
    full, lazy = coupled(body, False, size=0.12, rule="quadratic", zeta=1.0)
    assert lazy.counts["violations"].sum() > 0
    assert (body.slack(lazy.array) >= 0).all()
    # What was repeated under the full look equals the full walk up to the first miss unseen.
    np.testing.assert_array_equal(lazy.array[:, 0], full.array[:, 0])


def test_zeta_grows_after_a_violation_and_is_kept(tmp_path):
    body = cube(24).prepare(rounding="none")
    kernel = BallWalk(body, "quadratic", step_size=0.12, zeta=1.0)
    chains, _ = run(kernel, start(kernel, body.centre, seed=2, n_chains=1), 30, thin=300)
    assert chains.state["zeta"][0] >= 1.5
    chains.save(tmp_path / "chains.npz")
    assert Chains.load(tmp_path / "chains.npz").state["zeta"][0] == chains.state["zeta"][0]


def test_violations_do_not_make_draws_depend_on_blocks():
    body = cube(24).prepare(rounding="none")
    kernel = BallWalk(body, "quadratic", step_size=0.12, zeta=1.0)
    begin = start(kernel, body.centre, seed=3, n_chains=2)
    whole = run(kernel, begin, 24, thin=200)[1]
    half, first = run(kernel, begin, 5, thin=200)
    rest = run(kernel, half, 19, thin=200)[1]
    assert whole.counts["violations"].sum() > 0
    np.testing.assert_array_equal(np.concatenate([first.array, rest.array], axis=1), whole.array)


def test_the_budget_is_a_bound_that_grows_with_the_steps():
    body = random_rows(200, 30).prepare()
    linear, exact = BallWalk(body, "linear"), BallWalk(body, "exact")
    assert 0 < linear.miss_bound(10**6) < linear.miss_bound(10**9) <= 1e-3
    assert exact.miss_bound(10**9) == 0
    assert BallWalk(body, "linear", zeta=np.inf).miss_bound(10**9) == 0
    assert linear.first_zeta < BallWalk(body, "linear", budget=1e-6).first_zeta


def test_waiting_is_off_by_itself_where_it_does_not_pay():
    assert BallWalk(cube(19).prepare()).chosen_rule == "full"
    assert BallWalk(cube(20).prepare()).chosen_rule == "quadratic"


@pytest.mark.parametrize("walk", WALKS)
def test_draws_do_not_depend_on_workers_or_blocks_and_go_on_from_a_file(walk, tmp_path):
    make, _ = WALKS[walk]
    kernel = make(random_rows(60, 21).prepare())
    begin = start(kernel, kernel.body.centre, seed=4, n_chains=3)
    whole = run(kernel, begin, 30, thin=7)[1]
    np.testing.assert_array_equal(run(kernel, begin, 30, thin=7, workers=3)[1].array, whole.array)
    half, first = run(kernel, begin, 11, thin=7)
    half.save(tmp_path / "half.npz")
    rest = run(kernel, Chains.load(tmp_path / "half.npz"), 19, thin=7)[1]
    np.testing.assert_array_equal(np.concatenate([first.array, rest.array], axis=1), whole.array)
    for name, counted in whole.counts.items():
        np.testing.assert_array_equal(first.counts[name] + rest.counts[name], counted)


@pytest.mark.parametrize("walk", ["hit-and-run", "coordinates, dense", "coordinates, sparse"])
def test_single_steps_are_the_same_chain(walk):
    make, _ = WALKS[walk]
    kernel = make(random_rows(60, 9).prepare())
    begin = start(kernel, kernel.body.centre, seed=4, n_chains=2)
    many = run(kernel, begin, 5)[1].array
    state, generators = begin.state, begin.generators()
    for k in range(5):
        state = kernel.step(state, generators)
        np.testing.assert_array_equal(state["position"], many[:, k])


@pytest.mark.parametrize("walk", ["hit-and-run", "coordinates, dense", "coordinates, sparse"])
def test_slacks_do_not_drift(walk):
    make, _ = WALKS[walk]
    kernel = make(random_rows(40, 6).prepare())
    begin = start(kernel, kernel.body.centre, seed=4, n_chains=1)
    end, _ = run(kernel, begin, 4, thin=20_000)
    np.testing.assert_allclose(
        end.state["slack"], kernel.body.slack(end.state["position"]), atol=1e-10
    )


@pytest.mark.parametrize("make", [BallWalk, HitAndRun, CoordinateHitAndRun])
def test_chains_start_strictly_inside(make):
    body = cube(3).prepare(rounding="none")
    with pytest.raises(ValueError, match="starts outside"):
        start(make(body), body.to_z([0, 0, 1.1]), seed=0)
    with pytest.raises(ValueError, match="starts on facet"):
        start(make(body), body.to_z([0, 0, 1.0]), seed=0)
    with pytest.raises(ValueError, match="3 coordinates"):
        start(make(body), np.zeros(4), seed=0)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"rule": "cubic"}, "rule is"),
        ({"step_size": 0.0}, "step_size is above 0"),
        ({"step_size": np.inf}, "step_size is finite"),
        ({"zeta": -1.0}, "zeta is above 0"),
        ({"budget": 1.0}, "budget is a probability"),
        ({"rule": "linear", "in_ball": True}, "takes steps in a ball"),
    ],
)
def test_bad_settings_are_refused(settings, told):
    with pytest.raises(ValueError, match=told):
        BallWalk(cube(3).prepare(), **settings)


def test_unknown_orders_and_columns_are_refused():
    body = cube(3).prepare()
    with pytest.raises(ValueError, match="order"):
        CoordinateHitAndRun(body, order="spiral")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="columns"):
        CoordinateHitAndRun(body, columns="thin")  # type: ignore[arg-type]
