"""The Dikin walk beyond what all walks are held to: invariance, resumption, thinness."""

from __future__ import annotations

import numpy as np
import pytest
from tests.sampling.bodies import cube, random_rows, rotated_box

from equipoise.sampling import Chains, Dikin, run, start
from equipoise.sampling.diagnostics import mcse_mean


def test_an_affine_map_does_not_change_the_walk():
    body = cube(4).prepare(rounding="none")
    # Under an upper triangular map the factors, and with them the very steps, are the same.
    matrix = np.triu(np.random.default_rng(2).standard_normal((4, 4))) + 100 * np.eye(4)
    mapped = body.mapped(matrix, np.ones(4) / 7)
    draws = []
    for one in (body, mapped):
        kernel = Dikin(one)
        _, drawn = run(kernel, start(kernel, one.centre, seed=3), 100, thin=3)
        draws.append(one.to_x(drawn.array))
    np.testing.assert_allclose(*draws, atol=1e-9)
    assert draws[0].std() > 0.1


def test_an_unrounded_thin_box_is_sampled_in_all_its_length():
    sides = np.geomspace(1, 1e-6, 5)
    polytope, q = rotated_box(sides)
    kernel = Dikin(polytope.prepare(rounding="none"))
    chains, _ = run(kernel, start(kernel, kernel.body.centre, seed=1), 100, thin=20)
    x = kernel.body.to_x(run(kernel, chains, 5000, thin=20)[1].array) @ q.T / sides
    for values, truth in ((x, 0), (x**2, 1 / 3), ((np.abs(x) > 0.99).astype(float), 0.01)):
        assert (np.abs(values.mean(axis=(0, 1)) - truth) / mcse_mean(values)).max() < 4


def test_it_goes_on_from_a_file_bit_for_bit(tmp_path):
    kernel = Dikin(random_rows(60, 8).prepare())
    begin = start(kernel, kernel.body.centre, seed=4, n_chains=2)
    whole = run(kernel, begin, 30, workers=2)[1].array
    half, first = run(kernel, begin, 11)
    half.save(tmp_path / "half.npz")
    rest = run(kernel, Chains.load(tmp_path / "half.npz"), 19)[1].array
    np.testing.assert_array_equal(np.concatenate([first.array, rest], axis=1), whole)


def test_larger_steps_are_accepted_less():
    body = cube(6).prepare()
    rates = []
    for size in (0.3, 1.5, 4.0):
        kernel = Dikin(body, size)
        rates.append(run(kernel, start(kernel, body.centre, seed=1), 20, thin=100)[1].acceptance)
    assert (np.diff(np.array(rates).mean(axis=1)) < -0.2).all()


@pytest.mark.parametrize("size", [0.0, np.inf, np.nan])
def test_bad_sizes_are_refused(size):
    with pytest.raises(ValueError, match="step_size"):
        Dikin(cube(2).prepare(), size)
