"""Asking a polytope for effective draws: exact shapes, choices, tuning, budgets, roundness."""

from __future__ import annotations

import numpy as np
import pytest
from tests.sampling.bodies import (
    birkhoff,
    cube,
    random_rows,
    rotated_box,
    simplex,
    solid_simplex,
)

from equipoise.sampling import (
    BallWalk,
    Billiard,
    Chains,
    CoordinateHitAndRun,
    Polytope,
    SinglePointError,
    TooFewDrawsWarning,
    UnboundedPolytopeError,
    isotropic,
    run,
    sample,
    start,
    tuned,
)
from equipoise.sampling.diagnostics import mcse_mean


def ordered_simplex(n: int) -> Polytope:
    """{0 <= x_1 <= ... <= x_n <= 1}, with every bound stated."""
    steps = np.eye(n - 1, n) - np.eye(n - 1, n, k=1)
    return Polytope(steps, np.zeros(n - 1), bounds=(0, 1))


def z_scores(values: np.ndarray, truth) -> np.ndarray:
    return (values.mean(axis=(0, 1)) - truth) / mcse_mean(values)


@pytest.mark.parametrize(
    ("polytope", "shape", "mean"),
    [
        (Polytope(bounds=[(0, 2), (5, 5), (-1, 3)]), "box", [1, 5, 1]),
        (simplex(4), "simplex", [0.25] * 4),
        (solid_simplex(4), "simplex", [0.2] * 4),
        (Polytope([[1.0, 2]], [5.0], bounds=[(1, 9), (0, None)]), "simplex", [7 / 3, 2 / 3]),
        (ordered_simplex(4), "ordered simplex", [0.2, 0.4, 0.6, 0.8]),
        (
            Polytope([[1.0, 1], [-1, 1], [0, -1]], [1, 1, 0]),
            "simplex",
            [0, 1 / 3],
        ),
    ],
)
def test_known_shapes_are_drawn_exactly(polytope, shape, mean):
    drawn = sample(polytope, 4000, seed=2)
    assert drawn.method == f"exact ({shape})"
    x = drawn.draws.array
    assert polytope.violation(x).max() < 1e-12
    error = np.maximum(x.std(axis=(0, 1)) / np.sqrt(4000), 1e-15)
    assert (np.abs(x.mean(axis=(0, 1)) - mean) < 4 * error).all()


def test_a_simplex_in_ten_thousand_dimensions_takes_no_chain():
    drawn = sample(simplex(10_000), 8)
    np.testing.assert_allclose(drawn.draws.array.sum(axis=2), 1)


def test_an_ordered_simplex_in_three_hundred_dimensions_takes_no_chain():
    n = 300
    bounds = [(0, None), *[(None, None)] * (n - 2), (None, 1)]
    steps = np.eye(n - 1, n) - np.eye(n - 1, n, k=1)
    drawn = sample(Polytope(steps, np.zeros(n - 1), bounds=bounds), 400)
    assert drawn.method == "exact (ordered simplex)"
    x = drawn.draws.array.reshape(-1, n)
    assert (np.diff(x, axis=1) >= -1e-12).all()
    # The k-th of n sorted uniform numbers is Beta(k, n - k + 1).
    k = np.arange(1, n + 1)
    error = np.sqrt(k * (n - k + 1) / (n + 1) ** 2 / (n + 2) / 400)
    assert (np.abs(x.mean(axis=0) - k / (n + 1)) < 5 * error).all()


def test_a_simplex_cut_by_a_bound_is_not_taken_for_one():
    polytope = Polytope([[1.0, 1]], [1.0], bounds=[(0, 0.5), (0, None)])
    assert sample(polytope, 100).kernel is not None
    with pytest.raises(ValueError, match="not seen to be"):
        sample(polytope, 100, method="exact")


@pytest.mark.parametrize(
    "method", ["auto", "ball", "hit-and-run", "coordinate", "billiard", "dikin"]
)
def test_as_many_draws_are_effective_as_asked_for_and_they_are_right(method):
    polytope, q = rotated_box(np.geomspace(1, 1e-3, 6))
    drawn = sample(polytope, 1500, method=method, seed=3)
    assert drawn.effective >= 1500
    assert drawn.max_rhat <= 1.01
    assert polytope.violation(drawn.draws.array).max() < 1e-9
    x = drawn.draws.array @ q.T / np.geomspace(1, 1e-3, 6)
    assert np.abs(z_scores(x, 0)).max() < 4
    assert np.abs(z_scores(x**2, 1 / 3)).max() < 4
    assert (drawn.miss_bound > 0) == (method == "ball" and drawn.kernel.chosen_rule != "full")


def test_a_birkhoff_polytope_is_walked_along_sparse_columns():
    n = 4
    drawn = sample(birkhoff(n), 1000, seed=1)
    assert isinstance(drawn.kernel, CoordinateHitAndRun)
    assert drawn.kernel.sparse
    x = drawn.draws.array
    np.testing.assert_allclose(x.reshape(*x.shape[:2], n, n).sum(axis=3), 1, atol=1e-10)
    assert np.abs(z_scores(x, 1 / n)).max() < 4
    # Entries are exchangeable, so their squares have one mean.
    squares = x**2 - (x**2).mean(axis=2, keepdims=True)
    assert np.abs(z_scores(squares, 0)).max() < 4.5


def test_a_dense_body_is_walked_by_a_billiard():
    assert isinstance(sample(random_rows(60, 8), 100).kernel, Billiard)


def test_the_same_seed_gives_the_same_draws_whatever_the_workers():
    one = sample(random_rows(60, 8), 200, seed=5)
    two = sample(random_rows(60, 8), 200, seed=5, workers=3)
    np.testing.assert_array_equal(one.draws.array, two.draws.array)


def test_a_sample_can_be_gone_on_with():
    drawn = sample(random_rows(60, 8), 100)
    _, more = run(drawn.kernel, drawn.chains, 10, thin=drawn.thin)
    x = drawn.kernel.body.to_x(more.array)
    assert (random_rows(60, 8).violation(x) < 0).all()


def test_too_few_steps_are_said():
    with pytest.warns(TooFewDrawsWarning, match="raise max_steps"):
        drawn = sample(random_rows(60, 8), 5000, max_steps=2000)
    assert drawn.effective < 5000


def test_progress_is_told():
    told = []
    sample(random_rows(60, 8), 100, progress=lambda now: told.append(now.done))
    assert told


def test_bad_questions_are_refused():
    with pytest.raises(ValueError, match="n_effective"):
        sample(cube(2), 0)
    with pytest.raises(ValueError, match="method"):
        sample(cube(2), 10, method="gibbs")  # type: ignore[arg-type]
    with pytest.raises(SinglePointError):
        sample(Polytope(bounds=[(1, 1)]))
    with pytest.raises(UnboundedPolytopeError):
        sample(Polytope(bounds=[(1, None)]))


def test_the_size_of_steps_is_tuned_to_the_acceptance():
    body = random_rows(200, 24).prepare()
    for first in (1e-4, 10.0):
        kernel = BallWalk(body, step_size=first)
        kernel, chains = tuned(kernel, start(kernel, body.centre, seed=1))
        assert 0.3 < run(kernel, chains, 4, thin=500)[1].acceptance.mean() < 0.6
        assert chains.state["steps"].sum() == 0


def test_billiard_has_the_mass_at_the_walls():
    # Two of the libraries in use travel 0.995 of the way to the wall and lose a tenth of this.
    kernel = Billiard(cube(10).prepare(rounding="none"))
    chains, _ = run(kernel, start(kernel, kernel.body.centre, seed=6), 50)
    x = run(kernel, chains, 10_000)[1].array
    assert abs(z_scores((np.abs(x) > 0.99).mean(axis=2), 0.01)) < 4
    assert np.abs(z_scores(x**2, 1 / 3)).max() < 4


def test_billiard_is_the_same_with_and_without_kept_products(monkeypatch):
    import equipoise.sampling.billiard as module

    def draws():
        kernel = Billiard(random_rows(50, 6).prepare())
        return run(kernel, start(kernel, kernel.body.centre, seed=2), 20)[1]

    kept = draws()
    monkeypatch.setattr(module, "_PRODUCTS", 10)
    np.testing.assert_allclose(draws().array, kept.array, atol=1e-8)


def test_billiard_stays_when_a_trajectory_is_given_up():
    kernel = Billiard(cube(3).prepare(), length=50.0, most_reflections=2)
    draws = run(kernel, start(kernel, kernel.body.centre, seed=2), 50)[1]
    assert (draws.acceptance < 0.5).all()
    assert (np.diff(draws.array, axis=1) == 0).all(axis=2).any()


def test_billiard_goes_on_from_a_file(tmp_path):
    kernel = Billiard(random_rows(60, 8).prepare())
    begin = start(kernel, kernel.body.centre, seed=4, n_chains=2)
    whole = run(kernel, begin, 30, workers=2)[1].array
    half, first = run(kernel, begin, 11)
    half.save(tmp_path / "half.npz")
    rest = run(kernel, Chains.load(tmp_path / "half.npz"), 19)[1].array
    np.testing.assert_array_equal(np.concatenate([first.array, rest], axis=1), whole)


def test_bad_billiards_are_refused():
    body = cube(2).prepare()
    with pytest.raises(ValueError, match="length"):
        Billiard(body, length=0)
    with pytest.raises(ValueError, match="most_reflections"):
        Billiard(body, most_reflections=0)


def test_rounding_by_covariance_makes_a_long_simplex_round():
    body = solid_simplex(6).prepare(rounding="none")
    scaled = body.mapped(np.diag(np.geomspace(1, 0.5, 6)), body.centre)
    done = isotropic(scaled, seed=0)
    assert done.rounds >= 1
    assert done.ratio < 2
    assert done.effective >= 60
    # The map is kept, and what it does to volumes.
    assert solid_simplex(6).violation(done.body.to_x(done.body.centre)) < 0
    np.testing.assert_allclose(done.body.log_det, np.linalg.slogdet(done.body.basis)[1])


def test_rounding_by_covariance_stops_where_draws_are_too_few():
    polytope, _ = rotated_box(np.geomspace(1, 1e-4, 5))
    done = isotropic(polytope.prepare(rounding="none"), seed=0)
    assert np.isnan(done.ratio)
    assert done.rounds == 0
    with pytest.raises(ValueError, match="max_rounds"):
        isotropic(done.body, seed=0, max_rounds=-1)
