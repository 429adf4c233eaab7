"""Errors of many functionals at once, in units of the errors that are claimed."""

from __future__ import annotations

import numpy as np
import pytest
from tests.sampling.bodies import cube, rotated_box, simplex

from equipoise.sampling import sample
from equipoise.sampling.diagnostics import mcse_mean


@pytest.mark.slow
@pytest.mark.parametrize("method", ["ball", "hit-and-run", "coordinate", "billiard"])
def test_claimed_errors_are_the_errors_made(method):
    n, z = 24, []
    sides = np.geomspace(1, 1e-4, n)
    polytope, q = rotated_box(sides)
    x = sample(polytope, 1500, method=method, seed=11).draws.array @ q.T / sides
    z.append((x.mean(axis=(0, 1)) - 0) / mcse_mean(x))
    z.append(((x**2).mean(axis=(0, 1)) - 1 / 3) / mcse_mean(x**2))
    near = (np.abs(x) > 0.9).astype(float)
    z.append((near.mean(axis=(0, 1)) - 0.1) / mcse_mean(near))
    x = sample(simplex(n), 1500, method=method, seed=12).draws.array
    z.append((x.mean(axis=(0, 1)) - 1 / n) / mcse_mean(x))
    z.append(((x**2).mean(axis=(0, 1)) - 2 / (n * (n + 1))) / mcse_mean(x**2))
    all_z = np.concatenate(z)
    assert np.abs(all_z).max() < 5
    assert 0.7 < np.sqrt((all_z**2).mean()) < 1.3


@pytest.mark.slow
def test_lazy_steps_keep_the_mass_at_the_walls():
    drawn = sample(cube(30), 3000, method="ball", seed=4)
    near = (np.abs(drawn.draws.array) > 0.99).mean(axis=2)
    assert abs(near.mean() - 0.01) < 4 * mcse_mean(near)
    assert drawn.kernel.chosen_rule == "quadratic"
    assert drawn.draws.counts["violations"].sum() == 0
