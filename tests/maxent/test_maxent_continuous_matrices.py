"""Matrices: the Bloch sphere, rotations, Haar measure, faces."""

from __future__ import annotations

import numpy as np
import pytest
from tests.maxent.test_maxent_continuous_draws import density_matrix

from equipoise.maxent.continuous import (
    Projections,
    RankOneProjections,
    Simplex,
    UnitaryOrbit,
    fit,
)


def haar(n, seed, number=None):
    rng = np.random.default_rng(seed)
    shape = (n, n) if number is None else (number, n, n)
    return np.linalg.qr(rng.standard_normal(shape) + 1j * rng.standard_normal(shape))[0]


@pytest.mark.parametrize("r", [0.1, 0.5, 0.9, 0.99])
def test_a_qubit_is_a_langevin_function(r):
    mean = density_matrix([(1 + r) / 2, (1 - r) / 2])
    law = fit(RankOneProjections(2), mean)
    levels = np.linalg.eigvalsh(law.parameter)
    x = (levels[1] - levels[0]) / 2
    assert 1 / np.tanh(x) - 1 / x == pytest.approx(r, abs=1e-14)
    assert law.entropy == pytest.approx(np.log(np.sinh(x) / x) - x * r, abs=1e-13)


def test_the_parameter_commutes_with_the_mean():
    mean = density_matrix([0.5, 0.3, 0.15, 0.05])
    law = fit(RankOneProjections(4), mean)
    np.testing.assert_allclose(law.parameter @ mean, mean @ law.parameter, atol=1e-13)
    np.testing.assert_allclose(law.expectation, mean, atol=1e-14)


@pytest.mark.parametrize(
    "domain", [RankOneProjections(4), Projections(4, 2), UnitaryOrbit([3, 1, 0, 0])]
)
def test_rotated_means_have_rotated_parameters(domain):
    spectrum = np.array([0.4, 0.3, 0.2, 0.1]) * domain.values.sum()
    mean, turn = density_matrix(spectrum), haar(4, 1)
    law, turned = fit(domain, mean), fit(domain, turn @ mean @ turn.conj().T)
    np.testing.assert_allclose(turned.parameter, turn @ law.parameter @ turn.conj().T, atol=1e-9)
    assert turned.entropy == pytest.approx(law.entropy, abs=1e-12)


def test_barycentres_of_pure_states_are_those_of_a_simplex():
    law = fit(RankOneProjections(3), density_matrix([0.6, 0.3, 0.1]))
    assert law.entropy == pytest.approx(fit(Simplex(3), [0.6, 0.3, 0.1]).entropy, abs=1e-13)


def test_lines_and_projections_of_rank_one_agree():
    mean = density_matrix([0.6, 0.3, 0.1])
    one, other = fit(RankOneProjections(3), mean), fit(Projections(3, 1), mean)
    np.testing.assert_allclose(one.parameter, other.parameter, atol=1e-11)


@pytest.mark.parametrize(
    ("values", "domain"),
    [
        ([1, 0, 0, 0], RankOneProjections(4)),
        ([1, 1, 0, 0], Projections(4, 2)),
        ([2, 0.5, 0, -1], UnitaryOrbit([2, 0.5, 0, -1])),
    ],
)
def test_means_under_haar_measure(values, domain):
    y = np.array([1.5, 0.2, 0.0, -1.0])
    U = haar(4, 0, 100_000)
    diagonals = (np.abs(U) ** 2) @ np.array(values, dtype=float)
    weight = np.exp(diagonals @ y)
    found = domain.diagonal.moments(y)
    error = weight.std() / weight.mean() / np.sqrt(len(weight))
    assert np.log(weight.mean()) == pytest.approx(found.log_normaliser, abs=5 * error)
    mean = weight @ diagonals / weight.sum()
    np.testing.assert_allclose(mean, found.mean, atol=0.01)


def test_drawn_columns_are_orthonormal():
    for domain in (RankOneProjections(3), Projections(5, 2), Projections(5, 3)):
        spectrum = np.full(domain.n, domain.values.sum() / domain.n)
        spectrum[:2] += [0.1, -0.1]
        columns = fit(domain, density_matrix(spectrum)).sample_columns(20, seed=0)
        gram = columns.conj().swapaxes(1, 2) @ columns
        np.testing.assert_allclose(
            gram, np.broadcast_to(np.eye(gram.shape[1]), gram.shape), atol=1e-13
        )


def test_log_prob_knows_what_is_no_projection():
    law = fit(RankOneProjections(2), np.eye(2) / 2)
    pure = np.array([[0.5, 0.5j], [-0.5j, 0.5]])
    assert law.log_prob(pure) == pytest.approx(0, abs=1e-14)
    assert law.log_prob(np.eye(2) / 2) == -np.inf
    assert law.log_prob(np.array([[1.0, 1.0], [0.0, 0.0]])) == -np.inf
    with pytest.raises(ValueError, match="shape"):
        law.log_prob(np.eye(3))


def test_a_singular_state_on_its_support():
    mean = density_matrix([0.7, 0.3, 0.0])
    law = fit(RankOneProjections(3), mean, on_singular="face")
    assert law.entropy == pytest.approx(fit(Simplex(2), [0.7, 0.3]).entropy, abs=1e-12)
    states = law.sample_columns(200, seed=0)[:, :, 0]
    outside = states @ law.frame[:, 0].conj()
    np.testing.assert_allclose(outside, 0, atol=1e-12)


def test_a_pure_state_is_its_own_barycentre():
    mean = density_matrix([1.0, 0.0, 0.0])
    law = fit(RankOneProjections(3), mean, on_singular="face")
    np.testing.assert_allclose(law.sample(3, seed=0), np.tile(mean, (3, 1, 1)), atol=1e-12)


def test_projections_with_certain_and_impossible_directions():
    mean = density_matrix([1.0, 0.7, 0.3, 0.0])
    law = fit(Projections(4, 2), mean, on_singular="face")
    assert law.entropy == pytest.approx(fit(Simplex(2), [0.7, 0.3]).entropy, abs=1e-12)
    drawn = law.sample(2000, seed=0)
    assert np.isfinite(law.log_prob(drawn)).all()
    np.testing.assert_allclose(drawn.mean(axis=0), mean, atol=0.04)


def test_small_eigenvalues_keep_their_digits():
    spectrum = np.geomspace(1, 1e-9, 12)
    law = fit(RankOneProjections(12), np.diag(spectrum / spectrum.sum()))
    assert law.residual < 1e-12
    assert law.gap < 1e-24


@pytest.mark.parametrize(
    ("k", "spectrum"),
    [
        (2, [0.999, 0.7, 0.2, 0.1, 0.001]),
        (3, [0.999, 0.9, 0.8, 0.299, 0.002]),
        (2, [1 - 1e-6, 0.5, 0.25, 0.25, 1e-6]),
    ],
)
def test_projections_with_all_but_certain_directions(k, spectrum):
    law = fit(Projections(5, k), density_matrix(spectrum))
    found = np.sort(np.linalg.eigvalsh(law.expectation))
    np.testing.assert_allclose(found, np.sort(spectrum), rtol=1e-9, atol=1e-14)
    assert law.gap < 1e-16
